"""Writes the log of runs as the services would, onto any bus: one call, one commit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count

import msgspec

from libs.bus.port import Bus
from libs.contracts import attempt, delivery, envelope, ids, intake, plan, run, subjects
from libs.contracts.ids import BootId, Cause, DeliveryGuid, HostId, JobKey, RepositoryId, RunId
from libs.contracts.results import Result

SHA = "0123456789abcdef0123456789abcdef01234567"
GUID = "11111111-2222-3333-4444-555555555555"
HOST = HostId("host-1")


@dataclass
class History:
    bus: Bus
    owner: str = "Octo"
    name: str = "hello.world"
    _count: count[int] = field(default_factory=count)

    @property
    def full_name(self) -> str:
        return f"{self.owner}/{self.name}"

    async def append(self, subject: str, *events: msgspec.Struct, cause: str = GUID) -> int:
        commit = envelope.commit(
            id=ids.commit_id(subject, next(self._count)),
            source="test",
            subject=subject,
            cause=Cause(cause),
            now=datetime.now(UTC),
            events=list(events),
        )
        return await self.bus.append(commit, expected=None)

    async def delivered(self, guid: str = GUID, event: str = "push", body: bytes = b"x") -> int:
        received = delivery.DeliveryReceived(DeliveryGuid(guid), event, len(body), body)
        return await self.append(subjects.delivery(DeliveryGuid(guid)), received, cause=guid)

    async def intake(self, *events: intake.IntakeEvent, cause: str = GUID) -> int:
        return await self.append(subjects.intake(cause), *events, cause=cause)

    async def planned_runs(self, *runs: OneRun, cause: str = GUID) -> int:
        planned = intake.RunsPlanned(self.full_name, SHA, "push", {each.path: each.run_id for each in runs})
        return await self.intake(planned, cause=cause)

    def one_run(self, run_id: int = 7, **fields: object) -> OneRun:
        return OneRun(self, RunId(run_id), **fields)  # type: ignore[arg-type]


@dataclass
class OneRun:
    history: History
    run_id: RunId
    workflow: str = "CI"
    path: str = ".github/workflows/ci.yml"
    event: str = "push"
    sha: str = SHA
    head: str = ""
    pull_request: int | None = None
    cause: str = GUID
    number: int = 1
    repository_id: int = 5
    trial: str = ""

    @property
    def address(self) -> subjects.RunAddress:
        return subjects.RunAddress(ids.token(self.history.owner), ids.token(self.history.name), self.run_id)

    @property
    def plan(self) -> plan.Plan:
        payload = {"pull_request": {"head": {"sha": self.head}}} if self.head else {}
        return plan.Plan(
            run_id=self.run_id,
            run_number=self.number,
            repository=plan.Repository(RepositoryId(self.repository_id), self.history.owner, self.history.name),
            event=self.event,
            sha=self.sha,
            ref="refs/heads/main",
            workflow_path=self.path,
            workflow_name=self.workflow,
            run_name=self.workflow,
            trust="own",
            actor="octocat",
            jobs=(),
            github={"event": payload},
            pull_request=self.pull_request,
            trial=self.trial,
        )

    async def say(self, *events: run.RunEvent) -> int:
        return await self.history.append(subjects.run(*self.address), *events, cause=self.cause)

    async def planned(self) -> int:
        return await self.say(run.RunPlanned(plan=self.plan))

    async def queued(self, job: str, name: str = "", run_attempt: int = 1) -> int:
        queued = run.JobQueued(
            JobKey(job), job.partition("~")[0], name or job, ("linux",), 60_000, run_attempt=run_attempt
        )
        return await self.say(queued)

    async def assigned(self, job: str, n: int = 1) -> int:
        return await self.say(run.JobAssigned(JobKey(job), n, HOST))

    async def at(self, job: str, n: int, *events: attempt.AttemptEvent) -> int:
        subject = subjects.attempt(HOST, self.address, JobKey(job), n)
        return await self.history.append(subject, *events, cause=self.cause)

    async def started(self, job: str, n: int = 1) -> int:
        began = attempt.AttemptStarted(self.run_id, JobKey(job), n, HOST, BootId("boot"), "host")
        return await self.at(job, n, began, attempt.VmReady("spawned", {"spawn": 1.5}))

    async def step(
        self,
        job: str,
        index: int,
        name: str,
        result: Result = "success",
        *,
        n: int = 1,
        ms: float = 10,
        **said: str,
    ) -> int:
        """`said` are `command`, `fingerprint`, `said` and `category`."""
        code = None if result == "skip" else int(result != "success")
        finished = attempt.StepFinished(index, name, result, result, duration_ms=ms, exit_code=code, **said)  # type: ignore[arg-type]
        return await self.at(job, n, finished)

    async def finished(
        self, job: str, result: Result = "success", *, n: int = 1, name: str = "", ms: float = 100
    ) -> int:
        await self.at(job, n, attempt.AttemptFinished(result, duration_ms=ms))
        job_id = job.partition("~")[0]
        return await self.say(run.JobFinished(JobKey(job), job_id, name or job, result, result, n=n))

    async def over(self, result: Result = "success", *, steps_run: int = 1, run_attempt: int = 1) -> int:
        return await self.say(run.RunFinished(result, run_attempt=run_attempt, steps_run=steps_run))

    async def whole(self, jobs: Sequence[str] = ("build",), result: Result = "success") -> None:
        """Planned to finished, one step a job."""
        await self.planned()
        await self.say(run.RunStarted())
        for job in jobs:
            await self.queued(job)
            await self.assigned(job)
            await self.started(job)
            await self.step(job, 0, "Run true", result)
            await self.finished(job, result)
        await self.over(result)
