"""What the learner keeps of each message, and that no message stops it."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.bus.port import Stored
from libs.contracts import blobs, delivery, envelope, plan, registry, run, subjects
from libs.contracts.ids import Cause, CommitId, JobKey, RunId
from services.learner.folding import heads
from services.learner.folding.facts import (
    AttemptFact,
    DeliveryFact,
    HostFact,
    IntakeFact,
    JobFact,
    PlanFact,
    RunFact,
    StepFact,
    TimeoutFact,
    VmFact,
)
from services.learner.folding.facts_learned import AdviceFact, EffectFact, ModelFact, OptInsFact, RecognitionFact
from services.learner.folding.fold import UNDECODABLE, fold
from services.learner.folding.place import INTEGER_LIMIT, TEXT_CHARACTERS
from tests.golden.write import example

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
SUBJECTS = {
    "delivery": "raw.delivery.11111111-2222-3333-4444-555555555555",
    "intake": "ev.intake.guid",
    "workflow": "ev.workflow.5.abc",
    "run": "ev.run.octo.hello.7",
    "attempt": "ev.attempt.host-1.octo.hello.7.build.1",
    "group": "ev.group.5.abc",
    "host": "ev.host.host-1",
    "report": "ev.report.octo.hello.7",
    "advice": "ev.advice.5",
    "recognition": "ev.recognition.octo.hello.7",
    "model": "ev.model.5.abc",
}
KEPT: dict[str, type[msgspec.Struct] | None] = {
    "DeliveryReceived": DeliveryFact,
    "DeliveryIgnored": IntakeFact,
    "WorkflowRejected": IntakeFact,
    "RunsPlanned": IntakeFact,
    "IntakeFailed": IntakeFact,
    "RunPlanned": PlanFact,
    "RunStarted": RunFact,
    "RunCancelRequested": RunFact,
    "RunRerun": RunFact,
    "RunFinished": RunFact,
    "CallExpanded": JobFact,
    "JobQueued": JobFact,
    "JobAssigned": JobFact,
    "JobSkipped": JobFact,
    "JobCancelRequested": JobFact,
    "JobFinished": JobFact,
    "AttemptStarted": AttemptFact,
    "AttemptRefused": AttemptFact,
    "VmReady": AttemptFact,
    "AttemptFinished": AttemptFact,
    "AttemptLost": AttemptFact,
    "StepFinished": StepFact,
    "TimeoutAdjusted": TimeoutFact,
    "HostJoined": HostFact,
    "HostDraining": HostFact,
    "HostLeft": HostFact,
    "TemplateBuilt": VmFact,
    "VmPooled": VmFact,
    "VmDestroyed": VmFact,
    "VmKept": VmFact,
    "VmNotKept": VmFact,
    "VmReaped": VmFact,
    "DebugOpened": VmFact,
    "AdviceGiven": AdviceFact,
    "AdviceMeasured": EffectFact,
    "FailureRecognized": RecognitionFact,
    "OptInsDeclared": OptInsFact,
    "ProposalMade": ModelFact,
    "ProposalAccepted": ModelFact,
    "TriageGiven": ModelFact,
    "ModelFailed": ModelFact,
    # What is planned, and not what happened.
    "RunNumbered": None,
    "SchedulesDeclared": None,
    "MatrixExpanded": None,
    # Waiting at a gate shows in the jobs' times; who let it pass is no statistic.
    "GroupRequested": None,
    "ApprovalRequested": None,
    "ApprovalGranted": None,
    "ApprovalDenied": None,
    "CommandRejected": None,
    # Its end says all of it.
    "StepStarted": None,
}
"""Decided for every type there is, but for those of whole aggregates that nobody analyses (`UNKEPT`)."""
UNKEPT = {"group", "report"}


def stored(subject: str, *events: msgspec.Struct | bytes) -> Stored:
    raw = tuple(msgspec.Raw(event if isinstance(event, bytes) else msgspec.json.encode(event)) for event in events)
    commit = envelope.Commit(CommitId("c"), "test", subject, NOON, Cause("guid"), raw)
    return Stored(3, subject, envelope.encode(commit), NOON, {})


EVENTS = [(group, kind) for group, union in registry.EVENTS.items() for kind in registry.types_of(union)]


@pytest.mark.parametrize(("group", "kind"), EVENTS, ids=[kind.__name__ for _, kind in EVENTS])
def test_every_event_that_there_is_is_kept_or_known_and_never_skipped(group: str, kind: type[msgspec.Struct]) -> None:
    folded = fold(stored(SUBJECTS[group], example(kind)))
    wanted = None if group in UNKEPT else KEPT[kind.__name__]
    assert folded.skipped == ()
    assert [type(fact) for fact in folded.facts] == ([wanted] if wanted else [])


def test_a_commit_of_several_events_keeps_their_places() -> None:
    finished = run.JobFinished(JobKey("b"), "b", "B", "success", "success", 1)
    folded = fold(stored(SUBJECTS["run"], finished, run.RunFinished("success", steps_run=2)))
    assert [(type(fact), fact.seq, fact.place) for fact in folded.facts] == [(JobFact, 3, 0), (RunFact, 3, 1)]  # type: ignore[union-attr]


def test_the_time_is_the_servers() -> None:
    (fact,) = fold(stored(SUBJECTS["run"], run.RunStarted())).facts
    assert fact.stored_at == int(NOON.timestamp()) * 1_000_000


def test_an_unknown_type_is_skipped_by_name_and_the_rest_is_kept() -> None:
    folded = fold(stored(SUBJECTS["run"], b'{"type":"RunTeleported"}', run.RunStarted()))
    assert folded.skipped == ("RunTeleported",)
    assert len(folded.facts) == 1


def test_an_aggregate_of_a_later_version_is_nobodys_business() -> None:
    assert fold(stored("ev.weather.5", b'{"type":"SunRisen"}')).skipped == ()


def test_a_plan_in_a_blob_is_asked_for_and_then_read() -> None:
    planned = stored(SUBJECTS["run"], run.RunPlanned(plan_blob=blobs.BlobRef("d", 9)))
    assert fold(planned).plan == blobs.BlobRef("d", 9)
    whole = example(plan.Plan)
    (fact,) = fold(planned, msgspec.json.encode(whole)).facts
    assert isinstance(fact, PlanFact)
    assert (fact.run_id, fact.path) == (7, whole.workflow_path)
    assert fold(planned, b"no plan").skipped == ("RunPlanned",)


def test_a_long_text_is_cut_and_a_huge_number_clamped() -> None:
    finished = run.RunFinished("error", steps_run=10**40, why="x" * 100_000)
    (fact,) = fold(stored(SUBJECTS["run"], finished)).facts
    assert isinstance(fact, RunFact)
    assert len(fact.why) == TEXT_CHARACTERS
    assert fact.steps_run == INTEGER_LIMIT


@given(st.sampled_from(sorted(SUBJECTS.values())), st.binary())
def test_bytes_that_are_no_commit_are_counted(subject: str, data: bytes) -> None:
    folded = fold(Stored(1, subject, data, NOON, {}))
    assert folded.facts == ()
    assert folded.skipped in {(), (UNDECODABLE,)}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.dictionaries(st.text(), inner), max_leaves=5
)
NAMES = sorted(kind.__name__ for _, kind in EVENTS)
FIELDS = sorted({field for _, kind in EVENTS for field in kind.__struct_fields__})


@given(
    st.sampled_from(sorted(SUBJECTS.values())),
    st.sampled_from(NAMES),
    st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=8),
)
def test_whatever_an_event_holds_it_is_kept_or_skipped(subject: str, kind: str, fields: dict[str, object]) -> None:
    folded = fold(stored(subject, msgspec.json.encode({**fields, "type": kind})))
    assert len(folded.facts) + len(folded.skipped) <= 1


def test_a_subject_that_is_not_as_it_should_be_is_skipped() -> None:
    assert fold(stored("ev.run.octo.hello.seven", run.RunStarted())).skipped == ("RunStarted",)


def test_the_parts_that_are_read_of_large_messages_are_parts_of_them() -> None:
    pairs = [
        (heads.PlanHead, plan.Plan),
        (heads.PlannedHead, run.RunPlanned),
        (heads.DeliveryHead, delivery.DeliveryReceived),
    ]
    for part, whole in pairs:
        assert set(part.__struct_fields__) <= set(whole.__struct_fields__)
    assert subjects.parse_run(SUBJECTS["run"]).run_id == RunId(7)
