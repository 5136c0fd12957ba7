"""YAML of other CIs, read with the workflow language's own reader: the same bounds, no tag makes an object.

Two things that GitLab's language has and GitHub's has not are made readable first: merge keys, and `!reference`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from libs.workflow.nodes import Mapping, Node, Scalar, Sequence
from libs.workflow.problems import Problems, TooManyProblems
from libs.workflow.source import read_document
from services.model.drafting.draft import Gap, SourceFile

MERGE = "firebreak merge"
REFERENCE = "!reference"
MERGES_DEEP = 10

_merge_key = re.compile(r"^(\s*(?:- )?)<<(\s*:)", re.MULTILINE)
_reference = re.compile(r"!reference\s*(\[[^\]\n\"]*\])")


def read_tree(file: SourceFile) -> tuple[Mapping | None, list[Gap]]:
    """The file's mapping, and why there is none, or what of it could not be read."""
    text = _reference.sub(rf'"{REFERENCE} \1"', _merge_key.sub(rf"\1{MERGE}\2", file.text))
    problems = Problems(file.path)
    try:
        root = read_document(text.encode("utf-8", "replace"), problems).root
    except TooManyProblems:
        root = None
    gaps = [Gap(problem.message.replace(MERGE, "<<"), problem.line) for problem in list(problems.sorted())[:5]]
    if root is not None and not isinstance(root, Mapping):
        return None, [*gaps, Gap("the file is no mapping")]
    return root, gaps


def fields(node: Node | None, deep: int = 0) -> dict[str, Node]:
    """A mapping's values by key, with what it merges; empty for what is no mapping."""
    if not isinstance(node, Mapping):
        return {}
    found: dict[str, Node] = {}
    for merged in [entry.value for entry in node.entries if entry.key.text == MERGE] if deep < MERGES_DEEP else []:
        for each in reversed(merged.items) if isinstance(merged, Sequence) else (merged,):
            found |= fields(each, deep + 1)
    return found | {entry.key.text: entry.value for entry in node.entries if entry.key.text != MERGE}


def texts(node: Node | None) -> Iterator[Scalar]:
    """What a list says, or a single value; lists in lists are one list."""
    if isinstance(node, Scalar):
        if node.value is not None:
            yield node
    elif isinstance(node, Sequence):
        for item in node.items:
            yield from texts(item)


def text_of(node: Node | None) -> str:
    return node.text if isinstance(node, Scalar) and node.value is not None else ""


def pairs(node: Node | None) -> Iterator[tuple[str, str, int]]:
    """Names, values and lines of a mapping of scalars; GitLab's `{value, description}` counts as its value."""
    for name, value in fields(node).items():
        inner = fields(value).get("value") if isinstance(value, Mapping) else value
        if isinstance(inner, Scalar):
            yield name, inner.text, inner.line
