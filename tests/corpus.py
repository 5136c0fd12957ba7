"""GitHub's own sample payloads, from the npm package `@octokit/webhooks-examples`: 58 events, 329 payloads."""

from __future__ import annotations

import json
import os
from functools import lru_cache
from pathlib import Path

import pytest

NPM = Path(__file__).parent / "npm"
INDEX = NPM / "node_modules" / "@octokit" / "webhooks-examples" / "api.github.com" / "index.json"
PAYLOADS = 329


@lru_cache(maxsize=1)
def samples() -> list[tuple[str, bytes]]:
    """(event, payload) of each. Skips the test where the package is not installed; NO_SKIPS makes that a failure."""
    if not INDEX.exists():
        how = f"GitHub's sample payloads are not installed: run `npm ci` in {NPM}"
        if os.environ.get("NO_SKIPS"):
            pytest.fail(how)
        pytest.skip(how)
    index = json.loads(INDEX.read_text())
    return [(entry["name"], json.dumps(example).encode()) for entry in index for example in entry["examples"]]
