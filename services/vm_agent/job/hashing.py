"""`hashFiles` inside the sandbox, with nothing but `sh`, `find`, `xargs` and `sha256sum`: every image has these, while
not every image has Python or Node.

The guest lists and hashes; which files are selected, and in which order, is decided here by GitHub's rules. The result
is the SHA-256 of the files' SHA-256 digests. Links to files count as files; links to folders are followed where the
first pattern is `--follow-symbolic-links`.
"""

from __future__ import annotations

import hashlib
import re

from libs.workflow.expressions import follow_links_option
from libs.workflow.runner.file_globs import BadPattern, FilePatterns, file_patterns
from services.vm_agent.job.places import Places
from services.vm_agent.sandbox.protocol import CannotStart, FileTrouble, Sandbox
from services.vm_agent.sandbox.run import run

LISTING_BYTES = 64 * 1024 * 1024
"""Paths of one search: about a million files."""
NAMES_BYTES = 8 * 1024 * 1024
"""Selected paths handed back to be hashed, at once."""
DIGESTS_BYTES = 64 * 1024 * 1024
_FOLLOW = 'find -L "$1" -type f -print0 2>/dev/null; true'
_LIST = 'find "$1" -type f -print0 -o -type l -exec test -f {} \\; -print0 2>/dev/null; true'
_HASH = 'exec xargs -0 sha256sum -- <"$1"'
_DIGEST = re.compile(rb"^\\?([0-9a-f]{64}) ", re.MULTILINE)


class HashingFailed(Exception):
    """The message is shown as the expression's error."""


async def hash_files(sandbox: Sandbox, places: Places, patterns: tuple[str, ...]) -> str:
    """The value of `hashFiles(patterns)`: hexadecimal, or empty where nothing matches. Raises HashingFailed."""
    try:
        follows = bool(patterns) and patterns[0].lower() == follow_links_option
        wanted = file_patterns(patterns[1:] if follows else patterns, places.workspace, places.home)
        files = await _listed(sandbox, places, wanted, _FOLLOW if follows else _LIST)
        return await _hashed(sandbox, places, files) if files else ""
    except BadPattern as error:
        raise HashingFailed(f"hashFiles('{', '.join(patterns)}') failed. {error}") from None
    except (CannotStart, FileTrouble) as error:
        raise HashingFailed(f"hashFiles('{', '.join(patterns)}') failed in the job's machine: {error}") from None


async def _listed(sandbox: Sandbox, places: Places, wanted: FilePatterns, search: str) -> list[str]:
    """Files outside the workspace do not count, as on GitHub."""
    found: list[str] = []
    for root in filter(None, (_in_workspace(root, places.workspace) for root in wanted.roots)):
        _, listing = await run(sandbox, ["sh", "-c", search, "sh", root], limit_bytes=LISTING_BYTES)
        found += listing.decode("utf-8", "surrogateescape").split("\0")
    return wanted.order([path for path in found if path.startswith(places.workspace + "/")])


def _in_workspace(root: str, workspace: str) -> str | None:
    """Where a search really begins; None where it cannot meet the workspace."""
    if root == workspace or root.startswith(workspace + "/"):
        return root
    return workspace if workspace.startswith(root.rstrip("/") + "/") else None


async def _hashed(sandbox: Sandbox, places: Places, files: list[str]) -> str:
    total = hashlib.sha256()
    for batch in _batches(files):
        names = f"{places.temp}/_hash_files"
        await sandbox.write_file(names, batch[0])
        ended, printed = await run(sandbox, ["sh", "-c", _HASH, "sh", names], limit_bytes=DIGESTS_BYTES)
        digests = _DIGEST.findall(printed)
        if ended.code != 0 or len(digests) != batch[1]:
            raise FileTrouble(f"{batch[1]} files were to be hashed, {len(digests)} could be")
        for digest in digests:
            total.update(bytes.fromhex(digest.decode()))
    return total.hexdigest()


def _batches(files: list[str]) -> list[tuple[bytes, int]]:
    """NUL-separated names, and how many they are."""
    batches: list[tuple[bytearray, int]] = [(bytearray(), 0)]
    for file in files:
        name = file.encode("utf-8", "surrogateescape") + b"\0"
        if len(batches[-1][0]) + len(name) > NAMES_BYTES:
            batches.append((bytearray(), 0))
        names, count = batches[-1]
        names += name
        batches[-1] = (names, count + 1)
    return [(bytes(names), count) for names, count in batches]
