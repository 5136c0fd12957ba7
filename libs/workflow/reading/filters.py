"""The filters of an event: its types, the patterns of branches, tags and paths, and plain names."""

from libs.workflow.events import activity_types
from libs.workflow.globs import GlobError, compile_glob
from libs.workflow.model import PatternFilter
from libs.workflow.nodes import Node, Scalar, Sequence, describe
from libs.workflow.problems import KeyPath
from libs.workflow.reading.locations import locate
from libs.workflow.reading.reader import Reader


def read_types(reader: Reader, node: Node, event: str, path: KeyPath) -> tuple[str, ...]:
    """Those that the event has; of ``repository_dispatch`` whatever the sender says, and always as a list."""
    if event == "repository_dispatch":
        if isinstance(node, Scalar):
            reader.error(node, f"`types` must be a list of strings, not {describe(node)}", path)
            return ()
        return tuple(text for _, text in _strings(reader, node, "types", path))
    types: list[str] = []
    for item, text in _strings(reader, node, "types", path):
        if text in activity_types[event]:
            types.append(text)
            continue
        suggestion = reader.suggest(text, activity_types[event])
        reader.error(item, f"`{event}` has no activity type `{text}`{suggestion}", path)
    return tuple(types)


def read_names(reader: Reader, fields: dict[str, Node], name: str, path: KeyPath) -> tuple[str, ...] | None:
    if name not in fields:
        return None
    return tuple(text for _, text in _strings(reader, fields[name], name, (*path, name)))


def read_filter(reader: Reader, fields: dict[str, Node], name: str, path: KeyPath) -> PatternFilter | None:
    include, ignore = fields.get(name), fields.get(f"{name}-ignore")
    if include is None and ignore is None:
        return None
    return PatternFilter(
        patterns=None if include is None else _read_patterns(reader, include, name, (*path, name)),
        ignored=None if ignore is None else _read_patterns(reader, ignore, f"{name}-ignore", (*path, f"{name}-ignore")),
    )


def _read_patterns(reader: Reader, node: Node, name: str, path: KeyPath) -> tuple[str, ...]:
    patterns: list[str] = []
    for item, text in _strings(reader, node, name, path):
        if _check_pattern(reader, item, text, path):
            patterns.append(text)
    if patterns and not name.endswith("-ignore") and all(pattern.startswith("!") for pattern in patterns):
        reader.error(
            node, f"`{name}` needs at least one pattern without `!`; to leave out only, use `{name}-ignore`", path
        )
    if not patterns and isinstance(node, Sequence) and not node.items:
        reader.warning(node, f"`{name}` is empty, and an empty list matches nothing", path)
    return tuple(patterns)


def _check_pattern(reader: Reader, item: Scalar, text: str, path: KeyPath) -> bool:
    try:
        compile_glob(text)
    except GlobError as error:
        line, column = locate(reader.document.text, item, min(error.offset, max(0, len(item.text) - 1)))
        reader.problems.add(line, column, f"invalid pattern `{text}`: {error.message}", key_path=path)
        return False
    return True


def _strings(reader: Reader, node: Node, what: str, path: KeyPath) -> list[tuple[Scalar, str]]:
    """A string or a list of strings, none of them empty."""
    found: list[tuple[Scalar, str]] = []
    for item in node.items if isinstance(node, Sequence) else (node,):
        if not isinstance(item, Scalar):
            reader.error(item, f"`{what}` must be a string or a list of strings, not {describe(item)}", path)
            continue
        text = reader.literal(item, what, path, empty=False)
        if text is not None:
            found.append((item, text))
    return found
