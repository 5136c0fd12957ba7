"""Lines of a step that may be the cause of its failure, found without a model."""

from __future__ import annotations

import re
from collections.abc import Sequence

from services.model.triage import Candidate

_TELLING = re.compile(r"error|fail|exception|panic|fatal|assert|not found|denied|timed out|cannot", re.IGNORECASE)


def candidates(lines: Sequence[str], most: int) -> Sequence[Candidate]:
    found = [Candidate(number, line[:300]) for number, line in enumerate(lines) if line.strip()]
    telling = [each for each in found if _TELLING.search(each.text)]
    return (telling or found)[-most:]
