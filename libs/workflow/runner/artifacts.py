"""`$GITHUB_ARTIFACTS`: what a step declares to have made, a line each; `$GITHUB_ARTIFACTS_LIST`: what the job has.

A line is a file's path, or an image's reference with its digest; `file://` and `oci://` say which. The rules and words
are those of GitHub's runner. Nothing here reads a file: whoever does adds the digests.
"""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Mapping
from typing import Literal

import msgspec

from libs.workflow.runner.files import text_of

ARTIFACTS_BYTES = 1024 * 1024
"""Of one step's file."""
JOB_ARTIFACTS = 500
VERSION = 1
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*://")
_DIGEST = re.compile(r"(?P<reference>.+)@(?P<algorithm>sha(?:256|384|512)):(?P<digits>[0-9a-fA-F]+)")
_DIGITS = {"sha256": 64, "sha384": 96, "sha512": 128}


class BadArtifacts(Exception):
    """The step fails, and none of its declarations counts."""


class Subject(msgspec.Struct, frozen=True):
    name: str
    digest: str
    kind: Literal["file", "oci"]


class DeclaredFile(msgspec.Struct, frozen=True):
    """To be hashed: its path as it was declared."""

    path: str

    def named(self, hexadecimal: str) -> Subject:
        return Subject(posixpath.basename(posixpath.normpath(self.path)), f"sha256:{hexadecimal}", "file")


Declared = Subject | DeclaredFile


def read_artifacts(data: bytes) -> list[tuple[int, Declared]]:
    """The declarations with their lines, counted from one. Raises BadArtifacts."""
    if len(data) > ARTIFACTS_BYTES:
        sizes = f"{ARTIFACTS_BYTES // 1024} KiB (got {len(data) // 1024} KiB)"
        raise BadArtifacts(f"$GITHUB_ARTIFACTS file exceeds the maximum size of {sizes}.")
    lines = text_of(data).replace("\r\n", "\n").replace("\r", "\n").split("\n")
    trimmed = [(number, line.strip()) for number, line in enumerate(lines, 1)]
    return [(number, _declared(line, number)) for number, line in trimmed if line and not line.startswith("#")]


def with_declared(known: Mapping[str, Subject], new: list[tuple[int, Subject]]) -> dict[str, Subject]:
    """The job's subjects with a step's: the same one twice is one. Raises BadArtifacts."""
    subjects = dict(known)
    for number, subject in new:
        before = subjects.get(subject.name)
        if before is not None and before.digest != subject.digest:
            raise bad_line(
                number,
                f"Conflicting digest for artifact '{subject.name}': previously declared as '{before.digest}', "
                f"now declared as '{subject.digest}'.",
            )
        if before is None and len(subjects) >= JOB_ARTIFACTS:
            raise bad_line(number, f"The job has exceeded the maximum of {JOB_ARTIFACTS} declared artifacts.")
        subjects.setdefault(subject.name, subject)
    return subjects


def listing(subjects: Mapping[str, Subject]) -> bytes:
    """The content of `$GITHUB_ARTIFACTS_LIST`."""
    known = [
        {"name": subject.name, "digest": subject.digest, "kind": subject.kind}
        for subject in sorted(subjects.values(), key=lambda subject: subject.name)
    ]
    text = json.dumps({"version": VERSION, "subjects": known}, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "replace")


def bad_line(number: int, why: str) -> BadArtifacts:
    return BadArtifacts(f"Invalid $GITHUB_ARTIFACTS entry on line {number}: {why}")


def _declared(line: str, number: int) -> Declared:
    if "=" in line:
        raise bad_line(number, "entries containing '=' are reserved and not permitted")
    scheme, separator, rest = line.partition("://")
    match scheme.lower() if separator else "":
        case "file":
            if not rest.strip():
                raise bad_line(number, "file:// entries must include a path")
            return DeclaredFile(rest)
        case "oci":
            found = _DIGEST.fullmatch(rest)
            if found is None:
                raise bad_line(number, "oci:// entries must include an @sha{256,384,512}:<hex> digest")
            return _image(found, number)
        case _ if _SCHEME.match(line):
            raise bad_line(number, "unsupported URI scheme")
        case _:
            found = _DIGEST.fullmatch(line)
            whole = found is not None and len(found["digits"]) == _DIGITS[found["algorithm"]]
            return _image(found, number) if found is not None and whole else DeclaredFile(line)


def _image(found: re.Match[str], number: int) -> Subject:
    algorithm, digits = found["algorithm"], found["digits"].lower()
    if len(digits) != _DIGITS[algorithm]:
        wanted = f"must be {_DIGITS[algorithm]} hex characters, got {len(digits)}"
        raise bad_line(number, f"digest '{algorithm}' {wanted}")
    return Subject(found["reference"], f"{algorithm}:{digits}", "oci")
