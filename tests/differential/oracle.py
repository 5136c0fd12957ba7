"""GitHub's own evaluator and parser, to be asked: npm packages `@actions/expressions` and `@actions/workflow-parser`.

    with Oracle() as oracle:
        oracle.evaluate("1 < 2", {"github": {}})   # what `answer` of libs.workflow.expressions gives for the same
        oracle.parse_workflow("on: push\\n")        # [Complaint(line=1, column=1, message="Required property ...")]

They are what GitHub's editor extension runs, in JavaScript. The service and the runner are written in C#, and differ
from them in places; who compares lists such a place with its reason instead of following the package.
In a test take the fixture `oracle` (tests/differential/conftest.py), which skips with a reason where they are missing.
"""

from __future__ import annotations

import json
import select
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec

from libs.workflow.expressions import Value

NPM = Path(__file__).parent.parent / "npm"
PROGRAM = NPM / "oracle.mjs"
answer_seconds = 30.0
"""One answer takes a fraction of a millisecond, the first one half a second: a longer wait is a program that hangs."""


class Complaint(msgspec.Struct, frozen=True):
    """One error of GitHub's parser; line and column count from 1, and are 0 where it tells no place."""

    line: int
    column: int
    message: str


class OracleCrash(Exception):
    """GitHub's code did not survive the question, so that there is nothing to compare with."""


def missing() -> str | None:
    """Why GitHub's code cannot be asked here, with what to do about it; None where it can."""
    if shutil.which("node") is None:
        return "there is no `node`, which runs GitHub's own code: install Node 20 or later"
    if not (NPM / "node_modules" / "@actions" / "workflow-parser").is_dir():
        return f"GitHub's own evaluator is not installed: run `npm ci` in {NPM}"
    return None


class Oracle:
    """One node process, asked one question at a time. Not for several threads."""

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            ["node", "--stack-size=4000", str(PROGRAM)], cwd=NPM, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None):
        self._process.kill()
        self._process.communicate()

    def evaluate(self, expression: str, contexts: Mapping[str, Value]) -> dict[str, Any]:
        """`{"value", "kind"}` or `{"error": {"kind", "message", "column"}}`; the keys of `contexts` are known names.

        Status functions follow `contexts.job.status`. A column is 0 where GitHub's code tells none: evaluation. Columns
        count characters, as ours do (GitHub's code counts UTF-16 units). Raises OracleCrash.
        """
        found = self._ask({"mode": "evaluate", "expr": expression, "contexts": contexts})
        if "error" in found and found["error"]["kind"] == "crash":
            raise OracleCrash(found["error"]["message"])
        if "error" in found:
            found["error"]["column"] = _in_characters(found["error"]["column"], expression)
        return found

    def parse_workflow(self, content: str, name: str = "ci.yml") -> list[Complaint]:
        """Every error that GitHub's parser has for a workflow file, in its order. Raises OracleCrash."""
        return self._complaints("workflow", content, name)

    def parse_action(self, content: str, name: str = "action.yml") -> list[Complaint]:
        """Every error that GitHub's parser has for an action's own file. Raises OracleCrash."""
        return self._complaints("action", content, name)

    def _complaints(self, mode: str, content: str, name: str) -> list[Complaint]:
        found = self._ask({"mode": mode, "name": name, "content": content})
        if "errors" not in found:
            raise OracleCrash(found["error"]["message"])
        return msgspec.convert(found["errors"], list[Complaint])

    def _ask(self, question: Mapping[str, object]) -> dict[str, Any]:
        writer, reader = self._process.stdin, self._process.stdout
        assert writer is not None
        assert reader is not None
        writer.write(json.dumps(question).encode() + b"\n")
        writer.flush()
        # Nothing is left in the reader's buffer between two questions, so that the pipe alone tells of an answer.
        ready, _, _ = select.select([reader], [], [], answer_seconds)
        line = reader.readline() if ready else b""
        if not line:
            raise OracleCrash(f"no answer within {answer_seconds:g} s")
        return json.loads(line)


def _in_characters(column: int, text: str) -> int:
    """A 1-based column of UTF-16 units as one of characters; 0 stays 0."""
    units = text.encode("utf-16-le", "surrogatepass")[: 2 * max(column - 1, 0)]
    return len(units.decode("utf-16-le", "surrogatepass")) + min(column, 1)
