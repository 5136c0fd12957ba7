"""`firebreak expr`: evaluates an expression and prints the answer as JSON.

Other people's scripts rely on what it prints, which `libs.workflow.expressions.answer` decides; this file only reads
files and streams. It imports nothing heavy: scripts start it once an expression.
"""

import json
import sys
from pathlib import Path
from typing import BinaryIO, cast

import click

from libs.workflow.expressions import Value, answer, error_answer

exit_invalid = 2
"""The expression, or how the command was called, is wrong."""

max_line_bytes = 64 * 1024 * 1024
"""The longest line of NDJSON that is read: contexts hold whole webhook payloads, of 25 MB at most."""


@click.command(name="expr")
@click.argument("expression", required=False)
@click.option(
    "--contexts",
    "contexts_file",
    metavar="FILE.json",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help='A JSON object: the contexts by name, such as {"github": {"ref": "refs/heads/main"}}.',
)
@click.option("--ndjson", is_flag=True, help='Read {"expr", "contexts"} lines on standard input, answer one a line.')
@click.option("--json", "as_json", is_flag=True, help="Accepted for symmetry: the answer is JSON in any case.")
def command(expression: str | None, contexts_file: Path | None, ndjson: bool, as_json: bool) -> None:
    """Evaluate one EXPRESSION of the workflow language, with or without ${{ }}, and print JSON.

    The answer is {"value", "kind"}, or {"error": {"kind", "message", "column"}} and exit code 2.

    \b
    Example:
      firebreak expr "contains(github.ref, 'main')" --contexts contexts.json
    """
    del as_json
    if ndjson:
        if expression is not None or contexts_file is not None:
            raise click.UsageError("--ndjson takes its expressions and contexts from standard input")
        _answer_lines(sys.stdin.buffer, sys.stdout.buffer)
        return
    if expression is None:
        raise click.UsageError("an EXPRESSION is needed, or --ndjson")
    result = answer(expression, _read_contexts(contexts_file))
    _write(sys.stdout.buffer, result)
    if "error" in result:
        sys.exit(exit_invalid)


def _read_contexts(path: Path | None) -> dict[str, Value]:
    if path is None:
        return {}
    try:
        contexts = _parse(path.read_bytes())
    except OSError as error:
        raise click.UsageError(f"cannot read {path}: {error.strerror}") from None
    except ValueError as error:
        raise click.UsageError(f"{path} is not JSON: {error}") from None
    if not isinstance(contexts, dict):
        raise click.UsageError(f"{path} must hold a JSON object of contexts by name")
    return contexts


def _answer_lines(source: BinaryIO, target: BinaryIO) -> None:
    number = 0
    while line := source.readline(max_line_bytes + 1):
        number += 1
        if len(line) > max_line_bytes:
            _skip_rest_of_line(source, line)
            reason = f"line {number} is longer than {max_line_bytes} bytes"
            _write(target, error_answer("parsing", reason, 1))
        elif line.strip():
            _write(target, _answer_line(line, number))


def _answer_line(line: bytes, number: int) -> dict[str, Value]:
    try:
        request = _parse(line)
    except ValueError as error:
        return error_answer("parsing", f"line {number} is not JSON: {error}", getattr(error, "colno", 1))
    expression = request.get("expr") if isinstance(request, dict) else None
    contexts = request.get("contexts") if isinstance(request, dict) else None
    if contexts is None:
        contexts = {}
    if not isinstance(expression, str) or not isinstance(contexts, dict):
        reason = f'line {number} must be an object with "expr", a string, and optionally "contexts", an object'
        return error_answer("parsing", reason, 1)
    return answer(expression, contexts)


def _parse(text: bytes) -> Value:
    """Raises ValueError, which also stands for text that is no UTF-8 and for JSON that is nested too deeply."""
    try:
        return cast(Value, json.loads(text))
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _skip_rest_of_line(source: BinaryIO, line: bytes) -> None:
    while line and not line.endswith(b"\n"):
        line = source.readline(max_line_bytes)


def _write(target: BinaryIO, result: dict[str, Value]) -> None:
    """One line, flushed: a reader at the other end of a pipe waits for it."""
    try:
        line = json.dumps(result, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        # Half a surrogate pair has no UTF-8 form, only an escaped one.
        line = json.dumps(result).encode()
    target.write(line + b"\n")
    target.flush()
