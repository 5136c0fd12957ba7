"""How the parser declares what the default branch says: one subject a kind, of which the last message is the whole
state, and a message only where something changed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import msgspec

from libs.bus.port import Bus, Conflict
from libs.contracts.envelope import decode_commit
from libs.contracts.opt_ins import OptInsDeclared
from libs.contracts.schedules import SchedulesDeclared
from services.parser.sealing import Origin, seal

Declaration = TypeVar("Declaration", SchedulesDeclared, OptInsDeclared)


async def declare(
    bus: Bus,
    subject: str,
    wanted: Declaration,
    is_news: Callable[[Declaration | None, Declaration], bool],
    origin: Origin,
) -> None:
    """`is_news` says whether it differs from what was declared last, and is not what an older push had. Raises
    BusDown."""
    while True:
        last = await bus.last(subject)
        state = None if last is None else msgspec.json.decode(decode_commit(last.data).events[-1], type=type(wanted))
        if not is_news(state, wanted):
            return
        try:
            await bus.append(seal(subject, origin, [wanted]), expected=0 if last is None else last.seq)
            return
        except Conflict:
            continue
