"""Takes in what a step declared in `$GITHUB_ARTIFACTS`: files are hashed in the sandbox, where they are."""

from __future__ import annotations

import posixpath
from collections.abc import Callable

from libs.workflow.runner.artifacts import (
    JOB_ARTIFACTS,
    DeclaredFile,
    Subject,
    bad_line,
    read_artifacts,
    with_declared,
)
from services.vm_agent.job.surroundings import Surroundings
from services.vm_agent.log.step_output import StepOutput
from services.vm_agent.sandbox.run import run

_HASH = (
    'if test -d "$1"; then exit 61; elif ! test -e "$1"; then exit 62; elif ! test -f "$1"; then exit 63; fi; '
    'exec sha256sum <"$1"'
)
HEXADECIMAL_DIGITS = 64


async def take_artifacts(around: Surroundings, data: bytes, output: StepOutput) -> None:
    """Raises BadArtifacts, SandboxError; then none of them counts."""
    hashing = _Hashing(around, output.machine_path)
    declared = read_artifacts(data)
    new = [
        (number, one if isinstance(one, Subject) else one.named(await hashing.digest(one, number)))
        for number, one in declared
    ]
    state = around.state
    before = len(state.artifacts)
    state.artifacts = with_declared(state.artifacts, new)
    if added := len(state.artifacts) - before:
        total = len(state.artifacts)
        await output.print(f"Captured {added} artifact subject(s) from this step (job total: {total}).")


class _Hashing:
    """Each file once, and no more of them than a job may declare."""

    def __init__(self, around: Surroundings, machine_path: Callable[[str], str] | None) -> None:
        self._around, self._machine_path = around, machine_path
        self._digests: dict[str, str] = {}

    async def digest(self, file: DeclaredFile, number: int) -> str:
        path = posixpath.normpath(posixpath.join(self._around.places.workspace, self._located(file.path, number)))
        if path not in self._digests:
            if len(self._digests) >= JOB_ARTIFACTS:
                raise bad_line(number, f"The job has exceeded the maximum of {JOB_ARTIFACTS} declared artifacts.")
            self._digests[path] = await self._hashed(file.path, path, number)
        return self._digests[path]

    def _located(self, declared: str, number: int) -> str:
        """In a container an absolute path is the container's, and only what the machine shows it can be hashed."""
        if self._machine_path is None or not declared.startswith("/"):
            return declared
        located = self._machine_path(declared)
        if located == declared:
            where = "is not inside a volume mounted into the container and cannot be resolved"
            raise bad_line(number, f"absolute path '{declared}' {where}")
        return located

    async def _hashed(self, declared: str, path: str, number: int) -> str:
        ended, printed = await run(self._around.sandbox, ["sh", "-c", _HASH, "sh", path])
        digits = printed[:HEXADECIMAL_DIGITS].decode("ascii", "replace")
        if ended.code == 0 and len(digits) == HEXADECIMAL_DIGITS and digits.isalnum():
            return digits
        raise bad_line(number, self._trouble(declared, ended.code))

    def _trouble(self, declared: str, code: int) -> str:
        match code:
            case 61:
                return f"'{declared}' is a directory, not a regular file"
            case 63:
                return f"'{declared}' is not a regular file"
            case 62 if not declared.startswith("/"):
                where = f"relative paths are resolved against the workspace root '{self._around.places.workspace}'"
                return f"file '{declared}' does not exist ({where})"
            case 62:
                return f"file '{declared}' does not exist"
            case _:
                return f"file '{declared}' cannot be read"
