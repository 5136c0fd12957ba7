"""Given/when/then for runs: a run, the hosts, and agents that say what the test lets them say. No bus, no clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec

from libs.contracts import subjects
from libs.contracts.advice import Advice, AdviceGiven
from libs.contracts.attempt import (
    AttemptEvent,
    AttemptFinished,
    AttemptLost,
    AttemptRefused,
    AttemptStarted,
    StepFinished,
    StepStarted,
)
from libs.contracts.commands import ApproveJob, CancelRun, RerunRun
from libs.contracts.environments import Environments, Protection
from libs.contracts.group import GroupChanged, Member
from libs.contracts.ids import BootId, CommandId, HostId, JobKey, RepositoryId, RunId
from libs.contracts.opt_ins import OptIns
from libs.contracts.plan import Plan, PlannedJob, PlannedStep, Repository, Strategy
from libs.contracts.results import Result
from libs.contracts.run import JobFinished, JobSkipped, RunEvent, RunFinished, RunPlanned
from libs.contracts.subjects import AttemptAddress
from services.scheduler.commands import decide_command, decide_timer
from services.scheduler.decide import Situation, decide
from services.scheduler.evolve import evolve, evolve_attempt
from services.scheduler.hosts import Fleet, Host
from services.scheduler.learned import NOTHING, Bounds, learned
from services.scheduler.place import Usage, place
from services.scheduler.policy import SERVICE, Policy
from services.scheduler.run_state import ON_A_HOST, Job, Run
from services.scheduler.wants import assigned, occupied, queued

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
BOOT = BootId("boot-1")


def step(index: int = 0, **fields: object) -> PlannedStep:
    return PlannedStep(index=index, line=10 + index, run="true", **fields)


def job(id: str, *, needs: tuple[str, ...] = (), steps: int = 1, **fields: object) -> PlannedJob:
    fields.setdefault("runs_on", "ubuntu-latest")
    return PlannedJob(id=id, line=5, needs=needs, steps=tuple(step(index) for index in range(steps)), **fields)


def matrix(values: object, **fields: object) -> Strategy:
    return Strategy(matrix=values, **fields)


def plan(*jobs: PlannedJob, run_id: int = 7, **fields: object) -> Plan:
    values: dict[str, object] = {
        "run_id": RunId(run_id),
        "run_number": 1,
        "repository": Repository(RepositoryId(1), "octo", "demo"),
        "event": "push",
        "sha": "a" * 40,
        "ref": "refs/heads/main",
        "workflow_path": ".github/workflows/ci.yml",
        "workflow_name": "CI",
        "run_name": "CI",
        "trust": "own",
        "actor": "octocat",
        "jobs": jobs,
        "github": {"ref": "refs/heads/main", "event_name": "push", "event": {}},
    }
    return Plan(**{**values, **fields})


def host(id: str = "h1", *labels: str, slots: int = 100, **fields: object) -> Host:
    offered = frozenset(label.lower() for label in labels or ("ubuntu-latest", "linux"))
    return Host(HostId(id), BOOT, offered, slots, **{"driver": "bubblewrap", **fields})


def fleet(*hosts: Host) -> Fleet:
    return {each.id: each for each in hosts}


class Story:
    """A run as it goes on; `events` is all that was decided, oldest first."""

    def __init__(self, planned: Plan, *hosts: Host, policy: Policy = SERVICE) -> None:
        self.now = NOON
        self.policy = policy
        self.fleet = fleet(*hosts) if hosts else fleet(host())
        self.run: Run = evolve(None, RunPlanned(planned), self.now)
        self.events: list[RunEvent] = []
        self.groups: dict[str, GroupChanged] = {}
        self.environments: Environments | None = Environments()
        self.learned = NOTHING

    @property
    def situation(self) -> Situation:
        return Situation(self.now, self.fleet, self.policy, self.groups, self.environments, self.learned)

    def knows(self, *advice: Advice, bounds: Bounds | None = None, position: int = 100, **opt_ins: object) -> Story:
        """What was advised and what is opted into from now on."""
        given = AdviceGiven(1, advice)
        self.learned = learned(given, position, OptIns(**opt_ins), bounds or Bounds(floor_ms=2_000))
        return self

    def group(self, name: str, holder: Member | None = None, **fields: object) -> Story:
        """The group's state from now on, as its log says."""
        subject = subjects.group(self.run.plan.repository.id, name)
        self.groups[subject] = GroupChanged(name, holder, **fields)
        return self

    def member(self, key: str = "", *, called: bool = False) -> Member:
        return Member(self.run.id, self.run.run_attempt, self.job(key).key if key else JobKey(""), called)

    def protect(self, name: str, **fields: object) -> Story:
        known = self.environments.protections if self.environments else {}
        self.environments = Environments({**known, name.lower(): Protection(name, **fields)})
        return self

    def approve(self, by: str = "monalisa", id: str = "a1", **fields: object) -> list[RunEvent]:
        command = ApproveJob(CommandId(id), self.run.id, by, **fields)
        return self.apply(decide_command(self.run, command)) + self.go()

    def later(self, seconds: float) -> Story:
        self.now += timedelta(seconds=seconds)
        return self

    def apply(self, events: list[RunEvent]) -> list[RunEvent]:
        for event in events:
            self.run = evolve(self.run, event, self.now)
        self.events += events
        return events

    def decide(self) -> list[RunEvent]:
        """What is decided now; asking again at once must give nothing."""
        events = self.apply(decide(self.run, self.situation))
        assert decide(self.run, self.situation) == []
        return events

    def go(self) -> list[RunEvent]:
        """Decides and places until nothing more follows."""
        events = self.decide()
        assignments = place(queued(self.run, self.learned), self.fleet, usage(self.run))
        return events + self.apply([assigned(self.run, self.run.jobs[a.job], a.host) for a in assignments])

    def job(self, key: str) -> Job:
        """By key, or by the name that is shown."""
        found = self.run.jobs.get(JobKey(key))
        return found or next(each for each in self.run.jobs.values() if each.name == key)

    def says(self, key: str, event: AttemptEvent) -> Story:
        mine = self.job(key)
        assert mine.attempt is not None
        address = AttemptAddress(mine.attempt.host, "octo", "demo", self.run.id, mine.key, mine.attempt.n)
        self.run = evolve_attempt(self.run, address, event, self.now)
        return self

    def starts(self, key: str, *, driver: str = "bubblewrap", boot: str = BOOT) -> Story:
        mine = self.job(key)
        assert mine.attempt is not None
        started = AttemptStarted(self.run.id, mine.key, mine.attempt.n, mine.attempt.host, BootId(boot), driver)
        return self.says(key, started)

    def steps(self, key: str, *outcomes: Result, first: int = 0) -> Story:
        for index, outcome in enumerate(outcomes, first):
            if outcome != "skip":
                self.says(key, StepStarted(index, f"step {index}"))
            self.says(key, StepFinished(index, f"step {index}", outcome, outcome))
        return self

    def ends(self, key: str, conclusion: Result = "success", **fields: object) -> Story:
        return self.says(key, AttemptFinished(conclusion, **fields))

    def does(self, key: str, outcome: Result = "success", **fields: object) -> list[RunEvent]:
        """An honest agent runs all steps of an assigned job; the first has this outcome."""
        count = len(self.run.planned[self.job(key).job_id].steps)
        self.starts(key).steps(key, outcome, *["success" if outcome == "success" else "skip"] * (count - 1))
        return self.ends(key, outcome, **fields).go()

    def refuses(self, key: str, why: str = "no slot", *, permanent: bool = False) -> Story:
        return self.says(key, AttemptRefused(why, permanent))

    def loses(self, key: str, why: str = "host h1 was silent for 30 s") -> Story:
        return self.says(key, AttemptLost(why))

    def cancel(self, id: str = "c1") -> list[RunEvent]:
        events = self.apply(decide_command(self.run, CancelRun(CommandId(id), self.run.id, "octocat")))
        return events + self.go()

    def rerun(self, id: str = "r1", *, failed: bool = False, jobs: tuple[str, ...] = ()) -> list[RunEvent]:
        command = RerunRun(CommandId(id), self.run.id, "octocat", failed, tuple(JobKey(key) for key in jobs))
        return self.apply(decide_command(self.run, command)) + self.go()

    def fires(self, timer: msgspec.Struct) -> list[RunEvent]:
        return self.apply(decide_timer(self.run, timer)) + self.go()

    def result(self, key: str) -> tuple[Result | None, Result | None]:
        return self.job(key).outcome, self.job(key).conclusion

    def finished(self) -> RunFinished:
        ends = [event for event in self.events if isinstance(event, RunFinished)]
        return ends[-1]

    def end_of(self, key: str) -> JobFinished | JobSkipped:
        mine = self.job(key).key
        return [e for e in self.events if isinstance(e, JobFinished | JobSkipped) and e.job == mine][-1]


def usage(run: Run) -> Usage:
    hosts: dict[HostId, int] = {}
    groups: dict[str, int] = {}
    for host_id, group, _ in occupied(run):
        hosts[host_id] = hosts.get(host_id, 0) + 1
        groups[group] = groups.get(group, 0) + 1
    return Usage(hosts, {run.plan.repository.id: sum(hosts.values())}, groups)


def on_hosts(run: Run) -> list[str]:
    return [each.name for each in run.jobs.values() if each.phase in ON_A_HOST]


def types(events: list[RunEvent]) -> list[str]:
    return [type(event).__name__ for event in events]
