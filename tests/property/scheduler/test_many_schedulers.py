"""Whatever happens and in whatever order, with two schedulers deciding at once: each attempt has one owner, each run
attempt one end, nothing of a job follows its run's end, and no success has a hole.
"""

from __future__ import annotations

from collections import Counter

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from msgspec.structs import replace

from libs.contracts import subjects
from libs.contracts.attempt import AttemptFinished, AttemptLost, AttemptRefused, AttemptStarted, StepFinished
from libs.contracts.commands import CancelRun, RerunRun
from libs.contracts.group import Member
from libs.contracts.ids import CommandId, RepositoryId, RunId
from libs.contracts.plan import CalledWorkflow, Concurrency, Plan
from libs.contracts.run import (
    CallExpanded,
    GroupRequested,
    JobAssigned,
    JobCancelRequested,
    JobFinished,
    JobQueued,
    RunFinished,
    RunRerun,
    TimeoutAdjusted,
)
from libs.contracts.timers import JobDeadline, RunDeadline
from services.scheduler.learned import NOTHING, Learned
from tests.property.scheduler.simulation import Log, OneAgent, OneScheduler, pass_time, planned, planned_job
from tests.unit.services.scheduler.advised import flaky, limit
from tests.unit.services.scheduler.story import job, matrix, plan

SHAPES = (
    (job("a"),),
    (job("a", steps=2), job("b", needs=("a",))),
    (job("a"), job("b"), job("c", needs=("a", "b"), if_="always()")),
    (job("m", strategy=matrix({"n": [1, 2, 3]})), job("z", needs=("m",))),
    (job("m", strategy=matrix({"n": [1, 2]}, fail_fast=False, max_parallel=1), continue_on_error=True),),
    (job("c", steps=0, uses="x", calls="lib"), job("z", needs=("c",), if_="always()")),
    (
        job("c", steps=0, uses="x", calls="lib", strategy=matrix({"n": [1, 2, 3]}, max_parallel=2)),
        job("z", needs=("c",)),
    ),
    (job("p"), job("c", steps=0, uses="x", calls="outer", needs=("p",)), job("z", needs=("c",))),
    (job("p"), job("m", needs=("p",), strategy=matrix({"n": ["${{ needs.p.outputs.step }}", "x"]}))),
)
GATES = {"gated": Concurrency("c-${{ github.event_name }}", queue="max")}
CALLED = {
    name: CalledWorkflow(
        "octo/demo", f"{name}.yml", "main", "a" * 40, name, jobs, outputs={"step": "1"}, concurrency=GATES.get(name)
    )
    for name, jobs in {
        "lib": (job("a"), job("b", steps=2, needs=("a",)), job("clean", needs=("a",), if_="always()")),
        "gated": (job("a"), job("b", needs=("a",))),
        "outer": (job("i", steps=0, uses="x", calls="lib"), job("y", needs=("i",), strategy=matrix({"n": [1, 2]}))),
    }.items()
}
GATED = (
    (job("a", concurrency=Concurrency("j")), job("b", needs=("a",))),
    (job("a", concurrency=Concurrency("${{ github.ref }}", cancel_in_progress=True)), job("z", if_="always()")),
    (job("m", strategy=matrix({"n": [1, 2, 3]}), concurrency=Concurrency("J", queue="max")),),
    (job("a"), job("w", concurrency=Concurrency("w"))),
    (job("a"), job("w", needs=("a",), concurrency=Concurrency("v"))),
    (job("c", steps=0, uses="x", calls="gated", concurrency=Concurrency("j")), job("z", needs=("c",))),
    (job("c", steps=0, uses="x", calls="gated", strategy=matrix({"n": [1, 2]}, max_parallel=1)),),
)
CONCURRENCY = (
    None,
    Concurrency("w"),
    Concurrency("W", cancel_in_progress="${{ github.event_name == 'push' }}"),
    Concurrency("w", queue="max"),
    Concurrency("v"),
    Concurrency("j"),
)


class EachJob(dict):
    """Advice for whatever job is asked for."""

    def __init__(self, advice):
        super().__init__()
        self.advice = advice

    def get(self, at, default=None):
        return self.advice(at.job)


LEARNED = Learned(
    position=1,
    limits=EachJob(lambda job: limit(job, 60)),
    flaky=EachJob(lambda job: (flaky(job),)),
    retries=2,
    floor_ms=2_000,
)
OUTCOMES = st.sampled_from(["success", "success", "success", "failure", "error", "cancellation"])
BOTH = st.integers(0, 1)
ANY = st.integers(0, 1_000_000)


class ManySchedulers(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.log = Log()
        self.plans: dict[RunId, Plan] = {}
        self.schedulers = [OneScheduler(self.log), OneScheduler(self.log)]
        self.agents = [OneAgent(self.log, "h1", self.plans), OneAgent(self.log, "h2", self.plans)]
        self.commands = 0

    @rule(shape=st.sampled_from(SHAPES), concurrency=st.sampled_from(CONCURRENCY))
    @precondition(lambda self: len(self.plans) < 4)
    def plan(self, shape, concurrency):
        made = plan(*shape, run_id=len(self.plans) + 1, called=CALLED, concurrency=concurrency)
        self.plans[made.run_id] = made
        planned(self.log, made)

    @rule(which=BOTH, count=st.integers(1, 30))
    def read(self, which, count):
        self.schedulers[which].read(count)

    @rule(which=BOTH)
    def decide(self, which):
        self.schedulers[which].decide()

    @rule(which=BOTH)
    def store(self, which):
        self.schedulers[which].store()

    @rule(which=BOTH)
    def all_at_once(self, which):
        """What a healthy scheduler does all the time."""
        scheduler = self.schedulers[which]
        scheduler.read(1000)
        scheduler.decide()
        while scheduler.under_way:
            scheduler.store()
        scheduler.read(1000)

    @rule(which=BOTH, pick=ANY)
    def start(self, which, pick):
        doors = self.agents[which].doors()
        if doors:
            self.agents[which].start(doors[pick % len(doors)])

    @rule(which=BOTH, pick=ANY, outcome=OUTCOMES, lose_step=st.sampled_from([False, False, False, True]))
    def step(self, which, pick, outcome, lose_step):
        agent = self.agents[which]
        if agent.running:
            agent.go_on(sorted(agent.running)[pick % len(agent.running)], outcome, lose_step=lose_step)

    @rule(which=BOTH, pick=ANY)
    def refuse(self, which, pick):
        doors = self.agents[which].doors()
        if doors:
            self.agents[which].refuse(doors[pick % len(doors)])

    @rule(which=BOTH)
    def reboot(self, which):
        self.agents[which].join()

    @rule(which=BOTH, pick=ANY)
    def lose(self, which, pick):
        attempts = self.schedulers[which].attempts()
        if attempts:
            self.schedulers[which].lose(*attempts[pick % len(attempts)])

    @rule(pick=ANY, rerun=st.booleans(), failed=st.booleans())
    @precondition(lambda self: self.plans)
    def command(self, pick, rerun, failed):
        """Both get it: a queue may hand a command out twice."""
        self.commands += 1
        run_id, id = RunId(pick % len(self.plans) + 1), CommandId(f"c{self.commands}")
        what = RerunRun(id, run_id, "me", failed) if rerun else CancelRun(id, run_id, "me")
        known = sorted({event.job for event in self.log.run_events(run_id) if isinstance(event, JobFinished)})
        if rerun and not failed and known and pick % 2:
            what = replace(what, jobs=(known[pick % len(known)],))
        for scheduler in self.schedulers:
            scheduler.ask(what)

    @rule(which=BOTH, pick=ANY, whole_run=st.sampled_from([False, False, True]))
    def deadline(self, which, pick, whole_run):
        scheduler = self.schedulers[which]
        attempts = scheduler.attempts()
        if attempts:
            address = attempts[pick % len(attempts)][0]
            owner, repo, run_id = address.owner, address.repo, address.run_id
            of_job = JobDeadline(owner, repo, run_id, address.job, address.n)
            scheduler.ask(RunDeadline(owner, repo, run_id, 1) if whole_run else of_job)

    @rule(which=BOTH, known=st.sampled_from([NOTHING, LEARNED]))
    def learn(self, which, known):
        """Advice and opt-ins reach the one sooner than the other."""
        self.schedulers[which].known = known

    @rule(seconds=st.sampled_from([1, 100, 90_000]))
    def wait(self, seconds):
        pass_time(self.log, seconds)

    @invariant()
    def every_attempt_has_one_owner(self):
        for run_id in self.plans:
            assigned = [event for event in self.log.run_events(run_id) if isinstance(event, JobAssigned)]
            assert all(count == 1 for count in Counter((event.job, event.n) for event in assigned).values())

    @invariant()
    def every_run_attempt_ends_at_most_once_and_nothing_follows(self):
        for run_id in self.plans:
            over, ends = False, Counter()
            for event in self.log.run_events(run_id):
                if isinstance(event, RunFinished):
                    over = True
                    ends[event.run_attempt] += 1
                elif isinstance(event, RunRerun):
                    over = False
                elif isinstance(event, CallExpanded | JobQueued | JobAssigned | JobFinished | JobCancelRequested):
                    assert not over, event
            assert all(count == 1 for count in ends.values())

    @invariant()
    def what_was_learned_is_applied_within_its_bounds(self):
        for run_id in self.plans:
            again, before = Counter(), None
            for event in self.log.run_events(run_id):
                if isinstance(event, JobQueued) and event.retry_of:
                    again[event.job, event.run_attempt] += 1
                if isinstance(event, TimeoutAdjusted):
                    assert isinstance(before, JobQueued)
                    assert (before.job, before.timeout_ms) == (event.job, event.from_ms)
                    assert LEARNED.floor_ms <= event.to_ms < event.from_ms
                if isinstance(event, JobFinished):
                    assert event.retries <= LEARNED.retries
                before = event
            assert all(count <= LEARNED.retries for count in again.values())

    @invariant()
    def no_success_has_a_hole(self):
        for run_id, made in self.plans.items():
            hosts = {}
            calls = set()
            for event in self.log.run_events(run_id):
                if isinstance(event, CallExpanded):
                    calls.add(event.job)
                if isinstance(event, JobAssigned):
                    hosts[event.job, event.n] = event.host
                if isinstance(event, JobFinished) and event.outcome == "success":
                    steps = planned_job(made, event.job).steps
                    if not steps:
                        assert event.job in calls
                        continue
                    address = subjects.RunAddress(made.repository.owner, made.repository.name, run_id)
                    subject = subjects.attempt(hosts[event.job, event.n], address, event.job, event.n)
                    said = self.log.attempt_events(subject)
                    recorded = {each.step for each in said if isinstance(each, StepFinished)}
                    assert recorded == {step.index for step in steps}

    @invariant()
    def nobody_speaks_after_an_attempts_end(self):
        for subject in {stored.subject for stored in self.log.messages if stored.subject.startswith("ev.attempt.")}:
            said = self.log.attempt_events(subject)
            ends = [e for e in said if isinstance(e, AttemptFinished | AttemptLost | AttemptRefused)]
            assert len(ends) <= 1
            assert not ends or said[-1] is ends[0]
            assert sum(isinstance(event, AttemptStarted) for event in said) <= 1

    def teardown(self):
        """Then all goes well for a while: every run comes to its end, and both schedulers agree on everything."""
        quiet = 0
        for _ in range(400):
            before = len(self.log.messages)
            self._hosts_have_room()
            for which in (0, 1):
                while self.schedulers[which].under_way:
                    self.schedulers[which].store()
                self.all_at_once(which)
            self._agents_go_on()
            self._lose_what_nobody_runs()
            quiet = quiet + 1 if len(self.log.messages) == before else 0
            if quiet > 3:  # a look-up of a group stores nothing
                break
        for run_id in self.plans:
            events = self.log.run_events(run_id)
            attempts = 1 + sum(isinstance(event, RunRerun) for event in events)
            ends = [event.run_attempt for event in events if isinstance(event, RunFinished)]
            assert ends == list(range(1, attempts + 1)), events
        for scheduler in self.schedulers:
            assert scheduler.index.runs == {}
            assert not scheduler.index.usage.hosts
            assert not scheduler.index.usage.groups

    def _agents_go_on(self):
        for agent in self.agents:
            for subject in agent.doors():
                if not self.log.attempt_events(subject):
                    agent.start(subject)
            for subject in list(agent.running):
                agent.go_on(subject, "success")

    def _hosts_have_room(self):
        """As their next heartbeats would say."""
        for scheduler in self.schedulers:
            scheduler.index.fleet = {host.id: replace(host, full=False) for host in scheduler.index.fleet.values()}

    def _lose_what_nobody_runs(self):
        """Attempts of an earlier boot, which no agent knows any more."""
        known = {subject for agent in self.agents for subject in agent.running}
        for scheduler in self.schedulers:
            for address, place in scheduler.attempts():
                run = subjects.RunAddress(address.owner, address.repo, address.run_id)
                if place and subjects.attempt(address.host, run, address.job, address.n) not in known:
                    scheduler.lose(address, place)


class ManyGroups(ManySchedulers):
    """The same with runs and jobs that share concurrency groups, and more of them."""

    @rule(shape=st.sampled_from(GATED), concurrency=st.sampled_from(CONCURRENCY))
    @precondition(lambda self: len(self.plans) < 9)
    def plan_gated(self, shape, concurrency):
        made = plan(*shape, run_id=len(self.plans) + 1, called=CALLED, concurrency=concurrency)
        self.plans[made.run_id] = made
        planned(self.log, made)

    @rule(concurrency=st.sampled_from(CONCURRENCY), count=st.integers(2, 3), which=BOTH)
    @precondition(lambda self: len(self.plans) < 9)
    def rush(self, concurrency, count, which):
        """Runs of one group right behind each other, each as far as it gets before the next one comes."""
        for _ in range(count):
            self.plan_gated((job("a"), job("z", needs=("a",), if_="always()")), concurrency)
            self.all_at_once(which)
            self.all_at_once(which)
            for agent in self.agents:
                for subject in agent.doors():
                    if not self.log.attempt_events(subject):
                        agent.start(subject)

    @invariant()
    def of_a_group_one_runs_at_a_time(self):
        inside: dict[str, tuple[RunId, str]] = {}
        for run_id, event in self.log.of_runs:
            made = self.plans[run_id]
            for group, member in _members(made, event):
                if isinstance(event, JobQueued):
                    assert inside.setdefault(group, member) == member, (group, inside[group], member)
                elif inside.get(group) == member:
                    del inside[group]

    @invariant()
    def who_queues_up_keeps_the_order(self):
        """Of those that let each other wait, whoever asked first holds it first."""
        asked = [(run_id, event) for run_id, event in self.log.of_runs if isinstance(event, GroupRequested)]
        for subject, states in self.log.of_groups.items():
            patient = [
                Member(run_id, event.run_attempt, event.job)
                for run_id, event in asked
                if event.queue == "max" and subjects.group(RepositoryId(1), event.group) == subject
            ]
            held = list(dict.fromkeys(state.holder for state in states if state.holder in patient))
            assert held == [member for member in patient if member in held]


def _members(made: Plan, event: object) -> list[tuple[str, tuple[RunId, str]]]:
    """The groups that an event's run and job are in, and as whom."""
    found = []
    if made.concurrency is not None and isinstance(event, JobQueued | RunFinished):
        found.append((made.concurrency.group.lower(), (made.run_id, "")))
    if isinstance(event, JobQueued | JobFinished):
        outer = event.job if event.job_id in [each.id for each in made.jobs] else event.job.rpartition("~")[0]
        written = next(each for each in made.jobs if each.id == event.job_id.partition("~")[0])
        if isinstance(event, JobFinished) and outer != event.job:
            return found  # the call that it is of goes on
        if written.concurrency is not None:
            found.append((written.concurrency.group.lower(), (made.run_id, outer)))
        if written.calls == "gated":
            found.append(("c-push", (made.run_id, outer)))
    return found


ManyGroups.TestCase.settings = settings(max_examples=50, stateful_step_count=50, deadline=None)
TestManyGroups = ManyGroups.TestCase
ManySchedulers.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestManySchedulers = ManySchedulers.TestCase
