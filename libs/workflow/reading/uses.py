"""``uses``: the form of a reference to an action or to a workflow, and the inputs of the action that is built in.

Whether what it names exists is for whoever fetches it.
"""

from libs.workflow.actions.uses import BadUses, parse_uses
from libs.workflow.calls import BadCall, call_name
from libs.workflow.expressions import to_string
from libs.workflow.model import Template
from libs.workflow.nodes import Entry, Node
from libs.workflow.problems import KeyPath
from libs.workflow.reading.reader import Reader
from libs.workflow.supported import (
    checkout_inputs_honoured,
    checkout_inputs_not_honoured,
    checkout_inputs_without_effect,
)

_known_inputs = checkout_inputs_honoured | checkout_inputs_without_effect | set(checkout_inputs_not_honoured)
_local = ("./", ".\\", "$/")


def check_action(reader: Reader, node: Node, uses: str, path: KeyPath) -> None:
    """As GitHub, and unlike a shell, a folder of the workspace begins with ``./``."""
    if uses.startswith(".") and not uses.startswith(_local):
        reader.error(node, f"a local action's path begins with `./`, and {uses!r} does not", path)
        return
    try:
        parse_uses(uses)
    except BadUses as error:
        reader.error(node, str(error), path)


def check_called(reader: Reader, node: Node, uses: str, path: KeyPath) -> None:
    """A workflow of this repository, or ``owner/name/.github/workflows/file@ref``."""
    try:
        call_name(uses)
    except BadCall as error:
        reader.error(node, f"`uses` of a job: {error}", path)


def check_inputs(reader: Reader, node: Node, values: dict[str, Template], path: KeyPath) -> None:
    """Of ``actions/checkout``: warnings of inputs that are not honoured, and of unknown ones, as on GitHub."""
    for entry in reader.entries(node, "`with`", path):
        name = entry.key.text.lower()
        if name in checkout_inputs_not_honoured:
            _warn(reader, entry, values.get(entry.key.text), checkout_inputs_not_honoured[name], path)
        elif name not in _known_inputs and "${{" not in name:
            suggestion = reader.suggest(name, _known_inputs)
            reader.warning(entry.key, f"`actions/checkout` has no input `{entry.key.text}`{suggestion}", path)


def _warn(reader: Reader, entry: Entry, value: Template, harmless: frozenset[str], path: KeyPath) -> None:
    if to_string(value).lower() in harmless:
        return
    name = entry.key.text
    reader.warning(
        entry.key, f"Firebreak's own `actions/checkout` does not honour the input `{name}` yet", (*path, name)
    )
