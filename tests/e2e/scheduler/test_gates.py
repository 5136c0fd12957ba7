"""Environments and secrets through the real scheduler, on a bus in memory and on NATS."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from urllib.parse import quote

import pytest
from nacl.public import PrivateKey, SealedBox

from libs.bus.port import Bus, Stored
from libs.contracts import subjects
from libs.contracts.commands import ApproveJob
from libs.contracts.environments import Environments, Protection
from libs.contracts.ids import CommandId, RepositoryId, RunId
from libs.contracts.orders import JobOrder
from libs.contracts.plan import Environment
from libs.contracts.run import ApprovalRequested, CommandRejected, JobFinished
from libs.vault.environments import change_environments
from libs.vault.scopes import Scope, of_environment, of_owner, of_repository
from libs.vault.secrets import Secrets
from libs.vault.variables import Variables
from tests.e2e.scheduler.fake_agent import Act, FakeAgent
from tests.e2e.scheduler.world import World, world
from tests.unit.services.scheduler.story import job, plan
from tests.unit.services.scheduler.test_calls import LIBRARY, call, called

KEY = "5a" * 32
REPOSITORY = RepositoryId(1)
DEPLOY = job("deploy", environment=Environment("production"))


async def protect(w: World, **rules: object) -> None:
    rule = Protection("production", **rules)
    bucket = w.bus.key_value(subjects.SETTINGS)
    await change_environments(bucket, REPOSITORY, lambda old: Environments({**old.protections, "production": rule}))


async def secret(w: World, scope: Scope, name: str, value: str) -> None:
    secrets = Secrets(w.bus.key_value(subjects.SECRETS), bytes.fromhex(KEY))
    await secrets.set(scope, name, value, datetime.now(UTC))


async def approve(w: World, run_id: RunId, id: str, by: str, *, reject: bool = False) -> None:
    await w.command(ApproveJob(CommandId(id), run_id, by, reject=reject))


async def joined(w: World, script=None) -> tuple[FakeAgent, PrivateKey]:
    key = PrivateKey.generate()
    agent = await w.start_agent(FakeAgent(w.bus, script=script), key=bytes(key.public_key))
    return agent, key


def opened(order: JobOrder, key: PrivateKey) -> dict[str, str]:
    return json.loads(SealedBox(key).decrypt(order.sealed))


async def _requested(w: World, run_id: RunId) -> bool:
    return any(isinstance(event, ApprovalRequested) for event in await w.events(run_id))


async def _rejected(w: World, run_id: RunId) -> bool:
    return any(isinstance(event, CommandRejected) for event in await w.events(run_id))


@pytest.mark.row("jobs: environment reviewers")
async def test_a_job_waits_for_its_reviewer_through_a_restart(bus: Bus):
    async with world(bus=bus) as w:
        first = w.start_scheduler()
        await w.start_agent(FakeAgent(w.bus))
        await protect(w, reviewers=("monalisa",))
        run_id = await w.plan(plan(DEPLOY))
        await w.until(lambda: _requested(w, run_id))
        await approve(w, run_id, "a0", "mallory")
        await w.until(lambda: _rejected(w, run_id))
        first.cancel()
        w.start_scheduler()
        await approve(w, run_id, "a1", "monalisa")
        assert (await w.until_over(run_id)).conclusion == "success"


@pytest.mark.row("jobs: environment reviewers")
async def test_a_job_that_is_kept_out_fails_and_the_rules_of_a_moment_ago_hold(bus: Bus):
    async with world(bus=bus) as w:
        w.start_scheduler()
        await w.start_agent(FakeAgent(w.bus))
        free = await w.plan(plan(DEPLOY, run_id=1))
        assert (await w.until_over(free)).conclusion == "success"
        await protect(w, reviewers=("monalisa",))
        run_id = await w.plan(plan(DEPLOY, run_id=2))
        await w.until(lambda: _requested(w, run_id))
        await approve(w, run_id, "a1", "monalisa", reject=True)
        assert (await w.until_over(run_id)).conclusion == "failure"


@pytest.mark.row("jobs: environment")
async def test_a_job_behind_others_meets_the_rules_when_it_gets_there(bus: Bus):
    async with world(bus=bus) as w:
        w.start_scheduler()
        await w.start_agent(FakeAgent(w.bus))
        await protect(w, branches=("release",))
        late = job("deploy", needs=("a",), environment=Environment("production"))
        run_id = await w.plan(plan(job("a"), late))
        assert (await w.until_over(run_id)).conclusion == "failure"
        ends = {e.job: e for e in await w.events(run_id) if isinstance(e, JobFinished)}
        assert "may not use the environment production" in ends["deploy"].why


@pytest.mark.row("jobs: environment secrets and variables")
async def test_the_narrowest_secret_and_variable_win_and_only_that_environments_job_has_them(bus: Bus):
    async with world(bus=bus) as w:
        w.start_scheduler(secrets_key=KEY)
        agent, key = await joined(w)
        inside = of_environment(REPOSITORY, "PRODUCTION")
        for scope, value in ((of_owner("octo"), "o"), (of_repository(REPOSITORY), "r"), (inside, "e")):
            await secret(w, scope, "SHARED", value)
            await secret(w, scope, f"OF_{value}", value)
        await Variables(w.bus.key_value(subjects.SETTINGS)).set(inside, "REGION", "eu")
        await w.until_over(await w.plan(plan(DEPLOY, job("other"), vars={"REGION": "us", "X": "1"})))
        orders = {order.job: order for order in agent.orders}
        assert opened(orders["deploy"], key) == {"SHARED": "e", "OF_O": "o", "OF_R": "r", "OF_E": "e"}
        assert opened(orders["other"], key) == {"SHARED": "r", "OF_O": "o", "OF_R": "r"}
        assert (orders["deploy"].vars, orders["other"].vars) == ({"REGION": "eu", "X": "1"}, {"REGION": "us", "X": "1"})


@pytest.mark.row("jobs: environment secrets and variables")
async def test_code_from_a_fork_gets_no_secret_and_may_only_read(bus: Bus):
    async with world(bus=bus) as w:
        w.start_scheduler(secrets_key=KEY)
        key = PrivateKey.generate()
        agent = await w.start_agent(FakeAgent(w.bus), key=bytes(key.public_key), takes_forks=True)
        await secret(w, of_repository(REPOSITORY), "A", "hunter2")
        await secret(w, of_environment(REPOSITORY, "production"), "B", "hunter3")
        permissions = {"contents": "write", "issues": "read"}
        await w.until_over(await w.plan(plan(DEPLOY, trust="fork", permissions=permissions)))
        assert opened(agent.orders[0], key) == {}
        assert agent.orders[0].permissions == {"contents": "read", "issues": "read"}


@pytest.mark.row("calls: secrets")
async def test_a_called_job_gets_what_its_call_passes_on_and_its_own_environments(bus: Bus):
    async with world(bus=bus) as w:
        w.start_scheduler(secrets_key=KEY)
        agent, key = await joined(w)
        for name in ("A", "B"):
            await secret(w, of_repository(REPOSITORY), name, name.lower())
        await secret(w, of_environment(REPOSITORY, "production"), "E", "e")
        library = called(DEPLOY, secrets={"mine": True})
        caller = call("lib", secrets={"mine": "${{ secrets.a }}-${{ secrets.b }}"})
        await w.until_over(await w.plan(plan(caller, called={LIBRARY: library})))
        assert opened(agent.orders[0], key) == {"mine": "a-b", "E": "e"}


async def test_a_job_that_cannot_have_its_secrets_does_not_run(bus: Bus):
    async with world(bus=bus) as w:
        w.start_scheduler()  # no key
        agent, _ = await joined(w, lambda order: Act(refuse=order.problem, permanent=True))
        await secret(w, of_repository(REPOSITORY), "A", "hunter2")
        end = await w.until_over(await w.plan(plan(job("a"))))
        assert end.conclusion == "error"
        assert "there is no key for secrets" in agent.orders[0].problem
        assert "hunter2" not in agent.orders[0].problem


async def test_no_stored_message_shows_a_secret_in_any_encoding(bus: Bus):
    value = "p4ss/w&rd <\"'ü> \\n-and-more"
    async with world(bus=bus) as w:
        w.start_scheduler(secrets_key=KEY)
        agent, key = await joined(w)
        await secret(w, of_repository(REPOSITORY), "A", value)
        await w.until_over(await w.plan(plan(job("a"))))
        assert opened(agent.orders[0], key) == {"A": value}
        stored = [each async for each in w.bus.tail(subjects.EVENTS, ("ev.>",), 0, follow=False)]
        data = b"\n".join(each.data for each in stored if isinstance(each, Stored))
        data += b"\n".join([bytes(order.sealed) for order in agent.orders])
        encoded = value.encode()
        shapes = {encoded, json.dumps(value)[1:-1].encode(), quote(value).encode(), encoded.hex().encode()}
        shapes |= {base64.b64encode(b"x" * shift + encoded)[4:-4] for shift in range(3)}
        assert [shape for shape in shapes if shape in data] == []
