"""One job to the model: its own keys here, its strategy and steps by the modules beside."""

import msgspec

from libs.workflow.model import Defaults, Job, Position, RunsOn, Step, Template
from libs.workflow.nodes import Entry, Mapping, Node, Scalar, Sequence, describe
from libs.workflow.problems import KeyPath
from libs.workflow.reading.reader import Reader, Shape, position
from libs.workflow.reading.settings import read_defaults, read_env, read_permissions
from libs.workflow.reading.step import read_condition, read_step
from libs.workflow.reading.strategy import matrix_keys, read_strategy
from libs.workflow.supported import refused_job_keys, refused_runs_on_keys

steps_in_job = 1000  # GitHub names no limit; no reader of a log wants more, and it bounds what one job can cost.

_job = Shape(
    "a job",
    frozenset(
        {
            "name",
            "needs",
            "if",
            "runs-on",
            "strategy",
            "permissions",
            "env",
            "defaults",
            "outputs",
            "continue-on-error",
            "timeout-minutes",
            "steps",
        }
    ),
    refused_job_keys,
)
_runs_on = Shape("`runs-on`", frozenset({"labels"}), refused_runs_on_keys)


def read_job(reader: Reader, entry: Entry, path: KeyPath) -> Job:
    """``needs`` are checked against the other jobs by ``graph``, when all of them are read."""
    node = entry.value
    fields = reader.fields(node, _job, path)
    calls = isinstance(node, Mapping) and node.get("uses") is not None
    if isinstance(node, Mapping) and not calls:
        reader.require(entry.key, fields, ("runs-on", "steps"), _job, path)
    needs = _read_needs(reader, fields, path)
    reader = reader.within(msgspec.structs.replace(reader.scope, needs=frozenset(name.lower() for name in needs)))
    condition = read_condition(reader, fields, "jobs.<job_id>.if", path)
    strategy = read_strategy(reader, fields["strategy"].value, (*path, "strategy")) if "strategy" in fields else None
    reader = reader.within(msgspec.structs.replace(reader.scope, matrix=matrix_keys(strategy)))
    steps, reader = _read_steps(reader, fields, path)
    return Job(
        at=position(entry.key),
        id=entry.key.text,
        runs_on=_read_runs_on(reader, fields, path),
        steps=steps,
        name=_read_name(reader, fields, path),
        needs=needs,
        condition=condition,
        strategy=strategy,
        permissions=read_permissions(reader, fields["permissions"].value, (*path, "permissions"))
        if "permissions" in fields
        else None,
        env=_read_env(reader, fields, path),
        defaults=_read_defaults(reader, fields, path),
        outputs=_read_outputs(reader, fields, path),
        timeout_minutes=_read_timeout(reader, fields, path),
        continue_on_error=_read_continue(reader, fields, path),
    )


def _read_needs(reader: Reader, fields: dict[str, Entry], path: KeyPath) -> tuple[str, ...]:
    if "needs" not in fields:
        return ()
    node, inner = fields["needs"].value, (*path, "needs")
    items = node.items if isinstance(node, Sequence) else (node,)
    if isinstance(node, Mapping):
        reader.error(node, "`needs` must be a job's id or a list of them, not a mapping", inner)
        return ()
    texts = [reader.literal(item, "needs", inner, empty=False) for item in items]
    return tuple(dict.fromkeys(text for text in texts if text is not None))


def _read_steps(reader: Reader, fields: dict[str, Entry], path: KeyPath) -> tuple[tuple[Step, ...], Reader]:
    """The steps, and a reader that knows all of their ids, for ``outputs``."""
    steps: list[Step] = []
    ids: frozenset[str] = frozenset()
    reader = reader.within(msgspec.structs.replace(reader.scope, steps=ids))
    if "steps" not in fields:
        return (), reader
    node, inner = fields["steps"].value, (*path, "steps")
    items = reader.items(node, "`steps`", inner)
    if isinstance(node, Sequence) and not items:
        reader.error(node, "`steps` must hold at least one step", inner)
    if len(items) > steps_in_job:
        reader.error(node, f"a job may have {steps_in_job} steps at most, and this has {len(items)}", inner)
        return (), reader
    for index, item in enumerate(items):
        step = read_step(reader, item, (*inner, index))
        steps.append(step)
        if step.id is not None:
            ids |= {step.id.lower()}
            reader = reader.within(msgspec.structs.replace(reader.scope, steps=ids))
    return tuple(steps), reader


def _read_runs_on(reader: Reader, fields: dict[str, Entry], path: KeyPath) -> RunsOn:
    if "runs-on" not in fields:
        return RunsOn(Position(1, 1), ())
    node, inner = fields["runs-on"].value, (*path, "runs-on")
    at = position(node)
    if isinstance(node, Mapping):
        inside = reader.fields(node, _runs_on, inner)
        if "labels" not in inside:
            if not inside and node.get("group") is None:
                reader.error(node, "`runs-on` needs `labels`", inner)
            return RunsOn(at, ())
        node, inner = inside["labels"].value, (*inner, "labels")
    return RunsOn(at, _read_labels(reader, node, inner))


def _read_labels(reader: Reader, node: Node, path: KeyPath) -> tuple[str, ...] | str:
    """A label, a list of labels, or one expression that gives either."""
    key = "jobs.<job_id>.runs-on"
    if isinstance(node, Scalar):
        text = reader.text(node, "runs-on", key, path)
        if text is None:
            return ()
        if not text:
            reader.error(node, "`runs-on` must name at least one label", path)
            return ()
        return text if "${{" in text else (text,)
    if isinstance(node, Mapping):
        reader.error(node, f"`labels` must be a label or a list of labels, not {describe(node)}", path)
        return ()
    if not node.items:
        reader.error(node, "`runs-on` must name at least one label", path)
    labels: list[str] = []
    for item in node.items:
        text = reader.text(item, "runs-on", key, path)
        if text == "":
            reader.error(item, "a label must not be empty", path)
        elif text is not None:
            labels.append(text)
    return tuple(labels)


def _read_name(reader: Reader, fields: dict[str, Entry], path: KeyPath) -> str | None:
    if "name" not in fields:
        return None
    return reader.text(fields["name"].value, "name", "jobs.<job_id>.name", (*path, "name"))


def _read_env(reader: Reader, fields: dict[str, Entry], path: KeyPath) -> dict[str, Template] | str:
    if "env" not in fields:
        return {}
    return read_env(reader, fields["env"].value, "jobs.<job_id>.env", (*path, "env"))


def _read_defaults(reader: Reader, fields: dict[str, Entry], path: KeyPath) -> Defaults:
    if "defaults" not in fields:
        return Defaults()
    return read_defaults(reader, fields["defaults"].value, "jobs.<job_id>.defaults.run", (*path, "defaults"))


def _read_outputs(reader: Reader, fields: dict[str, Entry], path: KeyPath) -> dict[str, str]:
    outputs: dict[str, str] = {}
    if "outputs" not in fields:
        return outputs
    inner = (*path, "outputs")
    for entry in reader.entries(fields["outputs"].value, "`outputs`", inner):
        name = entry.key.text
        text = reader.text(entry.value, name, "jobs.<job_id>.outputs.<output_id>", (*inner, name))
        if not name:
            reader.error(entry.key, "an output's name must not be empty", inner)
        elif text is not None:
            outputs[name] = text
    return outputs


def _read_timeout(reader: Reader, fields: dict[str, Entry], path: KeyPath) -> float | str | None:
    key = "timeout-minutes"
    if key not in fields:
        return None
    return reader.number(fields[key].value, key, f"jobs.<job_id>.{key}", (*path, key), least=0)


def _read_continue(reader: Reader, fields: dict[str, Entry], path: KeyPath) -> bool | str:
    key = "continue-on-error"
    if key not in fields:
        return False
    return reader.flag(fields[key].value, key, f"jobs.<job_id>.{key}", (*path, key)) or False
