"""One handling of one message, the same for both adapters: the trace made current, the end turned into an outcome."""

from __future__ import annotations

from libs.bus import policy
from libs.bus.port import Consumer, Handler, Message
from libs.telemetry import log, trace


async def handle(message: Message, handler: Handler, consumer: Consumer, logger: log.Logger) -> policy.Outcome:
    """Runs the handler; says what becomes of the message. A cancellation passes through: nothing was decided then."""
    spent = policy.before(message.attempt, consumer.attempts)
    if spent is not None:
        return spent
    error = await _run(message, handler)
    outcome = policy.after(error, message.attempt, consumer.attempts)
    _tell(outcome, message, consumer, logger)
    return outcome


async def _run(message: Message, handler: Handler) -> Exception | None:
    with trace.continued(message.stored.headers):
        try:
            await handler(message)
        except Exception as error:  # whatever a handler raises is an outcome
            return error
    return None


def _tell(outcome: policy.Outcome, message: Message, consumer: Consumer, logger: log.Logger) -> None:
    match outcome:
        case policy.Done() | policy.Later():
            return
        case policy.Again(pause_seconds, reason):
            event, pause = "message failed, will be handled again", pause_seconds
        case policy.Dead(reason):
            event, pause = "message moved to the dead letters", 0.0
    logger.warning(
        event,
        consumer=consumer.name,
        subject=message.stored.subject,
        seq=message.stored.seq,
        attempt=message.attempt,
        pause_seconds=pause,
        reason=reason,
    )
