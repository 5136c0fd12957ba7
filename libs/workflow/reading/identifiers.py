"""The ids of jobs and steps: what they may look like. Source: GitHub's documentation, ``jobs.<job_id>``."""

import re

from libs.workflow.nodes import Node
from libs.workflow.problems import KeyPath
from libs.workflow.reading.reader import Reader

identifier_characters = 99  # GitHub: less than 100.
_identifier = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")


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
