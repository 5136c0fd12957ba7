"""``environment`` and ``snapshot`` of a job to the model."""

import re

from libs.workflow.model import Environment, Snapshot
from libs.workflow.nodes import Entry, Mapping, Node
from libs.workflow.problems import KeyPath
from libs.workflow.reading.reader import Reader, Shape, position

_environment = Shape("`environment`", frozenset({"name", "url", "deployment"}))
_snapshot = Shape("`snapshot`", frozenset({"image-name", "if", "version"}))
_environment_key = "jobs.<job_id>.environment"
_snapshot_if_key = "jobs.<job_id>.snapshot.if"
_version = re.compile(r"[0-9]{1,9}\.\*")


def read_environment(reader: Reader, node: Node, path: KeyPath) -> Environment | None:
    """A name or a mapping; the empty name is no environment, as on GitHub."""
    if not isinstance(node, Mapping):
        name = reader.text(node, "environment", _environment_key, path)
        return Environment(position(node), name) if name else None
    fields = reader.fields(node, _environment, path)
    reader.require(node, fields, ("name",), _environment, path)
    name = _text(reader, fields, "name", _environment_key, path)
    url = _text(reader, fields, "url", f"{_environment_key}.url", path)
    deployment: bool | str | None = None
    if "deployment" in fields:
        inner = (*path, "deployment")
        deployment = reader.flag(fields["deployment"].value, "deployment", _environment_key, inner)
    if not name:
        return None
    return Environment(position(node), name, url or None, True if deployment is None else deployment)


def read_snapshot(reader: Reader, node: Node, path: KeyPath) -> Snapshot | None:
    """The job runs with and without one; no image is made, which a warning says."""
    reader.warning(node, "Firebreak makes no image of a runner: the job runs, and `snapshot` does nothing", path)
    if not isinstance(node, Mapping):
        name = reader.literal(node, "snapshot", path, empty=False)
        return None if name is None else Snapshot(position(node), name)
    fields = reader.fields(node, _snapshot, path)
    reader.require(node, fields, ("image-name",), _snapshot, path)
    name = _literal(reader, fields, "image-name", path)
    version = _literal(reader, fields, "version", path)
    if version is not None and not _version.fullmatch(version):
        reader.error(fields["version"].value, f"`version` must be a major version such as `1.*`, not {version!r}", path)
    condition = _read_condition(reader, fields["if"].value, (*path, "if")) if "if" in fields else None
    return None if name is None else Snapshot(position(node), name, condition, version)


def _read_condition(reader: Reader, node: Node, path: KeyPath) -> str | None:
    scalar = reader.scalar(node, "if", path)
    if scalar is None or not reader.expressions.check_condition(scalar, _snapshot_if_key, path):
        return None
    return scalar.text


def _text(reader: Reader, fields: dict[str, Entry], name: str, key: str, path: KeyPath) -> str | None:
    return reader.text(fields[name].value, name, key, (*path, name)) if name in fields else None


def _literal(reader: Reader, fields: dict[str, Entry], name: str, path: KeyPath) -> str | None:
    return reader.literal(fields[name].value, name, (*path, name), empty=False) if name in fields else None
