"""`firebreak environments`, `runs approve`, `secrets` and `vars` against a real NATS and the real scheduler."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from nacl.public import PrivateKey

from libs.bus.jetstream import JetStreamBus
from libs.bus.server import NatsServer
from libs.vault.key import ensure_key
from tests.e2e.cli.test_exit_codes import firebreak
from tests.e2e.scheduler.fake_agent import FakeAgent
from tests.e2e.scheduler.test_gates import DEPLOY, _requested, opened
from tests.e2e.scheduler.world import world
from tests.unit.services.scheduler.story import plan


def _home(folder: Path) -> Path:
    """Where `firebreak up` would have made the key."""
    home = folder / ".local" / "state" / "firebreak"
    home.mkdir(parents=True)
    return home


@pytest.mark.row("jobs: environment reviewers")
async def test_a_protected_environment_from_the_command_line(
    jetstream_bus: JetStreamBus, nats_server: NatsServer, tmp_path: Path
) -> None:
    async def cli(*arguments: str, stdin: bytes = b"") -> tuple[int, str, str]:
        return await firebreak(nats_server.url, tmp_path, *arguments, stdin=stdin)

    key = ensure_key(_home(tmp_path)).read_text().strip()
    private = PrivateKey.generate()
    async with world(bus=jetstream_bus) as w:
        w.start_scheduler(secrets_key=key)
        agent = await w.start_agent(FakeAgent(w.bus), key=bytes(private.public_key))
        rules = ("--reviewer", "monalisa", "--branch", "main")
        assert (await cli("environments", "set", "1", "production", *rules))[0] == 0
        assert (await cli("secrets", "set", "tok", "--repo", "1", stdin=b"hunter2\n"))[0] == 0
        run_id = await w.plan(plan(DEPLOY))
        await w.until(lambda: _requested(w, run_id))
        code, shown, _ = await cli("environments", "show", "octo/demo", "Production", "--json")
        assert (code, json.loads(shown)["reviewers"]) == (0, ["monalisa"])
        code, said, _ = await cli("why", str(run_id), "deploy")
        assert "waits for an approval for the environment production by monalisa" in said
        code, _, refused = await cli("runs", "approve", str(run_id), "--as", "mallory")
        assert (code, "no reviewer" in refused) == (4, True)
        assert (await cli("runs", "approve", str(run_id), "-e", "production", "--as", "monalisa"))[0] == 0
        assert (await w.until_over(run_id)).conclusion == "success"
        assert opened(agent.orders[0], private) == {"TOK": "hunter2"}
        assert (await cli("runs", "approve", str(run_id), "--as", "monalisa"))[0] == 4


async def test_secrets_and_variables_are_set_listed_and_removed(
    jetstream_bus: JetStreamBus, nats_server: NatsServer, tmp_path: Path
) -> None:
    async def cli(*arguments: str, stdin: bytes = b"") -> tuple[int, str, str]:
        return await firebreak(nats_server.url, tmp_path, *arguments, stdin=stdin)

    code, _, said = await cli("secrets", "set", "A", "--org", "octo", stdin=b"hunter2")
    assert (code, "there is no key for secrets" in said) == (2, True)
    ensure_key(_home(tmp_path))
    file = tmp_path / "value"
    file.write_text("hunter2\n")
    for scope in (("--org", "octo"), ("--repo", "5"), ("--repo", "5", "--env", "production")):
        results = [
            await cli("secrets", "set", "a", "--value-file", str(file), *scope),
            await cli("vars", "set", "region", "eu", *scope),
            await cli("secrets", "ls", "--json", *scope),
            await cli("vars", "ls", "--json", *scope),
            await cli("secrets", "rm", "A", *scope),
            await cli("vars", "rm", "REGION", *scope),
        ]
        assert [code for code, _, _ in results] == [0] * 6
        assert "hunter2" not in "".join(out + err for _, out, err in results)
        assert [each["name"] for each in json.loads(results[2][1])] == ["A"]
        assert json.loads(results[3][1]) == {"REGION": "eu"}
    for wrong in (
        ("secrets", "rm", "A", "--repo", "5"),
        ("secrets", "set", "GITHUB_TOKEN", "--repo", "5"),
        ("secrets", "ls"),
        ("vars", "set", "1x", "y", "--repo", "5"),
        ("vars", "ls", "--repo", "octo/nowhere"),
        ("environments", "rm", "5", "production"),
        ("environments", "set", "5", "production", "--branch", "["),
    ):
        code, _, _ = await cli(*wrong, stdin=b"x")
        assert code == 2, wrong
