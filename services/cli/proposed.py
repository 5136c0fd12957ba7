"""What a model proposed, as the log has it: the newest word on each proposal, and whether somebody took it up."""

from __future__ import annotations

from datetime import datetime

import msgspec

from libs.bus.port import Bus, Stored
from libs.contracts import subjects
from libs.contracts.envelope import decode_commit
from libs.contracts.ids import RepositoryId
from libs.contracts.model import ModelEvent, ProposalAccepted, ProposalMade

_events: msgspec.json.Decoder[ModelEvent] = msgspec.json.Decoder(ModelEvent)


class Proposal(msgspec.Struct, frozen=True):
    """`accepted` is when somebody had a patch made of it, last; None where nobody has."""

    made: ProposalMade
    repository_id: RepositoryId
    time: datetime
    accepted: datetime | None = None


async def proposals(bus: Bus) -> list[Proposal]:
    """All, newest first. Raises BusDown."""
    found: dict[str, Proposal] = {}
    async for message in bus.tail(subjects.EVENTS, (subjects.ALL_MODEL,), 0, follow=False):
        if isinstance(message, Stored) and subjects.run_of_model(message.subject) is None:
            _fold(found, message)
    return sorted(found.values(), key=lambda each: each.time, reverse=True)


def _fold(found: dict[str, Proposal], stored: Stored) -> None:
    repository_id = RepositoryId(int(stored.subject.split(".")[2]))
    commit = decode_commit(stored.data)
    for raw in commit.events:
        try:
            event = _events.decode(raw)
        except msgspec.ValidationError:
            continue  # by a newer version
        key = stored.subject
        if isinstance(event, ProposalMade):
            accepted = found[key].accepted if key in found else None
            found[key] = Proposal(event, repository_id, commit.time, accepted)
        elif isinstance(event, ProposalAccepted) and key in found:
            found[key] = msgspec.structs.replace(found[key], accepted=commit.time)
