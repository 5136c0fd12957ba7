"""The steps that do nothing but wait for background steps or end one: ``wait``, ``wait-all``, ``cancel``."""

from libs.workflow.nodes import Entry, Node, Scalar, Sequence
from libs.workflow.problems import KeyPath
from libs.workflow.reading.reader import Reader


def read_wait(reader: Reader, fields: dict[str, Entry], path: KeyPath) -> tuple[str, ...] | None:
    """The id of a background step before this one, or a list of them."""
    if "wait" not in fields:
        return None
    node, inner = fields["wait"].value, (*path, "wait")
    items = node.items if isinstance(node, Sequence) else (node,)
    targets = [_read_target(reader, item, "wait", inner) for item in items]
    if not items:
        reader.warning(node, "`wait` is empty, and the step waits for nothing", inner)
    return tuple(target for target in targets if target is not None)


def read_wait_all(reader: Reader, fields: dict[str, Entry], path: KeyPath) -> bool | None:
    """Written without a value, or true."""
    if "wait-all" not in fields:
        return None
    node, inner = fields["wait-all"].value, (*path, "wait-all")
    if isinstance(node, Scalar) and node.value is None:
        return True
    value = reader.flag(node, "wait-all", "", inner)
    if value is False:
        reader.error(node, "`wait-all` must be true or left empty; remove the step to wait for nothing", inner)
    return True


def read_cancel(reader: Reader, fields: dict[str, Entry], path: KeyPath) -> str | None:
    if "cancel" not in fields:
        return None
    return _read_target(reader, fields["cancel"].value, "cancel", (*path, "cancel"))


def _read_target(reader: Reader, node: Node, key: str, path: KeyPath) -> str | None:
    text = reader.literal(node, key, path, empty=False)
    if text is None:
        return None
    scope = reader.scope
    if text.lower() in scope.background:
        return text
    if scope.steps is not None and text.lower() in scope.steps:
        reader.error(node, f"`{key}` names the step `{text}`, which has no `background: true`", path)
    else:
        suggestion = reader.suggest(text, scope.background)
        reader.error(node, f"`{key}` names `{text}`, and no background step before has that id{suggestion}", path)
    return None
