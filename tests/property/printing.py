"""A tree of nodes as YAML again: one value a line, every string in double quotes, so that nothing depends on style."""

from __future__ import annotations

import json

from libs.workflow.nodes import Mapping, Node, Scalar, Sequence


def printed(node: Node) -> str:
    return "\n".join(_lines(node)) + "\n"


def _lines(node: Node) -> list[str]:
    match node:
        case Scalar():
            return [_scalar(node)]
        case Sequence(items=()):
            return ["[]"]
        case Sequence():
            return [line for item in node.items for line in _entry("-", item)]
        case Mapping(entries=()):
            return ["{}"]
        case Mapping():
            return [line for entry in node.entries for line in _entry(f"{_key(entry.key)}:", entry.value)]


def _entry(start: str, value: Node) -> list[str]:
    lines = _lines(value)
    if len(lines) == 1 and (isinstance(value, Scalar) or lines[0] in ("[]", "{}")):
        return [f"{start} {lines[0]}"]
    return [start, *(f"  {line}" for line in lines)]


def _key(key: Scalar) -> str:
    return json.dumps(key.text)


def _scalar(scalar: Scalar) -> str:
    """A plain scalar that is no string keeps its text, which says its type."""
    return json.dumps(scalar.value) if isinstance(scalar.value, str) else scalar.text or "null"
