"""``on:`` in its forms (a name, a list, a mapping) to the model's triggers."""

from libs.workflow.events import activity_types
from libs.workflow.globs import GlobError, compile_glob
from libs.workflow.model import DispatchTrigger, EventTrigger, On, PatternFilter
from libs.workflow.nodes import Entry, Mapping, Node, Scalar, Sequence, describe
from libs.workflow.problems import KeyPath
from libs.workflow.reading.inputs import read_dispatch
from libs.workflow.reading.locations import locate
from libs.workflow.reading.reader import Reader, Shape
from libs.workflow.supported import refused_events

_push = Shape("`push`", frozenset({"branches", "branches-ignore", "tags", "tags-ignore", "paths", "paths-ignore"}))
_pull_request = Shape("`pull_request`", frozenset({"types", "branches", "branches-ignore", "paths", "paths-ignore"}))


def read_on(reader: Reader, node: Node, path: KeyPath) -> On:
    """Every event that is named, unknown and refused ones as problems."""
    named = _named_events(reader, node, path)
    events: dict[str, EventTrigger] = {}
    dispatch: DispatchTrigger | None = None
    for name, name_node, settings in named:
        inner = (*path, name)
        match name:
            case "push":
                events[name] = _read_push(reader, settings, inner)
            case "pull_request":
                events[name] = _read_pull_request(reader, settings, inner)
            case "workflow_dispatch":
                dispatch = DispatchTrigger() if settings is None else read_dispatch(reader, settings, inner)
            case _:
                _refuse_event(reader, name_node, name, inner)
    return On(events=events, workflow_dispatch=dispatch)


Named = tuple[str, Scalar, Node | None]
"""An event's name, where it stands, and its settings where it has some."""


def _named_events(reader: Reader, node: Node, path: KeyPath) -> list[Named]:
    match node:
        case Scalar(value=None):
            reader.error(node, "`on` must name at least one event", path)
            return []
        case Scalar():
            return [(node.text, node, None)]
        case Sequence(items=()) | Mapping(entries=()):
            reader.error(node, "`on` must name at least one event", path)
            return []
        case Sequence():
            scalars = [reader.scalar(item, "an event", (*path, index)) for index, item in enumerate(node.items)]
            return [(scalar.text, scalar, None) for scalar in scalars if scalar is not None]
        case Mapping():
            return [(entry.key.text, entry.key, _settings(entry.value)) for entry in node.entries]


def _settings(node: Node) -> Node | None:
    return None if isinstance(node, Scalar) and node.value is None else node


def _refuse_event(reader: Reader, node: Scalar, name: str, path: KeyPath) -> None:
    if name in refused_events:
        reader.error(node, f"the event `{name}` is part of GitHub's language, and Firebreak does not run it yet", path)
        return
    reader.error(node, f"unknown event `{name}`{reader.suggest(name, activity_types)}", path)


def _read_push(reader: Reader, node: Node | None, path: KeyPath) -> EventTrigger:
    if node is None:
        return EventTrigger()
    fields = {key: entry.value for key, entry in _fields(reader, node, _push, path).items()}
    return EventTrigger(
        branches=_read_filter(reader, fields, "branches", path),
        tags=_read_filter(reader, fields, "tags", path),
        paths=_read_filter(reader, fields, "paths", path),
    )


def _read_pull_request(reader: Reader, node: Node | None, path: KeyPath) -> EventTrigger:
    if node is None:
        return EventTrigger()
    fields = {key: entry.value for key, entry in _fields(reader, node, _pull_request, path).items()}
    types = fields.get("types")
    return EventTrigger(
        types=None if types is None else _read_types(reader, types, "pull_request", (*path, "types")),
        branches=_read_filter(reader, fields, "branches", path),
        paths=_read_filter(reader, fields, "paths", path),
    )


def _fields(reader: Reader, node: Node, shape: Shape, path: KeyPath) -> dict[str, Entry]:
    """The known entries; include and ignore together is an error at the ignore's key."""
    fields = reader.fields(node, shape, path)
    for name in ("branches", "tags", "paths"):
        ignore = f"{name}-ignore"
        if name in fields and ignore in fields:
            reader.error(
                fields[ignore].key,
                f"`{name}` and `{ignore}` cannot be used together; use `{name}` with `!` in front of what to leave out",
                (*path, ignore),
            )
    return fields


def _read_types(reader: Reader, node: Node, event: str, path: KeyPath) -> tuple[str, ...]:
    types: list[str] = []
    for item, text in _strings(reader, node, "types", path):
        if text in activity_types[event]:
            types.append(text)
            continue
        suggestion = reader.suggest(text, activity_types[event])
        reader.error(item, f"`{event}` has no activity type `{text}`{suggestion}", path)
    return tuple(types)


def _read_filter(reader: Reader, fields: dict[str, Node], name: str, path: KeyPath) -> PatternFilter | None:
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
