"""Where `make vm` put the guest image that the tests' machines are made from."""

from __future__ import annotations

import os
from pathlib import Path

from libs.settings import read_settings

NAME = "minimal"
NAMED = ("HOME", "XDG_STATE_HOME", "FIREBREAK_HOME", "FIREBREAK_IMAGES")


def images_folder() -> Path:
    """As the command line finds it, whatever else is set."""
    return read_settings({name: os.environ[name] for name in NAMED if name in os.environ}).images
