"""The learner's folder: rebuilding what will not open, snapshots, one writer."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from libs.analytics.snapshot import BadQuery, NoSnapshot, ask, newest_snapshot
from services.learner.store.batch import Batch
from services.learner.store.database import Busy, Unreadable, open_database
from services.learner.store.library import Library, NotCopied
from services.learner.store.schema import SCHEMA_VERSION
from services.learner.store.verifying import verify
from tests.contract.learner.conftest import Learned


async def test_what_is_written_is_still_there_at_the_next_start(learned: Learned) -> None:
    await learned.history.one_run().whole()
    await learned.learn()
    positions = learned.database.positions()
    learned.database.close()
    learned.database = learned.library.open(learned.aside.append)
    assert learned.database.positions() == positions == {"EVENTS": 9}
    assert learned.aside == []
    await learned.history.one_run(8).whole()
    await learned.learn()
    assert learned.rows("SELECT count(*), count(DISTINCT workflow_kid) FROM runs") == [(2, 1)]


@pytest.mark.parametrize("damage", [b"not a database", b""])
def test_a_file_that_will_not_open_is_put_aside_and_made_anew(learned: Learned, damage: bytes) -> None:
    learned.database.close()
    learned.library.live.write_bytes(damage)
    learned.database = learned.library.open(learned.aside.append)
    assert learned.database.positions() == {}
    if damage:
        assert learned.library.live.name in learned.aside[0]
        (kept,) = (learned.library.folder / "aside").iterdir()
        assert kept.read_bytes() == damage


async def test_a_damaged_file_is_made_anew_from_the_last_snapshot_and_the_rest_from_the_log(learned: Learned) -> None:
    await learned.history.one_run(1).whole()
    await learned.learn()
    learned.database.close()
    learned.library.live.write_bytes(b"not a database")
    learned.database = learned.library.open(learned.aside.append)
    assert learned.database.positions() == {"EVENTS": 9}
    await learned.history.one_run(2).whole()
    await learned.learn()
    assert learned.rows("SELECT count(*) FROM runs") == [(2,)]
    assert len(learned.aside) == 1


async def test_a_damaged_snapshot_is_nothing_to_begin_with(learned: Learned) -> None:
    await learned.history.one_run(1).whole()
    await learned.learn()
    learned.database.close()
    for path in (learned.library.live, newest_snapshot(learned.library.folder)):
        content = bytearray(path.read_bytes())
        content[len(content) // 2 :: 97] = bytes(len(content[len(content) // 2 :: 97]))
        path.write_bytes(bytes(content[:-1000]))
    learned.database = learned.library.open(learned.aside.append)
    assert learned.database.positions() == {}


async def test_after_a_write_that_failed_all_of_the_file_is_read_first(learned: Learned) -> None:
    """Opening does not look at every block."""
    for number in range(200):
        await learned.history.one_run(number + 1).whole()
    await learned.learn()
    learned.database.close()
    whole = learned.library.live.read_bytes()
    damaged = next(damage for at in range(3, len(whole) // BLOCK) if (damage := _opens(learned, whole, at)))
    learned.library.live.write_bytes(damaged)
    learned.database = learned.library.open(learned.aside.append)
    learned.database.close()
    assert learned.aside == []
    learned.library.suspect()
    learned.database = learned.library.open(learned.aside.append)
    assert "checksum" in learned.aside[0]
    assert learned.database.positions() == {"EVENTS": 1800}


BLOCK = 256 * 1024


def _opens(learned: Learned, whole: bytes, block: int) -> bytes | None:
    """The file with that block damaged, where it opens all the same and its facts cannot be read."""
    at = 3 * 4096 + block * BLOCK + 1000
    damage = whole[:at] + bytes(byte ^ 1 for byte in whole[at : at + 8]) + whole[at + 8 :]
    path = learned.library.folder / "tried.duckdb"
    path.write_bytes(damage)
    try:
        open_database(path).close()
        verify(path)
    except Unreadable as error:
        return damage if "tried" in str(error) and _only_opens(path) else None
    return None


def _only_opens(path: Path) -> bool:
    try:
        open_database(path).close()
    except Unreadable:
        return False
    return True


def test_a_file_of_somebody_else_is_put_aside(learned: Learned) -> None:
    import duckdb

    learned.database.close()
    learned.library.live.unlink()
    with duckdb.connect(str(learned.library.live)) as connection:
        connection.execute("CREATE TABLE theirs (x INTEGER)")
    learned.database = learned.library.open(learned.aside.append)
    assert "was not written by the learner" in learned.aside[0]


def test_files_put_aside_do_not_pile_up(learned: Learned) -> None:
    for _ in range(5):
        learned.database.close()
        learned.library.live.write_bytes(b"broken")
        learned.database = learned.library.open(learned.aside.append)
    assert len(list((learned.library.folder / "aside").iterdir())) == 2


def test_a_file_that_another_process_has_open_is_busy_and_not_damaged(learned: Learned) -> None:
    learned.database.close()
    path = str(learned.library.live)
    program = f"import duckdb, sys; c = duckdb.connect({path!r}); print('open', flush=True); sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"open\n"
        with pytest.raises(Busy, match="firebreak sql"):
            learned.library.open(learned.aside.append)
        other.kill()
    assert learned.aside == []


async def test_after_a_failed_write_nothing_more_is_written(learned: Learned) -> None:
    await learned.learn()

    class Unwritable(Batch):
        def positions(self):  # type: ignore[no-untyped-def]
            raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        learned.database.write(Unwritable())
    with pytest.raises(Unreadable, match="was not stored"):
        learned.database.write(Batch())


def test_one_learner_at_a_time(tmp_path: Path) -> None:
    library = Library(tmp_path / "analytics")
    with library.writing() as first, library.writing() as second:
        assert (first, second) == (True, False)
    with library.writing() as again:
        assert again


async def test_every_snapshot_has_a_name_of_its_own_and_old_ones_go(learned: Learned) -> None:
    import os

    names = []
    for _ in range(4):
        path = learned.library.publish(learned.database)
        os.utime(path, (1, 1))
        names.append(path.name)
        assert newest_snapshot(learned.library.folder) == path
    assert len(set(names)) == 4
    assert len(list(learned.library.folder.glob("analytics-*.duckdb"))) == 2


async def test_a_snapshot_for_which_there_is_no_room_leaves_the_one_before_it(learned: Learned) -> None:
    await learned.history.one_run(1).whole()
    await learned.learn()
    before = newest_snapshot(learned.library.folder)
    number = int(before.stem.removeprefix("analytics-")) + 1
    full = learned.library.folder / f"analytics-{number}.unfinished"
    full.symlink_to("/dev/full")
    with pytest.raises(NotCopied, match="No space left"):
        learned.library.publish(learned.database)
    assert newest_snapshot(learned.library.folder) == before
    assert not full.is_symlink()
    assert learned.library.publish(learned.database) != before


async def test_a_young_snapshot_stays_for_whoever_is_about_to_open_it(learned: Learned) -> None:
    for _ in range(4):
        learned.library.publish(learned.database)
    assert len(list(learned.library.folder.glob("analytics-*.duckdb"))) == 4


async def test_a_snapshot_can_be_read_while_the_learner_writes(learned: Learned) -> None:
    await learned.history.one_run(1).whole()
    await learned.learn()
    with ask(learned.library.folder, "SELECT count(*) FROM runs") as answer:
        await learned.history.one_run(2).whole()
        await learned.learn()
        assert list(answer.rows) == [(1,)]
    assert learned.rows("SELECT count(*) FROM runs") == [(2,)]


@pytest.mark.parametrize(
    "query",
    [
        "DELETE FROM run_fact",
        "INSERT INTO cursor VALUES ('EVENTS', 1, '', 1, now())",
        "CREATE TABLE mine (x INTEGER)",
        "COPY (SELECT 1) TO '{out}'",
        "WITH d AS (COPY (SELECT 1) TO '{out}') SELECT 1",
        "WITH d AS (DELETE FROM run_fact RETURNING *) SELECT * FROM d",
        "SELECT * FROM read_csv('/etc/passwd')",
        "ATTACH '{out}' AS other",
        "EXPORT DATABASE '{out}'",
        "INSTALL httpfs",
        "SET memory_limit = '100GB'",
        "SET enable_external_access = true",
        "SELECT 1; SELECT 2",
        "",
        "SELEC 1",
        "SELECT nothing FROM runs",
    ],
)
def test_nothing_but_reading_and_nothing_outside(learned: Learned, tmp_path: Path, query: str) -> None:
    learned.library.publish(learned.database)
    out = tmp_path / "out"
    with pytest.raises(BadQuery), ask(learned.library.folder, query.format(out=out)) as answer:
        list(answer.rows)
    assert not out.exists()


def test_before_the_first_snapshot_it_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(NoSnapshot, match="start the learner"), ask(tmp_path, "SELECT 1"):
        pass


def test_another_schemas_file_and_snapshots_stay_until_the_new_one_is_published(tmp_path: Path) -> None:
    for name in ("live-v-1.duckdb", "live-v0.duckdb", "live-v99.duckdb", "analytics-7.duckdb"):
        (tmp_path / name).write_bytes(b"theirs")
    (tmp_path / "current").symlink_to("analytics-7.duckdb")
    library = Library(tmp_path)
    database = library.open(lambda _: None)
    assert newest_snapshot(tmp_path).name == "analytics-7.duckdb"
    library.publish(database)
    database.close()
    assert newest_snapshot(tmp_path).name != "analytics-7.duckdb"
    assert (tmp_path / "live-v0.duckdb").exists(), "for whoever goes back"
    assert (tmp_path / "live-v99.duckdb").exists(), "it is a newer learner's"


def test_an_opened_file_says_its_schema(tmp_path: Path) -> None:
    path = tmp_path / "x.duckdb"
    database = open_database(path)
    database.checkpoint()
    database.close()
    import duckdb

    with duckdb.connect(str(path)) as connection:
        connection.execute("UPDATE schema_version SET version = version + 1")
    with pytest.raises(Unreadable, match=f"schema {SCHEMA_VERSION + 1}"):
        open_database(path)
