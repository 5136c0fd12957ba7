"""Identities, and how each follows from what caused it: the same cause always gives the same id.

That is what makes a retry harmless: a repeated delivery names the same run, a repeated decision the same commit.
Nothing here draws a random number or reads a clock.
"""

from __future__ import annotations

import hashlib
import re
import uuid
from typing import NewType

RunId = NewType("RunId", int)
"""Decimal, 53 bits: scripts do `Number(GITHUB_RUN_ID)`, and a double holds no more."""
JobKey = NewType("JobKey", str)
"""One job of a run, after its matrix: `build` or `build~1a2b3c4d`; a called workflow's is `caller~build`."""
HostId = NewType("HostId", str)
BootId = NewType("BootId", str)
RepositoryId = NewType("RepositoryId", int)
DeliveryGuid = NewType("DeliveryGuid", str)
CommandId = NewType("CommandId", str)
CommitId = NewType("CommitId", str)
Cause = NewType("Cause", str)
"""What set all of this off: a delivery's GUID or a command's id. It goes along into everything that follows."""

RUN_ID_BITS = 53
KEY_SEPARATOR = "~"
MAX_CALLED_ID = 180
"""Characters; with a matrix's hash behind it, such an id is still a file's name with room for an ending."""
_TOKEN = re.compile(r"[A-Za-z0-9_~-]+\Z")
_HOST = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}\Z")
_SHA = re.compile(r"[0-9a-f]{40}\Z|[0-9a-f]{64}\Z")


def run_id_of(cause: str, workflow_path: str) -> RunId:
    """The run of one workflow file for one cause; never 0."""
    digest = hashlib.sha256(f"{cause}\n{workflow_path}".encode()).digest()
    return RunId(int.from_bytes(digest[:8], "big") >> (64 - RUN_ID_BITS) or 1)


def job_key(job: str, canonical_matrix: str | None = None, caller: str | None = None) -> JobKey:
    """`<caller>~<job>~<8 hex of the canonical matrix values>`; the parts that there are."""
    parts = [part for part in (caller, job) if part]
    if canonical_matrix is not None:
        parts.append(hashlib.sha256(canonical_matrix.encode()).hexdigest()[:8])
    return JobKey(KEY_SEPARATOR.join(parts))


def called_id(caller: JobKey, job: str) -> str:
    """The id that a job of a called workflow has in the run: `<caller's key>~<its own id>`.

    Ten levels of long names would be more than a subject or a file's name can hold: such a caller is named by a hash.
    """
    if len(caller) + 1 + len(job) > MAX_CALLED_ID:
        caller = JobKey(hashlib.sha256(caller.encode()).hexdigest()[:16])
    return f"{caller}{KEY_SEPARATOR}{job}"


def commit_id(subject: str, *cause: str | int) -> CommitId:
    """One decision about one aggregate, named by its direct cause; a repeated decision has the same id."""
    text = "\n".join([subject, *map(str, cause)])
    return CommitId(hashlib.sha256(text.encode()).hexdigest()[:32])


def token(text: str) -> str:
    """A repository's owner or name as a subject token: `.` becomes `~` (GitHub allows no `~`), lower-cased.

    Raises ValueError where the text cannot be a token: it came from outside, and a subject is an address.
    """
    result = text.lower().replace(".", KEY_SEPARATOR)
    if not _TOKEN.match(result):
        raise ValueError(f"{text!r} cannot be a part of a subject: only letters, digits, '.', '-' and '_' can")
    return result


def parse_guid(text: str) -> DeliveryGuid:
    """A delivery's GUID in canonical form. Raises ValueError for anything but a UUID: it becomes a subject token."""
    if len(text) != 36:
        raise ValueError("a delivery id is a UUID of 36 characters")
    return DeliveryGuid(str(uuid.UUID(text)))


def parse_host_id(text: str) -> HostId:
    """Lower-case letters, digits, '-' and '_', 63 at most. Raises ValueError."""
    if not _HOST.match(text):
        raise ValueError(f"{text!r} is no host id: lower-case letters, digits, '-' and '_', 63 at most")
    return HostId(text)


def is_commit_sha(text: str) -> bool:
    """A full object name of git, SHA-1 or SHA-256, in lower-case hex."""
    return bool(_SHA.match(text))
