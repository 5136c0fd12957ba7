"""``uses:`` of a step: only ``actions/checkout`` is built in, with the inputs that we honour; all else is refused."""

from libs.workflow.expressions import to_string
from libs.workflow.model import Template
from libs.workflow.nodes import Entry, Node
from libs.workflow.problems import KeyPath
from libs.workflow.reading.reader import Reader
from libs.workflow.supported import (
    checkout_inputs_honoured,
    checkout_inputs_refused,
    checkout_inputs_without_effect,
    runnable_action,
)

_known_inputs = checkout_inputs_honoured | checkout_inputs_without_effect | set(checkout_inputs_refused)


def check_uses(reader: Reader, node: Node, uses: str, path: KeyPath) -> None:
    """1. ``docker://`` and ``./path``. 2. Neither path nor ``owner/name@ref``: malformed. 3. Some other action."""
    if uses.startswith(("docker://", "./", "$/")):
        _refuse(reader, node, uses, path)
        return
    name, at, ref = uses.partition("@")
    if name.count("/") == 0 or not all(name.split("/")) or (at and not ref):
        reader.error(node, f"`uses` must be `owner/name@ref`, `./path` or `docker://image`, not {uses!r}", path)
    elif not at:
        reader.error(node, f"`uses: {uses}` needs a version; add `@` and a tag, branch or commit", path)
    elif name.lower() != runnable_action:
        _refuse(reader, node, uses, path)


def check_inputs(reader: Reader, node: Node, values: dict[str, Template], path: KeyPath) -> None:
    """Inputs that would change the files and are not honoured are errors, unknown ones warnings as on GitHub."""
    for entry in reader.entries(node, "`with`", path):
        name = entry.key.text.lower()
        if name in checkout_inputs_refused:
            _check_refused(reader, entry, values.get(entry.key.text), checkout_inputs_refused[name], path)
        elif name not in _known_inputs:
            suggestion = reader.suggest(name, _known_inputs)
            reader.warning(entry.key, f"`actions/checkout` has no input `{entry.key.text}`{suggestion}", path)


def _check_refused(reader: Reader, entry: Entry, value: Template, harmless: frozenset[str], path: KeyPath) -> None:
    if to_string(value).lower() in harmless:
        return
    name = entry.key.text
    reader.error(
        entry.key, f"the input `{name}` is part of `actions/checkout`, and Firebreak does not run it yet", (*path, name)
    )


def _refuse(reader: Reader, node: Node, uses: str, path: KeyPath) -> None:
    reader.error(
        node,
        f"`uses: {uses}` is part of GitHub's language, and Firebreak runs no action but {runnable_action} yet",
        path,
    )
