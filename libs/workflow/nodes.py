"""The tree that a YAML text becomes: scalars, sequences, mappings, each with its place in the file.

The tree knows YAML's types and nothing of workflows. Lines and columns are 1-based; ``start`` and ``end`` are
offsets of characters in the text of the document, for finding the exact place of an expression inside a scalar.
A tree has no cycles, so that the collector of garbage need not look at it.
"""

import msgspec

ScalarValue = None | bool | int | float | str


class Scalar(msgspec.Struct, frozen=True, gc=False):
    """A scalar: its value under YAML 1.2's core schema, and its content as written (escapes undone)."""

    value: ScalarValue
    text: str
    style: str
    line: int
    column: int
    start: int
    end: int


class Sequence(msgspec.Struct, frozen=True, gc=False):
    items: tuple["Node", ...]
    line: int
    column: int


class Entry(msgspec.Struct, frozen=True, gc=False):
    """One key of a mapping with its value."""

    key: Scalar
    value: "Node"


class Mapping(msgspec.Struct, frozen=True, gc=False):
    entries: tuple[Entry, ...]
    line: int
    column: int

    def get(self, key: str) -> "Node | None":
        return next((entry.value for entry in self.entries if entry.key.text == key), None)


Node = Scalar | Sequence | Mapping


class Document(msgspec.Struct, frozen=True):
    """A text (decoded, line ends as ``\\n``) and its tree; ``root`` is None when the text could not be read."""

    text: str
    root: Node | None


def describe(node: Node) -> str:
    """What a node is, in the words that an error message needs."""
    match node:
        case Mapping():
            return "a mapping"
        case Sequence():
            return "a list"
        case Scalar(value=None):
            return "nothing"
        case Scalar(value=bool()):
            return f"the boolean {node.text}"
        case Scalar(value=int() | float()):
            return f"the number {node.text}"
        case Scalar():
            return f"the string {abbreviate(node.text)!r}"


abbreviated_characters = 60  # A message is one line; the place says where the rest is.


def abbreviate(text: str) -> str:
    first = text.split("\n", 1)[0]
    return first if first == text and len(first) <= abbreviated_characters else first[:abbreviated_characters] + "..."
