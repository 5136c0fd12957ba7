"""``concurrency`` of a workflow or a job to the model."""

from typing import get_args

from libs.workflow.model import Concurrency, QueueKind
from libs.workflow.nodes import Mapping, Node, describe
from libs.workflow.problems import KeyPath
from libs.workflow.reading.reader import Reader, Shape, position

group_characters = 400  # GitHub's limit for the name of a group.
_concurrency = Shape("`concurrency`", frozenset({"group", "cancel-in-progress", "queue"}))


def read_concurrency(reader: Reader, node: Node, key: str, path: KeyPath) -> Concurrency | None:
    """A group's name, or a mapping with ``group``; ``key`` says which contexts both may use."""
    if not isinstance(node, Mapping):
        group = _read_group(reader, node, "concurrency", key, path)
        return None if group is None else Concurrency(position(node), group)
    fields = reader.fields(node, _concurrency, path)
    reader.require(node, fields, ("group",), _concurrency, path)
    group = _read_group(reader, fields["group"].value, "group", key, (*path, "group")) if "group" in fields else None
    cancel: bool | str | None = None
    if "cancel-in-progress" in fields:
        inner = (*path, "cancel-in-progress")
        cancel = reader.flag(fields["cancel-in-progress"].value, "cancel-in-progress", key, inner)
    queue = _read_queue(reader, fields["queue"].value, key, (*path, "queue")) if "queue" in fields else "single"
    if cancel is True and queue == "max":
        reader.error(
            fields["queue"].key,
            "`queue: max` lets everything wait, and `cancel-in-progress: true` lets nothing; use one of them",
            (*path, "queue"),
        )
    return None if group is None else Concurrency(position(node), group, cancel or False, queue)


def _read_group(reader: Reader, node: Node, what: str, key: str, path: KeyPath) -> str | None:
    group = reader.text(node, what, key, path)
    if group is None:
        return None
    if not group:
        reader.error(node, f"`{what}` must not be empty", path)
        return None
    if len(group) > group_characters and "${{" not in group:
        message = f"the name of a group may have {group_characters} characters at most, and this has {len(group)}"
        reader.error(node, message, path)
    return group


def _read_queue(reader: Reader, node: Node, key: str, path: KeyPath) -> QueueKind | str:
    text = reader.text(node, "queue", key, path)
    if text is None or "${{" in text or text in get_args(QueueKind):
        return text or "single"
    reader.error(node, f"`queue` must be one of {', '.join(get_args(QueueKind))}, not {describe(node)}", path)
    return "single"
