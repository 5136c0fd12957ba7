"""Programs that these tests need and that not every machine has: found, or their absence said loudly."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PACKAGES = {
    "docker-compose": "docker-compose",
    "nginx": "nginx",
    "systemd-analyze": "systemd",
    "openssl": "openssl",
}
SYSTEM_FOLDERS = ":/usr/sbin:/sbin"
"""Where Debian puts nginx, which is not on an ordinary user's PATH."""


def program(name: str) -> str:
    """Its path. Skips the test with the reason where it is not installed; infra/ci-packages.txt lists the package."""
    found = shutil.which(name, path=os.environ.get("PATH", "") + SYSTEM_FOLDERS)
    if found is None:
        pytest.skip(f"NOT CHECKED: {name} is not installed (Debian: apt-get install {PACKAGES[name]})")
    return found
