"""``on:`` in its forms (a name, a list, a mapping) to the model's triggers: every event that GitHub knows.

Which keys an event may have is a table here; what the filters mean is said in ``triggers``.
"""

from libs.workflow.events import activity_types
from libs.workflow.model import CallTrigger, DispatchTrigger, EventTrigger, On, Schedule
from libs.workflow.nodes import Entry, Mapping, Node, Scalar, Sequence, describe
from libs.workflow.problems import KeyPath
from libs.workflow.reading.call_trigger import read_call
from libs.workflow.reading.filters import read_filter, read_names, read_types
from libs.workflow.reading.inputs import read_dispatch
from libs.workflow.reading.reader import Reader, Shape
from libs.workflow.reading.schedule import read_schedule

_branches = ("branches", "branches-ignore")
_paths = ("paths", "paths-ignore")
_pull_request = ("types", *_branches, *_paths)
_filters: dict[str, tuple[str, ...]] = {
    "image_version": ("types", "names", "versions"),
    "merge_group": ("types", *_branches),
    "pull_request": _pull_request,
    "pull_request_target": _pull_request,
    "push": (*_branches, "tags", "tags-ignore", *_paths),
    "repository_dispatch": ("types",),
    "workflow_run": ("workflows", "types", *_branches),
}
"""The keys of events that have more than ``types``; another event has that where it has activity types."""


def read_on(reader: Reader, node: Node, path: KeyPath) -> On:
    """Every event that is named; unknown ones as problems."""
    events: dict[str, EventTrigger] = {}
    schedule: tuple[Schedule, ...] = ()
    dispatch: DispatchTrigger | None = None
    call: CallTrigger | None = None
    for name, place, written in _named_events(reader, node, path):
        inner = (*path, name)
        settings = None if isinstance(written, Scalar) and written.value is None else written
        match name:
            case "schedule":
                schedule = read_schedule(reader, place, written, inner)
            case "workflow_dispatch":
                dispatch = DispatchTrigger() if settings is None else read_dispatch(reader, settings, inner)
            case "workflow_call":
                call = CallTrigger() if settings is None else read_call(reader, settings, inner)
            case _ if name in activity_types:
                events[name] = _read_event(reader, name, place, settings, inner)
            case _:
                reader.error(place, f"unknown event `{name}`{reader.suggest(name, activity_types)}", inner)
    return On(events=events, schedule=schedule, workflow_dispatch=dispatch, workflow_call=call)


Named = tuple[str, Scalar, Node | None]
"""An event's name, where it stands, and its settings where the name is a key."""


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
            return [(entry.key.text, entry.key, entry.value) for entry in node.entries]


def _read_event(reader: Reader, name: str, place: Scalar, node: Node | None, path: KeyPath) -> EventTrigger:
    allowed = _filters.get(name) or (("types",) if activity_types[name] else ())
    if node is not None and not allowed:
        reader.error(node, f"the event `{name}` has no settings, and this is {describe(node)}", path)
        return EventTrigger()
    shape = Shape(f"`{name}`", frozenset(allowed))
    entries = {} if node is None else _fields(reader, node, shape, path)
    if name == "workflow_run" and "workflows" not in entries:
        # GitHub takes the bare name, which waits for nothing.
        tell = reader.warning if node is None else reader.error
        tell(place, "`workflow_run` needs `workflows`: the names of the workflows that it waits for", path)
    fields = {key: entry.value for key, entry in entries.items()}
    workflows = read_names(reader, fields, "workflows", path)
    return EventTrigger(
        types=read_types(reader, fields["types"], name, (*path, "types")) if "types" in fields else None,
        branches=read_filter(reader, fields, "branches", path),
        tags=read_filter(reader, fields, "tags", path),
        paths=read_filter(reader, fields, "paths", path),
        workflows=() if workflows is None and name == "workflow_run" else workflows,
        names=read_names(reader, fields, "names", path),
        versions=read_names(reader, fields, "versions", path),
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
