"""Bytes of a workflow file to a tree with positions, refusing what GitHub refuses.

This is the one place that imports PyYAML: its C parser's events become our nodes in one pass, and nothing of PyYAML's
own nodes, types and constructors is used; we resolve scalars ourselves. It knows YAML and its dangers (bombs of
aliases, deep nesting, tags that construct objects), and nothing of workflows.
"""

import re
from collections.abc import Callable

from yaml import MarkedYAMLError, YAMLError
from yaml._yaml import CParser
from yaml.events import (
    AliasEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)

from libs.workflow import scalars
from libs.workflow.nodes import Document, Entry, Mapping, Node, Scalar, ScalarValue, Sequence
from libs.workflow.problems import Problems
from libs.workflow.syntax_errors import explain

workflow_bytes = 1024 * 1024  # GitHub's own limit for one workflow file.
nesting_levels = 50  # GitHub's own limit; real workflows nest about ten deep, and reading recurses.
expanded_nodes = 50_000  # GitHub's own limit, after aliases are followed. A 10,000-line workflow has about 30,000.

_core_tag = "tag:yaml.org,2002:"
_forbidden_characters = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufeff\ufffe\uffff]"
)  # All but YAML 1.2's c-printable (production 1), and the byte order mark, which may only come first. Named by what is
# forbidden: the same set as a complement takes ten times as long to compile, on each start.


class Unreadable(Exception):
    """There is no tree: 1-based line and column, and the message."""


def read_document(content: bytes, problems: Problems) -> Document:
    """The tree of a workflow file. What is wrong goes to ``problems``; ``root`` is None if there is no tree at all."""
    text = _decode(content, problems)
    if text is None:
        return Document(text="", root=None)
    if found := _forbidden_characters.search(text):
        line, column = place(text, found.start())
        problems.add(line, column, f"the control character U+{ord(found[0]):04X} is not allowed in YAML; remove it")
        return Document(text=text, root=None)
    return Document(text=text, root=_compose(text, problems))


def place(text: str, offset: int) -> tuple[int, int]:
    """The 1-based line and column of a character offset."""
    line_start = text.rfind("\n", 0, offset) + 1
    return text.count("\n", 0, offset) + 1, offset - line_start + 1


def _decode(content: bytes, problems: Problems) -> str | None:
    if len(content) > workflow_bytes:
        problems.add(1, 1, f"the file has {len(content)} bytes; a workflow may have {workflow_bytes} at most")
        return None
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = content[: error.start].decode("utf-8-sig", errors="replace")
        line, column = place(before, len(before))
        problems.add(line, column, f"the byte 0x{content[error.start]:02X} is not valid UTF-8; save the file as UTF-8")
        return None
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _compose(text: str, problems: Problems) -> Node | None:
    try:
        return _Builder(text, problems).build()
    except Unreadable as error:
        line, column, message = error.args
        problems.add(line, column, message)
    except MarkedYAMLError as error:
        problems.add(*explain(error, text))
    except YAMLError as error:
        problems.add(1, 1, f"not valid YAML: {error}")
    return None


_Anchored = tuple[Node, int]
"""A node that aliases may repeat, and how many values it has."""


class _Builder:
    """The C parser's events to our nodes. What aliases repeat is built once and counted each time."""

    def __init__(self, text: str, problems: Problems) -> None:
        self._next: Callable[[], object] = CParser(text).get_event
        self._problems = problems
        self._anchors: dict[str, _Anchored | None] = {}
        self._size = 0
        self._depth = 0

    def build(self) -> Node:
        self._next()
        if type(self._next()) is StreamEndEvent:
            raise Unreadable(1, 1, "the file is empty")
        root = self._node(self._next())
        self._next()
        following = self._next()
        if type(following) is not StreamEndEvent:
            message = "not valid YAML: a workflow file holds one YAML document, and `---` starts another here"
            raise Unreadable(*_place(following), message)
        return root

    def _node(self, event: object) -> Node:
        if type(event) is not ScalarEvent or event.anchor is not None:
            return self._rarer(event)
        self._size += 1
        text, style = event.value, event.style or ""
        start = event.start_mark
        value = text if style else scalars.resolve(text)
        if event.tag is not None:
            value = self._tagged(event, value, text, style)
        return Scalar(value, text, style, start.line + 1, start.column + 1, start.index, event.end_mark.index)

    def _rarer(self, event: object) -> Node:
        """1. An alias. 2. What has an anchor, for aliases behind it. 3. A list or a mapping."""
        assert isinstance(event, NodeEvent)
        if isinstance(event, AliasEvent):
            return self._repeated(event)
        if event.anchor is None:
            return self._collection(event)
        anchor, before = event.anchor, self._size
        self._anchors[anchor] = None
        event.anchor = None
        node = self._node(event)
        self._anchors[anchor] = (node, self._size - before)
        return node

    def _repeated(self, event: AliasEvent) -> Node:
        if event.anchor not in self._anchors:
            raise Unreadable(*_place(event), "not valid YAML: this alias has no anchor before it")
        anchored = self._anchors[event.anchor]
        if anchored is None:
            raise Unreadable(*_place(event), "this alias stands inside of its own anchor")
        self._size += anchored[1]
        self._check_size(event)
        return anchored[0]

    def _collection(self, event: NodeEvent) -> Node:
        assert isinstance(event, SequenceStartEvent | MappingStartEvent)
        self._size += 1
        kind = "map" if isinstance(event, MappingStartEvent) else "seq"
        if event.tag not in (None, _core_tag + kind):
            self._refuse_tag(event, event.tag)
        self._depth += 1
        if self._depth > nesting_levels:
            raise Unreadable(*_place(event), f"nested more than {nesting_levels} levels deep")
        node = self._mapping(event) if isinstance(event, MappingStartEvent) else self._sequence(event)
        self._depth -= 1
        self._check_size(event)
        return node

    def _sequence(self, event: SequenceStartEvent) -> Sequence:
        following, build = self._next, self._node
        items: list[Node] = []
        while type(item := following()) is not SequenceEndEvent:
            items.append(build(item))
        return Sequence(tuple(items), *_place(event))

    def _mapping(self, event: MappingStartEvent) -> Mapping:
        following, build = self._next, self._node
        entries: list[Entry] = []
        seen: dict[str, Scalar] = {}
        while type(item := following()) is not MappingEndEvent:
            key = build(item)
            value = build(following())
            if type(key) is Scalar and key.text != "<<" and seen.setdefault(key.text.upper(), key) is key:
                entries.append(Entry(key, value))
            elif self._key_is_sound(key, seen):
                assert isinstance(key, Scalar)
                entries.append(Entry(key, value))
        return Mapping(tuple(entries), *_place(event))

    def _key_is_sound(self, key: Node, seen: dict[str, Scalar]) -> bool:
        """Keys are compared without case, as GitHub does: `Foo` and `foo` in one mapping are one key twice."""
        if not isinstance(key, Scalar):
            self._problems.add(key.line, key.column, "a key must be a string, not a mapping or a list")
            return False
        if key.text == "<<" and not key.style:
            self._problems.add(
                key.line, key.column, "merge keys (`<<`) are not part of GitHub's YAML; write the keys out"
            )
            return False
        first = seen.setdefault(key.text.upper(), key)
        if first is not key:
            self._problems.add(
                key.line, key.column, f"the key `{key.text}` is already defined on line {first.line} (case is ignored)"
            )
            return False
        return True

    def _check_size(self, event: object) -> None:
        if self._size > expanded_nodes:
            raise Unreadable(*_place(event), f"more than {expanded_nodes} values once aliases are followed")

    def _tagged(self, event: ScalarEvent, value: ScalarValue, text: str, style: str) -> ScalarValue:
        """As GitHub: the tags of YAML's core schema, and all but that of a string only where a plain value is one."""
        tag = event.tag or ""
        kind = tag.removeprefix(_core_tag)
        if tag == _core_tag + "str":
            return text
        if tag == kind or kind not in scalars.kinds:
            self._refuse_tag(event, tag)
        elif style or not scalars.is_kind(kind, value, text):
            message = f"{text[:60]!r} is no value for the tag !!{kind}" + ("; remove the quotes" if style else "")
            self._problems.add(*_place(event), message)
            return scalars.resolve(text)
        return value

    def _refuse_tag(self, event: NodeEvent, tag: str) -> None:
        self._problems.add(*_place(event), f"the tag {_short_tag(tag)} is not allowed; remove it")


def _place(event: object) -> tuple[int, int]:
    assert isinstance(event, Event)
    mark = event.start_mark
    return mark.line + 1, mark.column + 1


def _short_tag(tag: str) -> str:
    return "!!" + tag.removeprefix(_core_tag) if tag.startswith(_core_tag) else tag
