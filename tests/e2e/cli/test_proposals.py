"""`firebreak proposals` against a real NATS: what a model proposed, and a patch that git takes."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from msgspec.structs import replace

from libs.bus.jetstream import JetStreamBus
from libs.bus.server import NatsServer
from libs.contracts import subjects
from libs.contracts.commands import AcceptProposal
from libs.contracts.ids import RepositoryId, RunId
from libs.contracts.model import ProposalMade, TriageGiven
from tests.e2e.cli.test_exit_codes import firebreak
from tests.fakes.history import History
from tests.unit.services.cli.test_patches import FILE, MADE, PATH

REPOSITORY = RepositoryId(5)


async def test_it_is_listed_shown_and_made_a_patch_of(
    jetstream_bus: JetStreamBus, nats_server: NatsServer, tmp_path: Path
) -> None:
    async def cli(*arguments: str) -> tuple[int, str, str]:
        return await firebreak(nats_server.url, tmp_path, *arguments)

    code, _, said = await cli("proposals", "ls")
    assert (code, "No proposal" in said) == (0, True)
    await _say(History(jetstream_bus), MADE)
    code, listed, _ = await cli("proposals", "ls", "--repo", "Octo/Hello", "--json")
    assert (code, [each["made"]["id"] for each in json.loads(listed)]) == (0, [MADE.id])
    code, shown, notice = await cli("proposals", "show", "aaaa")
    assert code == 0
    assert "cannot run: nobody/knows@v1 (uses)" in shown
    assert "    make it" in shown
    assert "\x1b" not in shown
    assert "a model's words" in notice
    repository = tmp_path / "hello"
    (repository / PATH).parent.mkdir(parents=True)
    (repository / PATH).write_text(FILE)
    patch = tmp_path / "the.patch"
    code, said, notice = await cli("proposals", "accept", "aaaa", "--dir", str(repository), "-o", str(patch))
    assert (code, said) == (0, "")
    assert f"git -C {repository} apply {patch}" in notice
    assert (repository / PATH).read_text() == FILE
    for arguments in (("init", "-q"), ("apply", str(patch))):
        process = await asyncio.create_subprocess_exec("git", *arguments, cwd=repository)
        assert await process.wait() == 0
    assert "make it" in (repository / PATH).read_text()
    (sent,) = await jetstream_bus.load(subjects.model_command(MADE.id))
    command = json.loads(sent.data)
    assert command["type"] == AcceptProposal.__name__
    assert (command["proposal"], command["path"], command["repository_id"]) == (MADE.id, PATH, 5)


async def test_no_patch_is_made_of_a_link(jetstream_bus: JetStreamBus, nats_server: NatsServer, tmp_path: Path) -> None:
    """git applies none to it, and it may lead anywhere."""
    await _say(History(jetstream_bus), MADE)
    repository = tmp_path / "hello"
    (repository / PATH).parent.mkdir(parents=True)
    (repository / "other.yml").write_text(FILE)
    (repository / PATH).symlink_to(repository / "other.yml")
    code, _, said = await firebreak(nats_server.url, tmp_path, "proposals", "accept", "aaaa", "--dir", str(repository))
    assert (code, "is a link" in said) == (2, True)


async def test_what_a_workflow_calls_an_action_writes_no_line_of_ours(
    jetstream_bus: JetStreamBus, nats_server: NatsServer, tmp_path: Path
) -> None:
    hostile = replace(MADE, subject="nobody/knows@v1\nproposed by us:\u202e", repository="octo\r\n/hello")
    await _say(History(jetstream_bus), hostile)
    code, shown, _ = await firebreak(nats_server.url, tmp_path, "proposals", "show", "aaaa")
    assert code == 0
    assert "\nproposed by us" not in shown
    assert not {"\r", "\u202e"} & set(shown)


async def test_what_is_asked_for_wrongly_says_what_to_do(
    jetstream_bus: JetStreamBus, nats_server: NatsServer, tmp_path: Path
) -> None:
    async def cli(*arguments: str) -> tuple[int, str, str]:
        return await firebreak(nats_server.url, tmp_path, *arguments)

    await _say(History(jetstream_bus), MADE)
    (tmp_path / PATH).parent.mkdir(parents=True)
    (tmp_path / PATH).write_text(FILE.replace("nobody/knows@v1", "nobody/knows@v2"))
    for arguments, expected, words in (
        (("show", "bbbb"), 2, "there is no proposal 'bbbb'"),
        (("show", ""), 2, "there is no proposal ''"),
        (("accept", "aaaa", "--dir", str(tmp_path)), 4, "has no step that uses nobody/knows@v1 any more"),
        (("accept", "aaaa", "--dir", str(tmp_path / ".github")), 2, "name the repository with --dir"),
        (("accept", "aaaa", "--dir", str(tmp_path / "nowhere")), 2, "does not exist"),
    ):
        code, _, said = await cli("proposals", *arguments)
        assert (code, words in said) == (expected, True), said
    assert not await jetstream_bus.load(subjects.model_command(MADE.id))


async def _say(history: History, made: ProposalMade) -> None:
    from msgspec.structs import replace

    from libs.contracts.ids import JobKey

    told = replace(made, repository="octo/hello", gaps=("\x1b[31mno upload",))
    await history.append(subjects.model(REPOSITORY, made.id), told)
    triage = TriageGiven(1, JobKey("build"), 1, 0, "x", "network", "rules")
    await history.append(subjects.model(REPOSITORY, str(RunId(7))), triage)
