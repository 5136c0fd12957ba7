"""Puts shell steps, or another label, into a workflow's text: only the lines in question change. Pure.

Everything else stays as somebody wrote it, comments and layout too, so it is text that is edited and no tree that is
written anew. What is not certain is refused: a person edits the file then. Lines are 1-based.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence as Many

import msgspec

from libs.workflow.nodes import Mapping, Node, Scalar, Sequence
from libs.workflow.problems import Problems
from libs.workflow.source import read_document

KEPT = ("if", "env", "working-directory", "continue-on-error", "timeout-minutes")
"""Keys of a step that hold for whatever is done in its place; `id` stays with the last of them."""
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9 _./+-]*\Z")
"""What needs no quotes whatever its place in a line."""
_FALSE_FRIENDS = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})


class NotPatched(Exception):
    """Why the text cannot be changed by rule; it says where, and somebody has to edit it."""


class ShellStep(msgspec.Struct, frozen=True):
    name: str
    run: str


def with_steps(text: str, job: str, step: int, steps: Many[ShellStep]) -> str:
    """The text with `steps` in the place of the step of that index (from 0). Raises NotPatched."""
    document, lines = _tree(text), text.split("\n")
    items = _steps_of(document, job)
    if not 0 <= step < len(items):
        raise NotPatched(f"job {job} has no step {step + 1}")
    old = items[step]
    if not isinstance(old, Mapping):
        raise NotPatched(f"line {old.line}: step {step + 1} of job {job} is no mapping")
    first, last = old.line, _last_line(old, text)
    lead = re.match(r"( *)-( +)", lines[first - 1])
    if lead is None or len(lead[0]) + 1 != old.column:
        raise NotPatched(f"line {first}: step {step + 1} of job {job} does not begin its line with a dash")
    if lines[first - 1][len(lead[0])] == "{" and first != last:
        raise NotPatched(f"line {first}: step {step + 1} of job {job} is in braces over several lines")
    if step + 1 < len(items) and items[step + 1].line <= last:
        raise NotPatched(f"line {first}: another step stands on the same line")
    parts = _kept(old, text)
    new = [
        line for number, each in enumerate(steps) for line in _written(each, lead[0], parts, number + 1 == len(steps))
    ]
    return "\n".join([*lines[: first - 1], *new, *lines[last:]])


def with_runs_on(text: str, job: str, label: str) -> str:
    """The text with one label as the job's `runs-on`. Raises NotPatched."""
    entry = next((entry for entry in _job(_tree(text), job).entries if entry.key.text == "runs-on"), None)
    if entry is None:
        raise NotPatched(f"job {job} has no runs-on")
    if isinstance(entry.value, Mapping):
        raise NotPatched(f"line {entry.value.line}: the runs-on of job {job} asks for a group")
    end = max(scalar.end for scalar in (entry.key, *_scalars(entry.value)))
    if isinstance(entry.value, Sequence) and "[" in text[entry.key.end : end].split("\n", maxsplit=1)[0]:
        end = text.index("]", end) + 1
    return f"{text[: entry.key.end]}: {_scalar(label)}{text[end:]}"


def step_at(text: str, line: int) -> tuple[str, int] | None:
    """The job and the index of the step that the line is of; None where it is of none."""
    jobs = _jobs(_tree(text))
    for entry in jobs.entries:
        steps = entry.value.get("steps") if isinstance(entry.value, Mapping) else None
        for index, item in enumerate(steps.items if isinstance(steps, Sequence) else ()):
            if item.line <= line <= _last_line(item, text):
                return entry.key.text, index
    return None


def _tree(text: str) -> Mapping:
    problems = Problems("")
    root = read_document(text.encode(), problems).root
    if not isinstance(root, Mapping):
        raise NotPatched("the file is no YAML mapping")
    return root


def _jobs(root: Mapping) -> Mapping:
    jobs = root.get("jobs")
    if not isinstance(jobs, Mapping):
        raise NotPatched("the file has no jobs")
    return jobs


def _job(root: Mapping, job: str) -> Mapping:
    found = _jobs(root).get(job)
    if not isinstance(found, Mapping):
        raise NotPatched(f"the file has no job {job}")
    return found


def _steps_of(root: Mapping, job: str) -> tuple[Node, ...]:
    steps = _job(root, job).get("steps")
    if not isinstance(steps, Sequence):
        raise NotPatched(f"job {job} has no list of steps")
    return steps.items


def _scalars(node: Node) -> list[Scalar]:
    match node:
        case Scalar():
            return [node]
        case Sequence():
            return [scalar for item in node.items for scalar in _scalars(item)]
        case Mapping():
            return [scalar for entry in node.entries for scalar in (entry.key, *_scalars(entry.value))]


def _last_line(node: Node, text: str) -> int:
    """Of its last character that is no blank; a literal text ends where the next line begins."""
    end = max((scalar.end for scalar in _scalars(node)), default=0)
    return text.count("\n", 0, len(text[:end].rstrip())) + 1 if end else node.line


def _kept(step: Mapping, text: str) -> dict[str, str]:
    """What is kept, as it is written, by its key: whole lines, with their comments; of a step in braces what stands
    between two commas.
    """
    braces = text[max(0, step.entries[0].key.start - 1)] == "{"
    parts: dict[str, str] = {}
    for entry in step.entries:
        if entry.key.text in (*KEPT, "id"):
            end = max(scalar.end for scalar in (entry.key, *_scalars(entry.value)))
            if not braces:
                end = _line_end(text, len(text[:end].rstrip()))
            elif not isinstance(entry.value, Scalar):
                end = text.index("]" if isinstance(entry.value, Sequence) else "}", end) + 1
            parts[entry.key.text] = text[entry.key.start : end].rstrip()
    return parts


def _line_end(text: str, at: int) -> int:
    found = text.find("\n", at)
    return len(text) if found < 0 else found


def _written(step: ShellStep, lead: str, parts: dict[str, str], last: bool) -> list[str]:
    indent = " " * len(lead)
    keys = [parts[key] for key in KEPT if key in parts]
    keys = [parts["id"], *keys] if last and "id" in parts else keys
    written = [f"{lead}name: {_scalar(step.name)}", *(indent + key for key in keys), *_run(step.run, indent)]
    return [line for part in written for line in part.split("\n")]


def _run(script: str, indent: str) -> list[str]:
    """As literal text, which needs no quoting at all, unless its first line begins with a blank."""
    lines = script.strip("\n").split("\n")
    if lines[0][:1].isspace() or not lines[0]:
        return [f"{indent}run: {json.dumps(script, ensure_ascii=False)}", f"{indent}shell: bash"]
    return [f"{indent}run: |", *(f"{indent}  {line}".rstrip() for line in lines), f"{indent}shell: bash"]


def _scalar(text: str) -> str:
    plain = _PLAIN.match(text) and text == text.strip() and text.lower() not in _FALSE_FRIENDS
    return text if plain else json.dumps(text, ensure_ascii=False)
