"""Bytes of a workflow file to a tree with positions, refusing what GitHub refuses.

This is the one place that imports PyYAML; its C parser composes the nodes (an order of magnitude faster than Python
code) and everything YAML 1.1 in it is switched off: we resolve scalars ourselves. It knows YAML and its dangers (bombs
of aliases, nesting that would overflow the C stack, tags that construct objects), and nothing of workflows.
"""

import re

from yaml import MarkedYAMLError, YAMLError
from yaml import Node as YamlNode
from yaml._yaml import CParser
from yaml.nodes import MappingNode, ScalarNode, SequenceNode

from libs.workflow import scalars
from libs.workflow.nodes import Document, Entry, Mapping, Node, Scalar, Sequence
from libs.workflow.problems import Problems
from libs.workflow.syntax_errors import explain

workflow_bytes = 1024 * 1024  # GitHub's own limit for one workflow file.
nesting_levels = 100  # Real workflows nest about ten deep; the C composer recurses, and 20,000 levels kill the process.
expanded_nodes = 200_000  # After aliases are followed. A 10,000-line workflow has about 30,000.

_implicit_tag = "implicit"
_forbidden_characters = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufeff\ufffe\uffff]"
)  # All but YAML 1.2's c-printable (production 1), and the byte order mark, which may only come first. Named by what is
# forbidden: the same set as a complement takes ten times as long to compile, on each start.


class TooDeep(Exception):
    """The text nests deeper than ``nesting_levels``."""


class TooLarge(Exception):
    """Following the aliases gives more than ``expanded_nodes`` nodes, or an alias that contains itself."""


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
        root = _Composer(text).get_single_node()
    except TooDeep as error:
        problems.add(*place(text, error.args[0]), f"nested more than {nesting_levels} levels deep")
        return None
    except MarkedYAMLError as error:
        problems.add(*explain(error, text))
        return None
    except YAMLError as error:
        problems.add(1, 1, f"not valid YAML: {error}")
        return None
    if root is None:
        problems.add(1, 1, "the file is empty; a workflow needs at least `on` and `jobs`")
        return None
    return _Converter(problems).convert_root(root)


class _Composer(CParser):
    """PyYAML's C composer without YAML 1.1's types, and with a bound on nesting."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._depth = 0

    def resolve(self, kind: type[YamlNode], value: str, implicit: tuple[bool, bool]) -> str:
        return _implicit_tag

    def descend_resolver(self, current_node: YamlNode | None, current_index: YamlNode | int | None) -> None:
        self._depth += 1
        if self._depth > nesting_levels:
            raise TooDeep(current_node.start_mark.index if current_node is not None else 0)

    def ascend_resolver(self) -> None:
        self._depth -= 1


class _Converter:
    """PyYAML's nodes to ours. A node that aliases repeat is converted once and counted each time."""

    def __init__(self, problems: Problems) -> None:
        self._problems = problems
        self._done: dict[int, tuple[Node, int] | None] = {}

    def convert_root(self, root: YamlNode) -> Node | None:
        try:
            return self._convert(root)[0]
        except TooLarge as error:
            line, column, message = error.args
            self._problems.add(line, column, message)
            return None

    def _convert(self, node: YamlNode) -> tuple[Node, int]:
        known = self._done.get(id(node), _unseen)
        if known is None:
            raise TooLarge(*_position(node), "an anchor contains an alias to itself")
        if known is not _unseen:
            return known
        if node.tag is not _implicit_tag:
            self._problems.add(*_position(node), f"the tag {_short_tag(node.tag)} is not allowed; remove it")
        self._done[id(node)] = None
        converted = self._convert_content(node)
        if converted[1] > expanded_nodes:
            raise TooLarge(*_position(node), f"more than {expanded_nodes} values once aliases are followed")
        self._done[id(node)] = converted
        return converted

    def _convert_content(self, node: YamlNode) -> tuple[Node, int]:
        line, column = _position(node)
        if isinstance(node, ScalarNode):
            return self._scalar(node, line, column), 1
        if isinstance(node, SequenceNode):
            pairs = [self._convert(item) for item in node.value]
            items = tuple(item for item, _ in pairs)
            return Sequence(items, line, column), 1 + sum(size for _, size in pairs)
        assert isinstance(node, MappingNode)
        return self._mapping(node, line, column)

    def _scalar(self, node: ScalarNode, line: int, column: int) -> Scalar:
        text = node.value
        style = node.style or ""
        value = text if style else scalars.resolve(text)
        return Scalar(value, text, style, line, column, node.start_mark.index, node.end_mark.index)

    def _mapping(self, node: MappingNode, line: int, column: int) -> tuple[Node, int]:
        entries: list[Entry] = []
        seen: dict[str, Scalar] = {}
        size = 1
        for key_node, value_node in node.value:
            key, _ = self._convert(key_node)
            value, value_size = self._convert(value_node)
            size += 1 + value_size
            if self._key_is_sound(key, seen):
                assert isinstance(key, Scalar)
                entries.append(Entry(key, value))
        return Mapping(tuple(entries), line, column), size

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


_unseen: tuple[Node, int] = (Scalar(None, "", "", 0, 0, 0, 0), 0)


def _position(node: YamlNode) -> tuple[int, int]:
    mark = node.start_mark
    return mark.line + 1, mark.column + 1


def _short_tag(tag: str) -> str:
    return "!!" + tag.removeprefix("tag:yaml.org,2002:") if tag.startswith("tag:yaml.org,2002:") else tag
