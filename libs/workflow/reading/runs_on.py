"""``runs-on`` of a job to the model: labels, a group, or both."""

from libs.workflow.model import RunsOn
from libs.workflow.nodes import Entry, Mapping, Node, Scalar, describe
from libs.workflow.problems import KeyPath
from libs.workflow.reading.reader import Reader, Shape, position

_runs_on = Shape("`runs-on`", frozenset({"group", "labels"}))
_key = "jobs.<job_id>.runs-on"
_group_owners = ("org", "organization", "ent", "enterprise")


def read_runs_on(reader: Reader, node: Node, path: KeyPath) -> RunsOn:
    at = position(node)
    if not isinstance(node, Mapping):
        return RunsOn(at, _read_labels(reader, node, "runs-on", path))
    problems_before = reader.problems.count()
    fields = reader.fields(node, _runs_on, path)
    if not fields and reader.problems.count() == problems_before:
        reader.error(node, "`runs-on` needs `labels` or `group`", path)
    labels: tuple[str, ...] | str = ()
    if "labels" in fields:
        labels = _read_labels(reader, fields["labels"].value, "labels", (*path, "labels"))
    return RunsOn(at, labels, _read_group(reader, fields, path))


def _read_labels(reader: Reader, node: Node, what: str, path: KeyPath) -> tuple[str, ...] | str:
    """A label, a list of labels, or one expression that gives either."""
    if isinstance(node, Scalar):
        text = reader.text(node, what, _key, path)
        if text is None:
            return ()
        if not text:
            reader.error(node, f"`{what}` must name at least one label", path)
            return ()
        return text if "${{" in text else (text,)
    if isinstance(node, Mapping):
        reader.error(node, f"`{what}` must be a label or a list of labels, not {describe(node)}", path)
        return ()
    if not node.items:
        reader.error(node, f"`{what}` must name at least one label", path)
    labels: list[str] = []
    for item in node.items:
        text = reader.text(item, what, _key, path)
        if text == "":
            reader.error(item, "a label must not be empty", path)
        elif text is not None:
            labels.append(text)
    return tuple(labels)


def _read_group(reader: Reader, fields: dict[str, Entry], path: KeyPath) -> str | None:
    """A name, perhaps with whose it is in front: ``organization/name``."""
    if "group" not in fields:
        return None
    node, inner = fields["group"].value, (*path, "group")
    group = reader.text(node, "group", _key, inner)
    if group is None or "${{" in group:
        return group
    owner, slash, name = group.rpartition("/")
    if not name or (slash and owner not in _group_owners):
        owners = ", ".join(f"`{owner}/`" for owner in _group_owners)
        reader.error(node, f"`group` must be a name, perhaps behind one of {owners}; not {group!r}", inner)
        return None
    return group
