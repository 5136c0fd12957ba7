"""What is broken or hostile, from the door to the intake's end: refused or failed in plain words, and bounded."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from pathlib import Path
from time import monotonic

import pytest

from libs.bus.memory import MemoryBus
from libs.contracts.intake import IntakeFailed, RunsPlanned, WorkflowRejected
from tests.e2e.intake.system import EveryCommit, System, running, settings_for
from tests.unit.services.parser.world import push, workflow

BOMB = b"a: &a [x,x,x,x,x,x,x,x,x]\n" + b"".join(
    b"%c: &%c [%s]\n" % (name, name, b",".join([b"*%c" % (name - 1)] * 9)) for name in range(ord("b"), ord("k"))
)
"""Nine billion values, of which a reader that follows aliases makes a list."""
STEPS = 40
JOBS = 80


def large() -> bytes:
    """Over 10,000 lines."""
    step = "      - name: a step\n        run: |\n          echo one\n"
    jobs = (f"  job{number}:\n    runs-on: ubuntu-latest\n    steps:\n{step * STEPS}" for number in range(JOBS))
    return ("on: push\njobs:\n" + "".join(jobs)).encode()


FILES = {
    "bomb.yml": BOMB,
    "deep.yml": b"[" * 100_000,
    "empty.yml": b"",
    "good.yml": workflow().encode(),
    "large.yml": large(),
    "text.yml": b"\xff\xfe\x00 no text",
}


@pytest.fixture
async def system(tmp_path: Path) -> AsyncGenerator[System]:
    async with running(MemoryBus(), settings_for(tmp_path), EveryCommit(FILES)) as opened:
        yield opened


async def test_hostile_files_are_rejected_beside_good_ones_within_seconds(system: System) -> None:
    assert FILES["large.yml"].count(b"\n") > 9_500
    started = monotonic()
    guid, _ = await system.send("push", push())
    events = (await system.ended({guid}))[guid]
    assert monotonic() - started < 20, "no more than the bound of one intake"
    *rejected, end = events
    assert isinstance(end, RunsPlanned)
    assert set(end.runs) == {".github/workflows/good.yml", ".github/workflows/large.yml"}
    bad = {f".github/workflows/{name}.yml" for name in ("bomb", "deep", "empty", "text")}
    assert {event.path for event in rejected if isinstance(event, WorkflowRejected) and event.problems} == bad
    assert set(end.rejected) == bad


async def test_a_cut_off_body_is_refused_and_the_next_delivery_goes_on(system: System) -> None:
    body = json.dumps(push()).encode()
    _, refused = await system.send("push", body[:-10])
    assert (refused.status_code, refused.json()["error"]) == (400, "not_json")
    guid, accepted = await system.send("push", body)
    assert accepted.status_code == 202
    assert isinstance((await system.ended({guid}))[guid][-1], RunsPlanned)


async def test_26_megabytes_are_refused_and_nothing_is_stored(system: System) -> None:
    guid, refused = await system.send("push", b'{"a":"' + b"x" * (26 * 1024 * 1024) + b'"}')
    assert (refused.status_code, refused.json()["error"]) == (413, "too_large")
    assert await system.deliveries(guid) == 0


@pytest.mark.parametrize(
    "payload",
    [
        {"repository": []},
        push(ref={"a": 1}),
        push(after=["x"]),
        push(after="--upload-pack=touch /tmp/x"),
        push(repository={"id": 1, "name": "../..", "owner": {"login": "a"}, "full_name": "a/../.."}),
        push(repository={"id": "1; rm", "name": "a", "owner": {"login": "a"}}),
    ],
)
async def test_wrong_types_and_names_fail_in_plain_words(system: System, payload: object) -> None:
    guid, answer = await system.send("push", payload)
    assert answer.status_code == 202, "it is signed, and what it means is not the door's affair"
    (end,) = (await system.ended({guid}))[guid]
    assert isinstance(end, IntakeFailed)
    assert end.why
