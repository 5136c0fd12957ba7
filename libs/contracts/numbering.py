"""`github.run_number`: `ev.workflow.<repository_id>.<hash of path>`, written by the parser alone."""

from __future__ import annotations

import msgspec

from libs.contracts.ids import RunId


class RunNumbered(msgspec.Struct, frozen=True, tag="RunNumbered"):
    """The number of a run among its workflow's, from 1."""

    run_id: RunId
    number: int
    path: str


WorkflowEvent = RunNumbered
