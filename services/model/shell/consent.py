"""Whether text of strangers may be sent to the model: where it is hosted by somebody else, only by the repository's
opt-in, and never against the operator's word.
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from libs.bus.port import Bus
from libs.contracts import subjects
from libs.contracts.envelope import decode_commit
from libs.contracts.ids import RepositoryId
from libs.contracts.opt_ins import OptInsDeclared
from libs.contracts.plan import Trust

WHY_NOT = (
    "the text is a stranger's and the model is hosted by somebody else; `model: {forks: true}` in the default branch's"
    " .github/firebreak.yml allows it"
)
FORBIDDEN = "the text is a stranger's, the model is somebody else's, and FIREBREAK_FORBID=fork-text forbids that"

_events = msgspec.json.Decoder(OptInsDeclared)


@dataclass(frozen=True, slots=True)
class Consent:
    bus: Bus
    hosted: bool
    forbidden: bool

    async def refusal(self, repository: RepositoryId, trust: Trust) -> str:
        """Why it may not be asked, empty where it may."""
        if trust == "own" or not self.hosted:
            return ""
        if self.forbidden:
            return FORBIDDEN
        stored = await self.bus.last(subjects.opt_ins(repository))
        if stored is None:
            return WHY_NOT
        try:
            declared = _events.decode(decode_commit(stored.data).events[-1])
        except (msgspec.MsgspecError, UnicodeDecodeError, IndexError):  # what nobody can read allows nothing
            return WHY_NOT
        return "" if declared.opt_ins.fork_text_to_hosted_model else WHY_NOT
