"""`runs` of an action: JavaScript, composite or Docker; which keys each may have, and what they hold."""

import re

from libs.workflow.actions.model import Composite, Docker, JavaScript, Runs, always
from libs.workflow.actions.steps import read_steps
from libs.workflow.model import Template
from libs.workflow.nodes import Entry, Node, describe
from libs.workflow.problems import KeyPath
from libs.workflow.reading.reader import Reader, Shape
from libs.workflow.reading.settings import read_templates

node_versions = (12, 16, 20, 24)
known = (*(f"node{version}" for version in node_versions), "composite", "docker")

_node = Shape("`runs` of a JavaScript action", frozenset({"using", "main", "pre", "pre-if", "post", "post-if"}))
_composite = Shape("`runs` of a composite action", frozenset({"using", "steps"}))
_docker = Shape(
    "`runs` of a Docker action",
    frozenset(
        {"using", "image", "entrypoint", "args", "env", "pre-entrypoint", "pre-if", "post-entrypoint", "post-if"}
    ),
)
_using = re.compile(r"node(?P<major>[0-9]{1,3})")


def read_runs(reader: Reader, node: Node, path: KeyPath) -> Runs | None:
    """None where it is not known what it is, or something that it needs is missing; the problem is noted."""
    using = next((entry for entry in reader.entries(node, "`runs`", path) if entry.key.text == "using"), None)
    if using is None:
        reader.error(node, f"`runs` needs the key `using`: one of {', '.join(known)}", path)
        return None
    inner = (*path, "using")
    text = (reader.literal(using.value, "using", inner) or "").lower()
    if text == "composite":
        return _read_composite(reader, node, path)
    if text == "docker":
        return _read_docker(reader, node, path)
    found = _using.fullmatch(text)
    if found is None or int(found["major"]) not in node_versions:
        hint = reader.suggest(text, known)
        reader.error(
            using.value, f"`using` must be one of {', '.join(known)}, not {describe(using.value)}{hint}", inner
        )
        return None
    return _read_node(reader, node, int(found["major"]), path)


def _read_node(reader: Reader, node: Node, major: int, path: KeyPath) -> JavaScript | None:
    fields = reader.fields(node, _node, path)
    reader.require(node, fields, ("main",), _node, path)
    main = _name(reader, fields, "main", path)
    if main is None:
        return None
    return JavaScript(
        major=major,
        main=main,
        pre=_name(reader, fields, "pre", path),
        pre_if=_condition(reader, fields, "pre-if", path),
        post=_name(reader, fields, "post", path),
        post_if=_condition(reader, fields, "post-if", path),
    )


def _read_composite(reader: Reader, node: Node, path: KeyPath) -> Composite | None:
    fields = reader.fields(node, _composite, path)
    reader.require(node, fields, ("steps",), _composite, path)
    return Composite(read_steps(reader, fields["steps"].value, (*path, "steps"))) if "steps" in fields else None


def _read_docker(reader: Reader, node: Node, path: KeyPath) -> Docker | None:
    fields = reader.fields(node, _docker, path)
    reader.require(node, fields, ("image",), _docker, path)
    image = _name(reader, fields, "image", path)
    if image is None:
        return None
    return Docker(
        image=image,
        entrypoint=_name(reader, fields, "entrypoint", path),
        args=_args(reader, fields["args"].value, (*path, "args")) if "args" in fields else (),
        env=_env(reader, fields["env"].value, (*path, "env")) if "env" in fields else {},
        pre_entrypoint=_name(reader, fields, "pre-entrypoint", path),
        pre_if=_condition(reader, fields, "pre-if", path),
        post_entrypoint=_name(reader, fields, "post-entrypoint", path),
        post_if=_condition(reader, fields, "post-if", path),
    )


def _name(reader: Reader, fields: dict[str, Entry], key: str, path: KeyPath) -> str | None:
    return reader.literal(fields[key].value, key, (*path, key), empty=False) if key in fields else None


def _condition(reader: Reader, fields: dict[str, Entry], key: str, path: KeyPath) -> str:
    if key not in fields:
        return always
    inner = (*path, key)
    scalar = reader.scalar(fields[key].value, key, inner)
    if scalar is None or not reader.expressions.check_condition(scalar, f"action.runs.{key}", inner):
        return always
    return scalar.text if scalar.text.strip() else always


def _args(reader: Reader, node: Node, path: KeyPath) -> tuple[str, ...]:
    items = reader.items(node, "`args`", path)
    texts = [reader.text(item, "args", "action.runs.args", (*path, index)) for index, item in enumerate(items)]
    return tuple(text for text in texts if text is not None)


def _env(reader: Reader, node: Node, path: KeyPath) -> dict[str, Template]:
    return read_templates(reader, node, "`env`", "action.runs.env", path)
