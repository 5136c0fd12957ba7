"""The language model's service: what could stand in the place of what cannot run, and why a step failed, in its words.

*Consumes:* `ev.intake.*`, `ev.run.>` of EVENTS by the durable consumer `model`, `ev.host.*` as a projection of its own;
`cmd.model.*` of COMMANDS.
*Emits:* `ProposalMade`, `ProposalAccepted`, `TriageGiven`, `ModelFailed` on
`ev.model.<repository_id>.<content hash or run_id>`. Nobody reads these to decide anything.
  Where trials are wanted, `TriggerTrial` on `cmd.trigger.<repository_id>`.
*Owns:* one worker process, started with the first question, which alone loads litellm and knows the model's key.
"""

from __future__ import annotations

import asyncio
import importlib.util
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from libs import process
from libs.bus.port import Consumer, Message
from libs.contracts import subjects
from libs.contracts.ids import Cause, RepositoryId
from libs.contracts.model import ProposalMade
from libs.process import Process
from libs.telemetry import log
from services.model.asking import Asking, open_asking
from services.model.llm.process import LITELLM_MISSING
from services.model.metrics import Counts, Uncounted, counts
from services.model.shell.acceptances import Acceptances
from services.model.shell.consent import Consent
from services.model.shell.fleet import Fleet
from services.model.shell.handling import Handling
from services.model.shell.ledger import Ledger
from services.model.shell.proposals import Proposals
from services.model.shell.runs import Runs
from services.model.shell.triages import Triages
from services.model.shell.trials import Trials

CONSUMER = Consumer(
    stream=subjects.EVENTS,
    name="model",
    filters=(subjects.ALL_INTAKES, subjects.ALL_RUNS),
    ack_wait_seconds=30.0,
    concurrency=16,  # messages in hand: this is the queue before the model, which takes one question at a time
    from_now=True,  # what happened before anybody wanted a model's words is left as it is
)
COMMANDS = Consumer(stream=subjects.COMMANDS, name="model-commands", filters=(subjects.ALL_MODEL_COMMANDS,))
ALIVE_SECONDS = 10.0

_log = log.get("model")


async def serve(process: Process) -> None:
    """Runs until cancelled. Where no model is wanted it says so and does nothing."""
    if not process.settings.use_llm:
        _log.info("asks nobody: USE_LLM_PARSER is not true")
        await asyncio.Event().wait()
    if importlib.util.find_spec("litellm") is None:
        _log.warning("asks nobody", why=LITELLM_MISSING)
    counted = counts(process.metrics) if process.settings.metrics_port is not None else Uncounted()
    async with open_asking(process.settings, counted) as asking, asyncio.TaskGroup() as group:
        _log.info("asks a model", model=asking.model, hosted=asking.hosted)
        fleet = Fleet(process.bus)
        group.create_task(fleet.follow())
        handling = handling_of(process, asking, counted, fleet, _now)
        accepting = Acceptances(Ledger(process.bus, _now))
        group.create_task(process.bus.consume(CONSUMER, lambda message: _kept_alive(message, handling.handle)))
        group.create_task(process.bus.consume(COMMANDS, lambda message: accepting.settle(message.stored)))


def handling_of(
    process: Process, asking: Asking, counted: Counts, fleet: Fleet, now: Callable[[], datetime]
) -> Handling:
    """What is done with each message."""
    ledger = Ledger(process.bus, now)
    consent = Consent(process.bus, asking.hosted, "fork-text" in process.settings.forbidden)
    runs = Runs(process.bus, process.blobs)
    trials = Trials(process.bus, runs, fleet)
    made = trials.begin if process.settings.llm_trial else _nothing_more
    proposals = Proposals(asking, ledger, consent, counted, made)
    triages = Triages(asking, ledger, consent, counted, runs)
    return Handling(runs, process.blobs, fleet, proposals, triages, now)


async def _nothing_more(repository: RepositoryId, made: ProposalMade, cause: Cause) -> None:
    """A proposal is shown, and that is all."""


async def _kept_alive(message: Message, handle: Callable[..., Awaitable[None]]) -> None:
    """A question may take longer than a message is waited for."""
    handling = asyncio.ensure_future(handle(message.stored))
    try:
        while not (await asyncio.wait([handling], timeout=ALIVE_SECONDS))[0]:
            await message.in_progress()
    finally:
        handling.cancel()
    handling.result()


def _now() -> datetime:
    return datetime.now(UTC)


def main() -> None:
    process.main("model", serve)


if __name__ == "__main__":
    main()
