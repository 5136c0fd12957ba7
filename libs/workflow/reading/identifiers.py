"""The ids of jobs and steps: what they may look like. Source: GitHub's documentation, ``jobs.<job_id>``."""

import re

from libs.workflow.nodes import Entry, Node
from libs.workflow.problems import KeyPath
from libs.workflow.reading.reader import Reader

identifier_characters = 99  # GitHub: less than 100.
_identifier = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")


def read_step_id(reader: Reader, fields: dict[str, Entry], path: KeyPath) -> str | None:
    """The ``id`` of a step, of a job or of an action; the scope holds those of the steps before."""
    if "id" not in fields:
        return None
    node, inner = fields["id"].value, (*path, "id")
    text = reader.literal(node, "id", inner, empty=False)
    if text is None or not check_identifier(reader, node, text, "a step's id", inner):
        return None
    if reader.scope.steps is not None and text.lower() in reader.scope.steps:
        reader.error(node, f"the id `{text}` is already used by a step before this one (case is ignored)", inner)
        return None
    return text


def check_identifier(reader: Reader, node: Node, text: str, what: str, path: KeyPath) -> bool:
    """Whether ``text`` may be an id; a problem is noted at the node if not."""
    if len(text) > identifier_characters:
        reader.error(
            node, f"{what} may have {identifier_characters} characters at most, and this has {len(text)}", path
        )
        return False
    if not _identifier.fullmatch(text):
        reader.error(
            node,
            f"{what} must start with a letter or `_` and hold only letters, digits, `-` and `_`, not {text!r}",
            path,
        )
        return False
    if text.startswith("__"):
        reader.error(node, f"{what} must not start with `__`, which GitHub keeps for itself", path)
        return False
    return True
