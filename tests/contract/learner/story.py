"""A short history in which everything happens once that a documented question asks for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from libs.contracts import advice, attempt, host, intake, model, opt_ins, plan, recognition, run, subjects
from libs.contracts.ids import BootId, CommandId, HostId, JobKey, RepositoryId, RunId
from libs.contracts.results import Result
from libs.contracts.size import Size
from tests.fakes.history import HOST, History, OneRun

PATH = ".github/workflows/ci.yml"
BUILD = JobKey("build")
COMMITS = {name: name * 40 for name in "abcdef"}
SIZE = Size(2, 4096)
NOW = datetime.now(UTC)


async def tell(history: History) -> None:
    await _hosts(history)
    await _deliveries(history)
    await _run(history, 1, "a", "success")
    await _flaky(history)
    await _run(history, 3, "c", "failure", fingerprint="boom", said="error: boom", category="network")
    await _run(history, 4, "d", "failure", fingerprint="boom", said="error: boom", category="network")
    await _run(history, 5, "e", "success")
    await _trial(history)
    await _hang(history)
    await _retry(history)
    await _learned(history)
    await _model(history)


async def _hosts(history: History) -> None:
    joined = host.HostJoined(HOST, BootId("boot"), ("linux",), 4, "firecracker", b"key")
    pooled = host.VmPooled("vm-1", "minimal", SIZE, "own", "restored", phases_ms={"restore": 30.0})
    await history.append(subjects.host(HOST), joined, pooled)


async def _deliveries(history: History) -> None:
    await history.delivered()
    problem = intake.Problem(".github/workflows/bad.yml", 3, 5, "unknown key 'job'")
    rejected = intake.WorkflowRejected(history.full_name, COMMITS["a"], problem.file, (problem,))
    planned = intake.RunsPlanned(history.full_name, COMMITS["a"], "push", {PATH: RunId(1)})
    await history.intake(rejected, planned)
    other = "22222222-2222-3333-4444-555555555555"
    await history.delivered(other, "watch")
    await history.intake(intake.DeliveryIgnored("watch", "no workflow wants it", history.full_name), cause=other)


def _one(history: History, number: int, commit: str) -> OneRun:
    return history.one_run(number, sha=COMMITS[commit], number=number)


async def _begin(one: OneRun, n: int = 1) -> None:
    await one.queued("build", "Build")
    await one.assigned("build", n)
    began = attempt.AttemptStarted(one.run_id, BUILD, n, HOST, BootId("boot"), "firecracker")
    vm = f"vm-{one.run_id}"
    ready = attempt.VmReady("pooled", {"identity": 4.0}, vm=vm, image="minimal", size=SIZE)
    await one.at("build", n, began, ready)


async def _end(one: OneRun, result: Result, n: int = 1, **said: str) -> None:
    await one.step("build", 0, "Run make", result, n=n, ms=2_000, command="make test", **said)
    await one.finished("build", result, n=n, name="Build", ms=60_000)


async def _run(history: History, number: int, commit: str, result: Result, **said: str) -> None:
    one = _one(history, number, commit)
    await one.planned()
    await one.say(run.RunStarted())
    await _begin(one)
    await _end(one, result, **said)
    await one.over(result)
    gone = host.VmDestroyed(f"vm-{number}", "its job is over", subjects.attempt(HOST, one.address, BUILD, 1))
    await history.append(subjects.host(HOST), gone)


async def _flaky(history: History) -> None:
    """Fails, and passes when somebody runs it again."""
    await _run(history, 2, "b", "failure", fingerprint="race", said="error: race")
    one = _one(history, 2, "b")
    await one.say(run.RunRerun(CommandId("c"), "octocat", 2, (BUILD,)))
    await one.queued("build", "Build", run_attempt=2)
    await one.assigned("build", 2)
    await one.started("build", 2)
    await _end(one, "success", 2)
    await one.over("success", run_attempt=2)


async def _trial(history: History) -> None:
    """What a model proposed is tried out: it costs minutes, and nobody's step failed."""
    one = history.one_run(8, sha=COMMITS["e"], number=8, trial="e" * 64)
    await one.planned()
    await one.say(run.RunStarted())
    await _begin(one)
    await _end(one, "failure", fingerprint="trial", said="error: trial", category="network")
    await one.over("failure")


async def _hang(history: History) -> None:
    one = _one(history, 6, "e")
    await one.planned()
    evidence = run.TimeoutEvidence(9, "warm", 12, 61_000, 61_000)
    queued = run.JobQueued(BUILD, "build", "Build", ("linux",), 3_600_000)
    await one.say(run.RunStarted(), queued, run.TimeoutAdjusted(BUILD, 3_600_000, 122_000, evidence))
    await one.assigned("build")
    await one.started("build")
    await one.finished("build", "timeout", name="Build", ms=122_000)
    await one.over("timeout")


async def _retry(history: History) -> None:
    one = _one(history, 7, "f")
    await one.planned()
    await one.say(run.RunStarted())
    await one.queued("build", "Build")
    await one.assigned("build")
    await one.started("build")
    await one.at("build", 1, attempt.AttemptFinished("failure", duration_ms=10_000))
    again = run.JobQueued(BUILD, "build", "Build", ("linux",), 60_000, why="known flaky: 2 commits", retry_of=1)
    await one.say(again)
    await one.assigned("build", 2)
    await one.started("build", 2)
    await one.at("build", 2, attempt.AttemptFinished("success", duration_ms=10_000))
    told = "passed on attempt 2, known flaky"
    await one.say(run.JobFinished(BUILD, "build", "Build", "success", "success", n=2, why=told, retries=1))
    await one.over()


async def _learned(history: History) -> None:
    pieces = (
        advice.TimeoutAdvice(PATH, BUILD, "Build", 122_000, "warm", 12, 61_000.0, 61_000.0, kills=1),
        advice.DurationAdvice(PATH, BUILD, "Build", 60_000.0, 12),
        advice.FlakyAdvice(PATH, BUILD, "Build", "Run make", "flaky", ("b" * 40, "f" * 40), 0.12, 3, NOW),
        advice.CacheAdvice(
            PATH, BUILD, "Build", "Install", "npm", "package-lock.json", "~/.npm", "key", "cache", 40_000, 30_000, 9
        ),
    )
    given = advice.AdviceGiven(9, pieces, history.full_name)
    since = NOW - timedelta(days=1)
    measured = advice.AdviceMeasured("timeout", PATH, BUILD, "", since, NOW, 5, 1, 1, 0, saved_ms=3_478_000)
    await history.append(subjects.advice(RepositoryId(5)), advice.AdviceGiven(8, pieces[:1], history.full_name))
    await history.append(subjects.advice(RepositoryId(5)), given, measured)
    pool = advice.PoolAdvice(HostId("host-1"), "own", None, 3, 12.5, 4.0, 100)
    await history.append(subjects.ADVICE_FOR_HOSTS, advice.AdviceGiven(9, (pool,)))
    one = _one(history, 4, "d")
    known = recognition.FailureRecognized(
        1, BUILD, 1, 0, "Run make", "boom", "error: boom", 1, NOW, NOW, ("Octo/a",), 2
    )
    await history.append(subjects.recognition(*one.address), known)
    repository = plan.Repository(RepositoryId(5), history.owner, history.name)
    opted = opt_ins.OptInsDeclared(repository, "refs/heads/main", "a" * 40, NOW, opt_ins.OptIns("apply", 1))
    await history.append(subjects.opt_ins(RepositoryId(5)), opted)


async def _model(history: History) -> None:
    subject = subjects.model(RepositoryId(5), "e" * 64)
    place = model.ProposalPlace(PATH, COMMITS["a"], "build", 2, run_id=RunId(1))
    steps = (model.ProposedStep("Set up", "true"),)
    made = model.ProposalMade("e" * 64, "uses", "octo/gone@v1", (place,), steps, "gemma3:4b", history.full_name, ("x",))
    await history.append(subject, made)
    await history.append(subject, model.ProposalAccepted("e" * 64, CommandId("c"), "octocat"))
    triage = model.TriageGiven(
        1, BUILD, 1, 0, "Run make", "network", "model", (3,), "It could not connect.", "gemma3:4b"
    )
    await history.append(subjects.model(RepositoryId(5), "3"), triage)
    failed = model.ModelFailed("triage", "slow", "no answer within 20 s", "gemma3:4b", "run 4")
    await history.append(subjects.model(RepositoryId(5), "4"), failed)
