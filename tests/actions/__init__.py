"""Actions that the tests run as anybody's are run: fetched from a git repository, unmodified."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent
NPM = Path(__file__).resolve().parents[1] / "npm" / "node_modules"
PACKAGES = (
    "@actions/core",
    "@actions/exec",
    "@actions/github",
    "@actions/http-client",
    "@actions/io",
    "@octokit",
    "before-after-hook",
    "content-type",
    "json-with-bigint",
    "tunnel",
    "undici",
    "universal-user-agent",
)
"""GitHub's toolkit and all that it loads."""


def toolkit(folder: Path) -> None:
    """The action `tests/actions/toolkit` with the packages that it uses beside it, as those who do not bundle do it."""
    if not (NPM / "@actions" / "core").is_dir():
        pytest.skip(f"{NPM} has no @actions/core: `make tests/npm/node_modules` brings it, with npm")
    shutil.copytree(FOLDER / "toolkit", folder, dirs_exist_ok=True)
    for package in PACKAGES:
        ignored = shutil.ignore_patterns("webhooks-examples", "*.d.ts", "*.map")
        shutil.copytree(NPM / package, folder / "node_modules" / package, ignore=ignored, dirs_exist_ok=True)
