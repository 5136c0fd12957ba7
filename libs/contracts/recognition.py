"""What the log knows of a failure: `ev.recognition.<owner>.<repo>.<run_id>`, written by the learner alone.

Whoever shows a run (the comment, `firebreak why`, the console) shows these with it; they decide nothing.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from libs.contracts.ids import JobKey


class FailureRecognized(msgspec.Struct, frozen=True, tag="FailureRecognized"):
    """One failed step of the run. `runs` others failed in the same way since `since`, the last at `last`.

    `repositories` are those that readers of this run may know by name (its own, and public ones), `others` how many
    there are besides. `broke_sha` is the first commit at which this step failed so after it had passed; `mended_sha`
    the one at which it passed again the last time that this had happened. `text` is the line, normalised and masked.
    """

    run_attempt: int
    job: JobKey
    n: int
    step: int
    name: str
    fingerprint: str
    text: str = ""
    runs: int = 0
    since: datetime | None = None
    last: datetime | None = None
    repositories: tuple[str, ...] = ()
    others: int = 0
    broke_sha: str = ""
    mended_sha: str = ""
    mended_at: datetime | None = None


RecognitionEvent = FailureRecognized
