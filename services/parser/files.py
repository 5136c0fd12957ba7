"""Workflow files as read before: a file of the same path and content is not read again."""

from __future__ import annotations

import asyncio
import hashlib
from collections import OrderedDict
from dataclasses import dataclass, field

from libs.repositories import WorkflowFile
from libs.workflow.problems import Problem
from libs.workflow.reading.workflow import Reading, read_workflow

MAX_BYTES = 16 * 1024 * 1024
"""Of file content; what is read of it takes some ten times as much memory."""
THREAD_BYTES = 16 * 1024
"""Reading more takes over 10 ms: it is done off the event loop, where other deliveries and the bus go on."""


@dataclass
class Readings:
    """The files that were asked for last, within `MAX_BYTES`."""

    _known: OrderedDict[tuple[str, bytes], tuple[Reading, int]] = field(
        default_factory=OrderedDict[tuple[str, bytes], tuple[Reading, int]]
    )
    _bytes: int = 0

    async def read(self, file: WorkflowFile) -> Reading:
        if file.problem:
            return Reading(None, (Problem(file.path, 1, 1, file.problem),))
        key = (file.path, hashlib.sha256(file.content).digest())
        if key in self._known:
            self._known.move_to_end(key)
            return self._known[key][0]
        if len(file.content) < THREAD_BYTES:
            reading = read_workflow(file.path, file.content)
        else:
            reading = await asyncio.to_thread(read_workflow, file.path, file.content)
        self._keep(key, reading, len(file.content))
        return reading

    def _keep(self, key: tuple[str, bytes], reading: Reading, size: int) -> None:
        if key in self._known:
            return
        self._known[key] = (reading, size)
        self._bytes += size
        while self._bytes > MAX_BYTES:
            _, (_, freed) = self._known.popitem(last=False)
            self._bytes -= freed
