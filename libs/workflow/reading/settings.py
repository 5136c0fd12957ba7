"""The keys that a workflow and its jobs share: ``env``, ``defaults.run``, ``permissions``; and ``shell``.

What they mean when the levels are put together is not decided here.
"""

from typing import get_args

from libs.workflow.model import Defaults, PermissionLevel, Permissions, Template
from libs.workflow.nodes import Node, Scalar, describe
from libs.workflow.problems import KeyPath
from libs.workflow.reading.reader import Reader, Shape
from libs.workflow.supported import runnable_shells, windows_shells

_read_write = ("read", "write", "none")
permission_scopes: dict[str, tuple[str, ...]] = {
    "actions": _read_write,
    "artifact-metadata": _read_write,
    "attestations": _read_write,
    "checks": _read_write,
    "code-quality": _read_write,
    "contents": _read_write,
    "copilot-requests": ("write", "none"),
    "deployments": _read_write,
    "discussions": _read_write,
    "drives": _read_write,
    "id-token": ("write", "none"),
    "issues": _read_write,
    "models": ("read", "none"),
    "packages": _read_write,
    "pages": _read_write,
    "pull-requests": _read_write,
    "repository-projects": _read_write,
    "security-events": _read_write,
    "statuses": _read_write,
    "vulnerability-alerts": ("read", "none"),
}

_defaults = Shape("`defaults`", frozenset({"run"}))
_defaults_run = Shape("`defaults.run`", frozenset({"shell", "working-directory"}))
_permissions = Shape("`permissions`", frozenset(permission_scopes))


def read_env(
    reader: Reader, node: Node, key: str, path: KeyPath, *, around: str | None = None
) -> dict[str, Template] | str:
    """Names and values, or one expression that gives the whole mapping.

    ``key`` says which contexts the values may use, ``around`` which the names and the whole may where that differs.
    """
    around = key if around is None else around
    if reader.is_template(node):
        return reader.whole(node, "env", around, path) or {}
    return read_templates(reader, node, "`env`", key, path, names=around)


def read_templates(
    reader: Reader, node: Node, what: str, key: str, path: KeyPath, *, names: str | None = None
) -> dict[str, Template]:
    """A mapping of free names to scalars. A name may hold expressions where ``names`` (or ``key``) allows some."""
    names = key if names is None else names
    values: dict[str, Template] = {}
    for entry in reader.entries(node, what, path):
        name = entry.key.text
        inner = (*path, name)
        if reader.check_name(entry.key, what, names, inner):
            values[name] = reader.template(entry.value, name, key, inner)
    return values


def read_defaults(reader: Reader, node: Node, key: str, path: KeyPath) -> Defaults:
    fields = reader.fields(node, _defaults, path)
    if "run" not in fields:
        return Defaults()
    inner = (*path, "run")
    if reader.is_template(fields["run"].value):
        source = reader.parts(fields["run"].value, "defaults.run", key, inner)
        if source is None:
            return Defaults()
        return Defaults(f"${{{{ {source}.shell }}}}", f"${{{{ {source}.working-directory }}}}")
    run = reader.fields(fields["run"].value, _defaults_run, inner)
    shell = run.get("shell")
    directory = run.get("working-directory")
    return Defaults(
        shell=None if shell is None else read_shell(reader, shell.value, key, (*inner, "shell")),
        working_directory=None
        if directory is None
        else read_non_empty(reader, directory.value, "working-directory", key, (*inner, "working-directory")),
    )


def read_shell(reader: Reader, node: Node, key: str, path: KeyPath) -> str | None:
    """A shell that is known, or a command with ``{0}`` where the script's file goes."""
    shell = read_non_empty(reader, node, "shell", key, path)
    if shell is None or "${{" in shell or shell.lower() in runnable_shells:
        return shell
    if shell.lower() in windows_shells:
        reader.warning(node, f"the shell `{shell}` is Windows's, and a step that uses it fails on Linux", path)
        return shell
    if "{0}" not in shell:
        known = ", ".join(runnable_shells)
        reader.error(
            node, f"unknown shell `{shell}`; use {known}, or a command with `{{0}}` for the script's file", path
        )
        return None
    return shell


def read_non_empty(reader: Reader, node: Node, what: str, key: str, path: KeyPath) -> str | None:
    text = reader.text(node, what, key, path)
    if text == "":
        reader.error(node, f"`{what}` must not be empty", path)
        return None
    return text


def read_permissions(reader: Reader, node: Node, path: KeyPath) -> Permissions | None:
    """``read-all``, ``write-all``, or a level for each scope."""
    if isinstance(node, Scalar):
        match node.text:
            case "read-all":
                return Permissions(everything="read")
            case "write-all":
                return Permissions(everything="write")
            case _:
                reader.error(
                    node, f"`permissions` must be read-all, write-all or a mapping, not {describe(node)}", path
                )
                return None
    scopes: dict[str, PermissionLevel] = {}
    for scope, entry in reader.fields(node, _permissions, path).items():
        level = _read_level(reader, entry.value, scope, (*path, scope))
        if level is not None:
            scopes[scope] = level
    return Permissions(scopes=scopes)


def _read_level(reader: Reader, node: Node, scope: str, path: KeyPath) -> PermissionLevel | None:
    text = reader.literal(node, scope, path)
    if text is None:
        return None
    for level in get_args(PermissionLevel):
        if level == text and level in permission_scopes[scope]:
            return level
    allowed = ", ".join(permission_scopes[scope])
    suggestion = reader.suggest(text, permission_scopes[scope])
    reader.error(node, f"`{scope}` must be one of {allowed}{suggestion}", path)
    return None
