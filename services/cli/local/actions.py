"""The repositories of actions for a local run: opened when a job first uses one, for most runs of a shell command
never do, and kept in the state folder of whoever runs it, so that the next run need not fetch them again.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from libs.settings import Settings
from libs.sources import Source, Wanted

if TYPE_CHECKING:
    from libs.github.actions import ActionMirrors


class LocalActions:
    """`offered` is a folder with clones at `owner/name`. Close it when done."""

    def __init__(self, settings: Settings, offered: Path | None) -> None:
        self._settings, self._offered = settings, offered
        self._opened: ActionMirrors | None = None

    @asynccontextmanager
    async def checkout(self, wanted: Wanted) -> AsyncGenerator[Source]:
        if self._opened is None:
            from libs.github.actions import open_actions

            self._opened = open_actions(self._settings, () if self._offered is None else (self._offered,))
        async with self._opened.checkout(wanted) as source:
            yield source

    async def aclose(self) -> None:
        if self._opened is not None:
            await self._opened.close()
