"""What GitHub was told about a run: the fold of `ev.report.<owner>.<repo>.<run_id>`. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import msgspec

from libs.bus.port import Stored
from libs.contracts import envelope, report
from services.reporter.wanted import WantedStatus

STATUSES = "statuses"
COMMENT = "comment"

_events: msgspec.json.Decoder[report.ReportEvent] = msgspec.json.Decoder(report.ReportEvent)


@dataclass(slots=True)
class Reported:
    """`last` is the place of the subject's last message. `refused` is what GitHub refused for good."""

    last: int = 0
    statuses: dict[str, report.CheckReported] = field(default_factory=dict[str, report.CheckReported])
    comment: report.CommentPosted | None = None
    refused: set[str] = field(default_factory=set[str])

    def missing(self, wanted: list[WantedStatus]) -> list[WantedStatus]:
        """The statuses that GitHub does not have yet. A pending one is not posted again for its words alone."""
        if STATUSES in self.refused:
            return []
        return [status for status in wanted if not self._has(status)]

    def _has(self, wanted: WantedStatus) -> bool:
        told = self.statuses.get(wanted.context)
        if told is None or told.state != wanted.state or told.sha != wanted.sha:
            return False
        return not wanted.final or told.description == wanted.description


def fold(events: Iterable[Stored]) -> Reported:
    """Raises UnknownEvent: to decide without knowing what was posted would post it again."""
    reported = Reported()
    for stored in events:
        reported.last = stored.seq
        for raw in envelope.decode_commit(stored.data).events:
            try:
                apply(reported, _events.decode(raw))
            except msgspec.ValidationError as error:
                raise envelope.UnknownEvent(f"{stored.subject} at {stored.seq}: {error}") from error
    return reported


def apply(reported: Reported, event: report.ReportEvent) -> None:
    match event:
        case report.CheckReported(context=context):
            reported.statuses[context] = event
        case report.CommentPosted():
            reported.comment = event
        case report.ReportFailed(what=what):
            reported.refused |= {what} if what else {STATUSES, COMMENT}
