"""``uses``: the form of a reference to an action or to a workflow, and the inputs of the action that is built in.

Whether what it names exists is for whoever fetches it.
"""

from libs.workflow.actions.uses import BadUses, parse_uses
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
_workflows_folder = ".github/workflows/"
_workflow_suffixes = (".yml", ".yaml")


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
    if uses.startswith(_local):
        _check_local(reader, node, uses, path)
        return
    name, at, ref = uses.partition("@")
    owner, _, rest = name.partition("/")
    repository, _, file = rest.partition("/")
    if not owner or not repository or not file or "@" in ref:
        reader.error(
            node,
            "`uses` of a job must be `./.github/workflows/file.yml` or "
            f"`owner/name/.github/workflows/file.yml@ref`, not {uses!r}",
            path,
        )
    elif not at or not ref:
        reader.error(node, f"`uses: {uses}` needs a version; add `@` and a tag, branch or commit", path)
    else:
        _check_file(reader, node, file, path)


def _check_local(reader: Reader, node: Node, uses: str, path: KeyPath) -> None:
    if "@" in uses:
        reader.error(
            node, "a workflow of this repository has no version; it is the same commit's: remove `@` and the rest", path
        )
        return
    _check_file(reader, node, uses[2:], path)


def _check_file(reader: Reader, node: Node, file: str, path: KeyPath) -> None:
    name = file.removeprefix(_workflows_folder)
    if not file.startswith(_workflows_folder) or "/" in name:
        reader.error(node, f"a workflow that is called lies in `{_workflows_folder}` itself, not at {file!r}", path)
    elif not name.endswith(_workflow_suffixes):
        reader.error(node, f"a workflow's file ends with `.yml` or `.yaml`, and {name!r} does not", path)


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
