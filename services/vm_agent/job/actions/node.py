"""Which Node.js runs a JavaScript action: the version that it asks for where the machine has that, else the nearest.

It is looked for in the tool cache and on the machine's own PATH, never on the one that steps of the job have changed:
GitHub's runner has its own as well.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from services.vm_agent.job.actions.use import ActionFailed
from services.vm_agent.sandbox.protocol import CannotStart, Sandbox
from services.vm_agent.sandbox.run import run

LEAST = 20
"""An action that asks for an older one gets this, as on GitHub."""
OLDEST = 18
"""What is older runs hardly any action of today."""
TOOLS = "/opt/hostedtoolcache"
_LIST = (
    'for f in "$@"; do test -x "$f" && echo "$f"; done;'
    " for p in node24 node20 node nodejs; do command -v $p; done; true"
)
_IN_CACHE = re.compile(r"/node/(?P<version>[0-9]+(?:\.[0-9]+){0,2})/[^/]+/bin/node\Z")
_VERSION = re.compile(r"v(?P<version>[0-9]+(?:\.[0-9]+){0,2})")

Version = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Node:
    path: str
    version: Version


@dataclass(slots=True)
class Nodes:
    """The Node.js of one sandbox; it is asked once."""

    sandbox: Sandbox
    tool_cache: str
    path: str
    _found: list[Node] | None = field(default=None)

    async def program(self, major: int) -> Node:
        """Raises ActionFailed, SandboxError."""
        if self._found is None:
            self._found = await self._look()
        chosen = choose(major, self._found)
        if chosen is None:
            there = ", ".join(_shown(node.version) for node in self._found) or "none"
            raise ActionFailed(
                f"This action needs Node.js {max(major, LEAST)}, and the job's machine has {there}:"
                " put it on the PATH of the host, or into the image"
            )
        return chosen

    async def _look(self) -> list[Node]:
        found = [Node(path, version) for path in await self._listed() if (version := _version_in(path)) is not None]
        if any(node.version[0] >= LEAST for node in found):
            return found
        for path in await self._listed():
            if _version_in(path) is None and (version := await self._asked(path)) is not None:
                found.append(Node(path, version))
        return found

    async def _listed(self) -> list[str]:
        patterns = [posixpath.join(folder, "node/*/*/bin/node") for folder in dict.fromkeys((self.tool_cache, TOOLS))]
        script = _LIST.replace('"$@"', " ".join(_quoted(pattern) for pattern in patterns))
        try:
            _, printed = await run(self.sandbox, ["sh", "-c", script], env={"PATH": self.path})
        except CannotStart:
            return []
        return list(dict.fromkeys(line for line in printed.decode("utf-8", "replace").splitlines() if line[:1] == "/"))

    async def _asked(self, path: str) -> Version | None:
        try:
            ended, printed = await run(self.sandbox, [path, "--version"], env={"PATH": self.path})
        except CannotStart:
            return None
        found = _VERSION.match(printed.decode("utf-8", "replace"))
        return _parsed(found["version"]) if ended.code == 0 and found is not None else None


def choose(major: int, nodes: Sequence[Node]) -> Node | None:
    """1. That major version. 2. The next newer one. 3. The newest of the older ones, if it is not too old."""
    wanted = max(major, LEAST)
    exact = [node for node in nodes if node.version[0] == wanted]
    newer = [node for node in nodes if node.version[0] > wanted]
    older = [node for node in nodes if OLDEST <= node.version[0] < wanted]
    if exact:
        return max(exact, key=lambda node: node.version)
    if newer:
        return min(newer, key=lambda node: node.version)
    return max(older, key=lambda node: node.version, default=None)


def _version_in(path: str) -> Version | None:
    """Where a tool cache has it, the path says the version: asking each takes a second in an emulated machine."""
    found = _IN_CACHE.search(path)
    return None if found is None else _parsed(found["version"])


def _parsed(text: str) -> Version:
    return tuple(int(part) for part in text.split("."))


def _shown(version: Version) -> str:
    return ".".join(map(str, version))


def _quoted(pattern: str) -> str:
    """The fixed part in quotes, the stars outside."""
    return "*".join("'" + part.replace("'", "'\\''") + "'" if part else "" for part in pattern.split("*"))
