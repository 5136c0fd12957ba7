"""What the parser knows of workflows beyond one event: `ev.workflow.<repository_id>.<hash of path>` has the numbers of
its runs (`github.run_number`), `ev.workflow.<repository_id>.schedules` what a repository's workflows wait for,
`ev.workflow.<repository_id>.opt-ins` what it opts into.
"""

from __future__ import annotations

import msgspec

from libs.contracts.ids import RunId
from libs.contracts.opt_ins import OptInsDeclared
from libs.contracts.schedules import SchedulesDeclared


class RunNumbered(msgspec.Struct, frozen=True, tag="RunNumbered"):
    """The number of a run among its workflow's, from 1."""

    run_id: RunId
    number: int
    path: str


WorkflowEvent = RunNumbered | SchedulesDeclared | OptInsDeclared
