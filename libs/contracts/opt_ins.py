"""What a repository opts into, in `.github/firebreak.yml` of its default branch: `ev.workflow.<repository_id>.opt-ins`.

Written by the parser alone, when a push to the default branch changed it. The operator can forbid each.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from libs.contracts.intake import Problem
from libs.contracts.plan import Repository

TimeoutMode = Literal["shadow", "apply"]


class OptIns(msgspec.Struct, frozen=True):
    """`timeouts`: `shadow` measures what the learned limits would do, `apply` shortens jobs' limits to them.

    `retry_flaky` is how many more attempts a job has that is known to be flaky. `fork_text_to_hosted_model`: text of
    strangers may be sent to a model that somebody else hosts.
    """

    timeouts: TimeoutMode = "shadow"
    retry_flaky: int = 0
    fork_text_to_hosted_model: bool = False


class OptInsDeclared(msgspec.Struct, frozen=True, tag="OptInsDeclared"):
    """As of a push; `pushed` is when it was received: an older push that is read later declares nothing.

    A file with `problems` opts into nothing.
    """

    repository: Repository
    ref: str
    sha: str
    pushed: datetime
    opt_ins: OptIns = OptIns()
    problems: tuple[Problem, ...] = ()
