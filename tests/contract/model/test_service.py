"""The service around its rules: other endpoints, consent, commands, what comes late or twice, a circuit that opens."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from libs.contracts import opt_ins, plan, subjects
from libs.contracts.commands import AcceptProposal
from libs.contracts.ids import CommandId, RepositoryId
from libs.contracts.model import ModelFailed, ProposalAccepted, ProposalMade, TriageGiven
from libs.telemetry.metrics import Metrics
from services.model.__main__ import handling_of
from services.model.asking import Asking, endpoint_of
from services.model.llm.process import WorkerProcess
from services.model.llm.wire import Call, Endpoint, Said, Silent
from services.model.metrics import Uncounted, counts
from services.model.question import Question
from services.model.shell.fleet import Fleet
from services.model.shell.handling import STALE_SECONDS
from tests.contract.model.conftest import GOOD, Stage
from tests.fakes.models import badness, protocol
from tests.fakes.models.server import Answer, Request, models

pytestmark = [pytest.mark.timeout(240), pytest.mark.asyncio(loop_scope="session")]

LEFT_ALONE = "it failed several times in a row and is left alone for a minute"
QUESTION = Question("proposal", "proposal", "system", "user", {"type": "object"}, 100)


class Scripted:
    """A worker that answers what it is told to."""

    def __init__(self, *replies: Said | Silent) -> None:
        self.replies, self.calls = list(replies), list[Call]()

    async def ask(self, call: Call) -> Said | Silent:
        self.calls.append(call)
        return self.replies.pop(0)

    async def close(self) -> None: ...


@asynccontextmanager
async def router(home: Path, **more: str) -> AsyncGenerator[Stage]:
    """A service that asks OpenRouter, which is somebody else's."""
    async with models(GOOD) as server:
        environment = {
            "FIREBREAK_HOME": str(home),
            "USE_LLM_PARSER": "true",
            "OPENROUTER_API_BASE": f"{server.url}/api/v1",
            "OPENROUTER_API_KEY": protocol.KEY,
            "OPENROUTER_MODEL": "google/gemma-3-4b-it",
            "FIREBREAK_LLM_SECONDS": "5",
            **more,
        }
        yield Stage(environment, server)


async def test_openrouter_is_asked_with_its_key_and_strangers_text_is_not_sent(tmp_path: Path) -> None:
    async with router(tmp_path) as stage, stage.service():
        await stage.lacks("octo/mine@v1")
        (made,) = await stage.events()
        assert isinstance(made, ProposalMade)
        assert made.model == "openrouter/google/gemma-3-4b-it"
        (asked,) = stage.server.questions
        assert asked.path == "/api/v1/chat/completions"
        assert asked.headers["authorization"] == f"Bearer {protocol.KEY}"
        assert asked.body["response_format"]["type"] == "json_schema"

        await stage.lacks("octo/theirs@v1", trust="fork")
        failed = await stage.failure(1)
        assert (failed.kind, len(stage.server.questions)) == ("not allowed", 1)
        await stage.fails(("error: theirs",), trust="fork")
        failed = await stage.failure(2)
        assert (failed.what, failed.kind, len(stage.server.questions)) == ("triage", "not allowed", 1)
        await stage.fails(("Killed",), trust="fork", category="out of memory")
        (given,) = await stage.events(3)
        assert isinstance(given, TriageGiven), "rules send nothing"

        repository = plan.Repository(RepositoryId(5), "Octo", "hello.world")
        allowed = opt_ins.OptIns(fork_text_to_hosted_model=True)
        declared = opt_ins.OptInsDeclared(repository, "refs/heads/main", "s", datetime.now(UTC), allowed)
        await stage.history.append(subjects.opt_ins(RepositoryId(5)), declared)
        await stage.lacks("octo/theirs@v2", trust="fork")
        (made,) = await stage.events(4)
        assert isinstance(made, ProposalMade)

        stage.server.say = lambda _: badness.status(401, protocol.router_error(401, f"bad key {protocol.KEY}"))
        await stage.lacks("octo/unpaid@v1")
        failed = await stage.failure(5)
        assert failed.kind == "down"
        assert "401" in failed.why
        assert protocol.KEY not in failed.why


async def test_an_operator_forbids_what_a_repository_opted_into(tmp_path: Path) -> None:
    async with router(tmp_path, FIREBREAK_FORBID="fork-text") as stage:
        from services.model.shell.consent import FORBIDDEN, Consent

        repository = plan.Repository(RepositoryId(5), "Octo", "hello.world")
        allowed = opt_ins.OptIns(fork_text_to_hosted_model=True)
        declared = opt_ins.OptInsDeclared(repository, "refs/heads/main", "s", datetime.now(UTC), allowed)
        await stage.history.append(subjects.opt_ins(RepositoryId(5)), declared)
        settings = stage.process().settings
        consent = Consent(stage.bus, hosted=True, forbidden="fork-text" in settings.forbidden)
        assert await consent.refusal(RepositoryId(5), "fork") == FORBIDDEN
        assert await consent.refusal(RepositoryId(5), "own") == ""
        own = Consent(stage.bus, hosted=False, forbidden=True)
        assert await own.refusal(RepositoryId(5), "fork") == "", "what stays on one's own machines is nobody's business"


async def test_an_ollama_of_its_own_protocol_alone_is_asked_natively(worker: WorkerProcess) -> None:
    async with models(GOOD, native_only=True) as server:
        asking = Asking(Endpoint("ollama", server.url, "gemma3:4b"), 5.0, 2048, worker)
        first, second = await asking.ask(QUESTION), await asking.ask(QUESTION)
        assert isinstance(first, Said), first
        assert (first.content, first.how) == (GOOD, "ollama_chat")
        assert isinstance(second, Said)
        paths = [request.path for request in server.questions]
        assert paths == ["/v1/chat/completions", "/api/chat", "/api/chat"], "what was found out is remembered"
        body = server.questions[-1].body
        assert (body["format"], body["stream"], body["options"]["temperature"]) == ({"type": "object"}, False, 0)


async def test_a_silent_server_of_its_own_protocol_is_given_up_in_time(worker: WorkerProcess) -> None:
    """Where the library asks first what a model is like, without a deadline of its own."""

    def silent(_: Request) -> Answer:
        return badness.silent

    async with models(silent, native_only=True) as server:
        reply = await Asking(Endpoint("ollama", server.url, "gemma3:4b"), 1.0, 2048, worker).ask(QUESTION)
    assert isinstance(reply, Silent)
    assert reply.kind == "slow"


async def test_nobody_at_the_address_is_down_at_once(worker: WorkerProcess) -> None:
    reply = await Asking(Endpoint("ollama", "http://127.0.0.1:9", "gemma3:4b"), 5.0, 2048, worker).ask(QUESTION)
    assert isinstance(reply, Silent)
    assert reply.kind == "down"


async def test_a_model_that_fails_is_left_alone_and_then_tried_once() -> None:
    now = 100.0
    down, said = Silent("down", "refused"), Said(GOOD, "openai")
    worker = Scripted(down, down, down, down, said, said)
    metrics = Metrics()
    asking = Asking(Endpoint("ollama", "http://x", "m"), 1.0, 2048, worker, counts(metrics), lambda: now)
    kinds = [reply.kind for reply in [await asking.ask(QUESTION) for _ in range(5)] if isinstance(reply, Silent)]
    assert kinds == ["down", "down", "down", "open circuit", "open circuit"]
    assert b"firebreak_model_circuit_open 1.0" in metrics.text()
    now += 61
    assert (await asking.ask(QUESTION)) == down, "one try"
    assert (await asking.ask(QUESTION)) == Silent("open circuit", LEFT_ALONE)
    now += 61
    assert await asking.ask(QUESTION) == said
    assert await asking.ask(QUESTION) == said
    text = metrics.text()
    assert b"firebreak_model_circuit_open 0.0" in text
    assert b'firebreak_model_calls_total{outcome="down",task="proposal"} 4.0' in text
    assert b'firebreak_model_calls_total{outcome="answered",task="proposal"} 2.0' in text
    assert b'firebreak_model_seconds_count{task="proposal"} 6.0' in text


async def test_an_accepted_proposal_is_written_down_once(stage: Stage) -> None:
    known = len(await stage.said())
    stage.answer(GOOD)
    await stage.lacks("octo/accepted@v1")
    (made,) = await stage.events(known)
    assert isinstance(made, ProposalMade)
    command = AcceptProposal(CommandId("c-1"), RepositoryId(5), made.id, "octocat", ".github/workflows/ci.yml")
    for message_id in ("c-1", "c-1-again"):
        await stage.bus.enqueue(subjects.model_command(made.id), msgspec.json.encode(command), message_id=message_id)
    (accepted,) = await stage.events(known + 1)
    assert accepted == ProposalAccepted(made.id, CommandId("c-1"), "octocat", ".github/workflows/ci.yml")
    await stage.settled()
    assert len(await stage.said()) == known + 3


async def test_a_run_that_is_told_of_again_is_not_asked_about_again(stage: Stage) -> None:
    known = len(await stage.said())
    stage.answer('{"category": "test failure", "lines": [1], "summary": "It fails."}')
    one = await stage.fails(("error: once",))
    await stage.events(known)
    asked = len(stage.server.questions)
    await one.over("failure")
    await stage.settled()
    assert (len(await stage.said()), len(stage.server.questions)) == (known + 2, asked + 1)


async def test_what_comes_too_late_is_not_asked_and_rules_still_hold(tmp_path: Path) -> None:
    """A service that was away for a day is not busy for a day."""

    def later() -> datetime:
        return datetime.now(UTC) + timedelta(seconds=STALE_SECONDS + 60)

    async with models(GOOD) as server:
        stage = Stage({"FIREBREAK_HOME": str(tmp_path), "USE_LLM_PARSER": "true"}, server)
        asking = Asking(endpoint_of(stage.process().settings), 1.0, 2048, Scripted())
        fleet = Fleet(stage.bus)
        following = asyncio.create_task(fleet.follow())
        late = handling_of(stage.process(), asking, Uncounted(), fleet, later)
        await stage.lacks("octo/late@v1")
        await stage.fails(("error: late",))
        await stage.fails(("Killed",), category="out of memory")
        for stored in await stage.bus.load("ev.run.>"):
            await late.handle(stored)
        following.cancel()
        said = await stage.said()
    assert [(event.what, event.kind) for event in said if isinstance(event, ModelFailed)] == [
        ("proposal", "crowded"),
        ("triage", "crowded"),
    ]
    assert [event.by for event in said if isinstance(event, TriageGiven)] == ["rules"]


async def test_where_no_model_is_wanted_the_service_does_nothing(tmp_path: Path) -> None:
    async with models(GOOD) as server:
        stage = Stage({"FIREBREAK_HOME": str(tmp_path), "OLLAMA_BASE_URL": server.url}, server)
        async with stage.service():
            await stage.lacks("octo/unwanted@v1")
            for _ in range(200):
                await stage.bus.round_trip()
        assert await stage.said() == []
        assert server.requests == []
