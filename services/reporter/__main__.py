"""The reporter's process: whenever a run or an attempt changes, GitHub is told what it does not know yet.

*Consumes:* `ev.run.>`, `ev.attempt.>`, `ev.intake.*`, `ev.recognition.>` and `ev.model.>` of EVENTS, by the durable
consumer `reporter`; of many reporters one is active.
*Emits:* `CheckReported`, `CommentPosted`, `ReportFailed` on `ev.report.<owner>.<repo>.<run_id>`.
*Owns:* statuses whose context begins with `firebreak / `, and one comment a pull request.
"""

from __future__ import annotations

import asyncio
import os
import time
import uuid
from datetime import UTC, datetime

from libs import process
from libs.bus.port import Bus, Consumer, Message
from libs.contracts import subjects
from libs.contracts.ids import Cause
from libs.contracts.subjects import RunAddress
from libs.github.rest import GitHub, open_github
from libs.process import Process
from libs.telemetry import log
from services.reporter.budget import Budget
from services.reporter.comments import Comments
from services.reporter.desk import Desk
from services.reporter.lease import Lease
from services.reporter.ledger import Ledger
from services.reporter.log_reader import LogReader
from services.reporter.pacing import Pacing
from services.reporter.reports import Reports
from services.reporter.statuses import Statuses

CONSUMER = Consumer(
    stream=subjects.EVENTS,
    name="reporter",
    filters=(
        subjects.ALL_RUNS,
        subjects.ALL_ATTEMPTS,
        subjects.ALL_INTAKES,
        subjects.ALL_RECOGNITIONS,
        subjects.ALL_MODEL,
    ),
    ack_wait_seconds=6.0,  # how long what a dead reporter had in hand is not handled by anybody
    concurrency=256,  # events in hand; those of one run wait for one pass
)
ALIVE_SECONDS = 2.0

_log = log.get("reporter")


async def serve(process: Process) -> None:
    """Runs until cancelled. Without a token it says so and does nothing."""
    settings = process.settings
    if not settings.github_token:
        _log.info("reports nowhere: GITHUB_TOKEN is not set; with one, statuses and comments go to GITHUB_API_URL")
        await asyncio.Event().wait()
    async with open_github(settings.github_api_url, settings.github_token) as github:
        reports = _reports(process, github)
        desk = Desk(reports.pass_over)
        lease = Lease(process.bus.key_value(subjects.ACTIVE), f"{os.getpid()}-{uuid.uuid4()}", time.monotonic)
        try:
            await lease.hold(lambda: _consume(process.bus, reports.reader, desk))
        finally:
            await desk.close()


def _reports(process: Process, github: GitHub) -> Reports:
    budget = Budget(time.monotonic)
    reader = LogReader(process.bus, process.blobs)
    ledger = Ledger(process.bus, lambda: datetime.now(UTC))
    pacing = Pacing(budget)
    url = process.settings.public_url
    return Reports(
        reader,
        ledger,
        budget,
        Statuses(github, ledger, pacing),
        Comments(github, ledger, pacing, reader, url, time.monotonic),
        url,
    )


async def _consume(bus: Bus, reader: LogReader, desk: Desk[RunAddress | Cause]) -> None:
    async def handle(message: Message) -> None:
        key = await _key(reader, message.stored.subject)
        if key is None:
            return
        attending = asyncio.ensure_future(desk.attend(key))
        try:
            while not (await asyncio.wait([attending], timeout=ALIVE_SECONDS))[0]:
                await message.in_progress()
        finally:
            attending.cancel()
        attending.result()

    await bus.consume(CONSUMER, handle)


async def _key(reader: LogReader, subject: str) -> RunAddress | Cause | None:
    """What a message is about, as far as it is reported."""
    match subject.split(".")[1]:
        case "intake":
            return Cause(subject.rpartition(".")[2])
        case "run":
            return subjects.parse_run(subject)
        case "recognition":
            return subjects.parse_recognition(subject)
        case "model":
            run_id = subjects.run_of_model(subject)
            return None if run_id is None else await reader.address_of(run_id)
        case _:
            return _run_of_attempt(subject)


def _run_of_attempt(subject: str) -> RunAddress:
    attempt = subjects.parse_attempt(subject)
    return RunAddress(attempt.owner, attempt.repo, attempt.run_id)


def main() -> None:
    process.main("reporter", serve)


if __name__ == "__main__":
    main()
