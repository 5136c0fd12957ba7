"""What makes two failures the same failure: the learner tells a flaky step from a broken one by it.

Numbers, digests, times and paths of one machine differ between attempts at the same thing, so they do not count.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence

_COLOUR = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_VARYING = re.compile(r"0x[0-9a-f]+|\b[0-9a-f]{7,64}\b|\d+(?:[.:,]\d+)*|(?:/[\w.+-]+){2,}", re.IGNORECASE)
_SIGNAL = re.compile(r"error|fail|exception|panic|fatal|assert|not found|denied|timed out", re.IGNORECASE)
LINES = 5


def fingerprint(exit_code: int | None, errors: Sequence[str], tail: Sequence[str]) -> str:
    """16 hexadecimal digits. `errors` are the step's annotations, `tail` the last lines that it printed, masked."""
    said = list(errors) or [line for line in tail if _SIGNAL.search(line)] or list(tail)
    normal = [_VARYING.sub("#", _COLOUR.sub("", line)).strip() for line in said[-LINES:]]
    text = "\n".join([str(exit_code), *filter(None, normal)])
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:16]
