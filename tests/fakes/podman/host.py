"""A host with that engine: its PATH, its registry, and what is left of what jobs made."""

from __future__ import annotations

import json
import sys
import urllib.parse
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from services.vm_agent.sandbox.protocol import DEFAULT_PATH

ENGINE = Path(__file__).with_name("engine.py")


@dataclass(frozen=True)
class FakeEngine:
    folder: Path
    name: str = "podman"

    @property
    def environment(self) -> dict[str, str]:
        """Of the host, by `FIREBREAK_JOB_ENV`."""
        programs = self.folder / "programs"
        programs.mkdir(parents=True, exist_ok=True)
        program = programs / self.name
        program.write_text(f'#!/bin/sh\nexec {sys.executable} -I -S {ENGINE} {self._state} {self.name} "$@"\n')
        program.chmod(0o755)
        return {"PATH": f"{programs}:{DEFAULT_PATH}"}

    def offer(self, name: str, *, login: str | None = None, failures: int = 0, **config: object) -> None:
        """An image in the registry; `name` is whole."""
        folder = self._state / "registry"
        folder.mkdir(parents=True, exist_ok=True)
        image = {"login": login, "failures": failures, "config": config}
        (folder / urllib.parse.quote(name, safe="")).write_text(json.dumps(image))

    @property
    def calls(self) -> list[list[str]]:
        return [json.loads(line)[0] for line in self._lines()]

    def commands(self) -> list[str]:
        """What was called, in order, without questions."""
        calls = [words[2:] if words[0] == "--config" else words for words in self.calls]
        names = [" ".join(words[:2]) if words[0] in ("network", "image") else words[0] for words in calls]
        return [name for name in names if name not in ("version", "inspect", "ps", "logs")]

    @property
    def seen(self) -> str:
        """All that other processes of the host could see."""
        return "\n".join(self._lines())

    def left(self) -> list[str]:
        """Containers and networks."""
        kinds = [self._state / "containers", self._state / "networks"]
        return [path.name for kind in kinds if kind.exists() for path in kind.iterdir()]

    def containers(self) -> list[dict[str, Any]]:
        folder = self._state / "containers"
        return [json.loads(path.read_text()) for path in folder.iterdir()] if folder.exists() else []

    @property
    def _state(self) -> Path:
        return self.folder / "state"

    def _lines(self) -> list[str]:
        path = self._state / "calls"
        return path.read_text().splitlines() if path.exists() else []
