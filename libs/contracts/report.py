"""What GitHub was told: `ev.report.<owner>.<repo>.<run_id>`, written by the reporter alone."""

from __future__ import annotations

import msgspec

from libs.contracts.ids import JobKey


class CheckReported(msgspec.Struct, frozen=True, tag="CheckReported"):
    """A commit status was set. `state` is GitHub's word: pending, success, failure or error."""

    job: JobKey
    context: str
    state: str
    description: str
    sha: str
    status_id: int = 0


class CommentPosted(msgspec.Struct, frozen=True, tag="CommentPosted"):
    """The one comment of a pull request, written or updated; `digest` is of the text."""

    pull_request: int
    comment_id: int
    digest: str


class ReportFailed(msgspec.Struct, frozen=True, tag="ReportFailed"):
    """GitHub refused for good (no access, gone): not tried again for this run. `what` is `statuses` or `comment`;
    empty means both.
    """

    why: str
    what: str = ""


ReportEvent = CheckReported | CommentPosted | ReportFailed
