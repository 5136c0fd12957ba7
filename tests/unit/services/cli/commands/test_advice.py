"""`firebreak advice`: every piece in words with its evidence, and what became of it beside it."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import pytest

from libs.bus.memory import MemoryBus
from libs.contracts import envelope, ids, subjects
from libs.contracts.advice import Advice, AdviceGiven, AdviceMeasured, DurationAdvice, PoolAdvice, TimeoutAdvice
from libs.contracts.ids import Cause, HostId, JobKey, RepositoryId
from libs.contracts.intake import Problem
from libs.contracts.opt_ins import OptIns, OptInsDeclared
from libs.contracts.plan import Repository
from services.cli.commands.advice import found_advice, opt_ins_of, tell, told_of
from services.cli.outcome import Usage

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
PATH = ".github/workflows/ci.yml"
LIMIT = TimeoutAdvice(PATH, JobKey("test"), "test", 420_000, "warm", 41, 190_000)
USUAL = DurationAdvice(PATH, JobKey("test"), "te\x1bst", 185_000, 50)
BECAME = AdviceMeasured("timeout", PATH, JobKey("test"), "", NOW, NOW, seen=12, applied=0, right=1, wrong=0)
POOL = PoolAdvice(HostId("host-1"), "own", None, 2, 12.5, 4.0, 100)


async def give(bus: MemoryBus, subject: str, repository: str, *pieces: Advice) -> None:
    last = await bus.last(subject)
    events: list[msgspec.Struct] = [AdviceGiven(9, pieces, repository), BECAME]
    commit = envelope.commit(
        id=ids.commit_id(subject, last.seq if last else 0),
        source="learner",
        subject=subject,
        cause=Cause("events-9"),
        now=NOW,
        events=events,
    )
    await bus.append(commit, expected=last.seq if last else 0)


@pytest.fixture
async def bus() -> MemoryBus:
    bus = MemoryBus()
    await give(bus, subjects.advice(RepositoryId(5)), "Octo/Hello", USUAL)
    await give(bus, subjects.advice(RepositoryId(5)), "Octo/Hello", LIMIT, USUAL)
    await give(bus, subjects.advice(RepositoryId(6)), "octo/other", LIMIT)
    await give(bus, subjects.ADVICE_FOR_HOSTS, "", POOL)
    return bus


async def test_in_words_with_what_became_of_it(bus: MemoryBus, capsys: pytest.CaptureFixture[str]) -> None:
    for stored in await found_advice(bus, "octo/hello", hosts=False):
        tell(told_of(stored, ()))
    assert capsys.readouterr().out.splitlines()[1:] == [
        "  opts into nothing (`.github/firebreak.yml`): what is learned is only measured",
        f"  {PATH}",
        "  - test fits into 7 min 00 s (longest of 41 successes 3 min 10 s)",
        "      shadow: it would have ended 1 hang and 0 successes of 12 jobs",
        "  - te\N{REPLACEMENT CHARACTER}st usually takes 3 min 05 s (median of 50 runs)",
    ]


async def test_one_kind_only(bus: MemoryBus) -> None:
    (stored,) = await found_advice(bus, "5", hosts=False)
    told = told_of(stored, ("duration",))
    assert [each.advice for each in told.advice] == [USUAL]
    assert (told.repository, told.repository_id, told.position) == ("Octo/Hello", 5, 9)


async def test_of_all_and_the_hosts_at_the_end(bus: MemoryBus, capsys: pytest.CaptureFixture[str]) -> None:
    found = await found_advice(bus, None, hosts=False)
    assert [told_of(each, ()).repository for each in found] == ["Octo/Hello", "octo/other", ""]
    (hosts,) = await found_advice(bus, None, hosts=True)
    tell(told_of(hosts, ()))
    assert "- host host-1: 2 machines ready for the own repositories" in capsys.readouterr().out


async def test_what_is_not_known_is_nothing_and_what_is_no_name_is_refused(bus: MemoryBus) -> None:
    assert await found_advice(bus, "octo/none", hosts=False) == []
    assert await found_advice(bus, "7", hosts=False) == []
    with pytest.raises(Usage, match="OWNER/NAME"):
        await found_advice(bus, "hello", hosts=False)


async def test_json_has_the_piece_and_its_effect(bus: MemoryBus) -> None:
    (stored,) = await found_advice(bus, "octo/hello", hosts=False)
    written = msgspec.json.decode(msgspec.json.encode(told_of(stored, ())))
    first = written["advice"][0]
    assert (first["advice"]["kind"], first["advice"]["limit_ms"], first["measured"]["right"]) == ("timeout", 420_000, 1)
    assert first["text"].startswith("test fits into")


async def test_beside_it_stands_what_the_repository_opts_into(
    bus: MemoryBus, capsys: pytest.CaptureFixture[str]
) -> None:
    subject = subjects.opt_ins(RepositoryId(5))
    repository = Repository(RepositoryId(5), "Octo", "Hello")
    wrong = Problem(".github/firebreak.yml", 2, 1, "unknown key `retries`\x1b")
    declared = (
        OptInsDeclared(repository, "refs/heads/main", "a" * 40, NOW, OptIns("apply", 2)),
        OptInsDeclared(repository, "refs/heads/main", "b" * 40, NOW, OptIns(), (wrong, wrong)),
    )
    (stored,) = await found_advice(bus, "octo/hello", hosts=False)
    told: list[str] = []
    for place, event in enumerate(declared):
        last = await bus.last(subject)
        commit = envelope.commit(
            id=ids.commit_id(subject, place),
            source="parser",
            subject=subject,
            cause=Cause("d"),
            now=NOW,
            events=[event],
        )
        await bus.append(commit, expected=last.seq if last else 0)
        tell(told_of(stored, (), await opt_ins_of(bus, stored)))
        told.append(capsys.readouterr().out.splitlines()[1])
    assert told == [
        "  opted in: learned time limits are applied; a flaky job is run again 2 times at most",
        "  opts into nothing, for its file has an error: "
        ".github/firebreak.yml:2:1: unknown key `retries`\N{REPLACEMENT CHARACTER}, and 1 more",
    ]
