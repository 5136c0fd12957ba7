"""One job to the model: its own keys here, its strategy and steps by the modules beside."""

import msgspec

from libs.workflow.model import Defaults, Job, Position, RunsOn, Step, Template
from libs.workflow.nodes import Entry, Mapping, Sequence
from libs.workflow.problems import KeyPath
from libs.workflow.reading.calling import call_keys, read_called, read_secrets, read_with
from libs.workflow.reading.concurrency import read_concurrency
from libs.workflow.reading.container import read_container, read_services
from libs.workflow.reading.environment import read_environment, read_snapshot
from libs.workflow.reading.reader import Reader, Shape, position
from libs.workflow.reading.runs_on import read_runs_on
from libs.workflow.reading.settings import read_defaults, read_env, read_permissions
from libs.workflow.reading.step import read_condition
from libs.workflow.reading.steps import read_steps
from libs.workflow.reading.strategy import matrix_keys, read_strategy

_own_keys = frozenset(
    {
        "name",
        "needs",
        "if",
        "runs-on",
        "strategy",
        "permissions",
        "concurrency",
        "env",
        "environment",
        "defaults",
        "outputs",
        "continue-on-error",
        "timeout-minutes",
        "cancel-timeout-minutes",
        "container",
        "services",
        "snapshot",
        "steps",
    }
)
_job = Shape("a job", _own_keys | call_keys)


def read_job(reader: Reader, entry: Entry, path: KeyPath) -> Job:
    """``needs`` are checked against the other jobs by ``graph``, when all of them are read."""
    fields = reader.fields(entry.value, _job, path)
    _check_kind(reader, entry, fields, path)
    needs = _read_needs(reader, fields, path)
    reader = reader.within(msgspec.structs.replace(reader.scope, needs=frozenset(name.lower() for name in needs)))
    condition = read_condition(reader, fields, "jobs.<job_id>.if", path)
    strategy = read_strategy(reader, fields["strategy"].value, (*path, "strategy")) if "strategy" in fields else None
    reader = reader.within(msgspec.structs.replace(reader.scope, matrix=matrix_keys(strategy)))
    steps: tuple[Step, ...] = ()
    if "steps" in fields:
        steps, reader = read_steps(reader, fields["steps"].value, (*path, "steps"))
    nodes = {key: field.value for key, field in fields.items()}
    return Job(
        at=position(entry.key),
        id=entry.key.text,
        runs_on=_read_runs_on(reader, fields, path),
        steps=steps,
        name=_read_name(reader, fields, path),
        needs=needs,
        condition=condition,
        strategy=strategy,
        permissions=read_permissions(reader, nodes["permissions"], (*path, "permissions"))
        if "permissions" in nodes
        else None,
        env=_read_env(reader, fields, path),
        defaults=_read_defaults(reader, fields, path),
        outputs=_read_outputs(reader, fields, path),
        timeout_minutes=_read_timeout(reader, fields, "timeout-minutes", path),
        cancel_timeout_minutes=_read_timeout(reader, fields, "cancel-timeout-minutes", path),
        continue_on_error=_read_continue(reader, fields, path),
        concurrency=read_concurrency(reader, nodes["concurrency"], "jobs.<job_id>.concurrency", (*path, "concurrency"))
        if "concurrency" in nodes
        else None,
        environment=read_environment(reader, nodes["environment"], (*path, "environment"))
        if "environment" in nodes
        else None,
        container=read_container(reader, nodes["container"], (*path, "container")) if "container" in nodes else None,
        services=read_services(reader, nodes["services"], (*path, "services")) if "services" in nodes else {},
        snapshot=read_snapshot(reader, nodes["snapshot"], (*path, "snapshot")) if "snapshot" in nodes else None,
        uses=read_called(reader, fields, path),
        uses_at=position(fields["uses"].value) if "uses" in fields else None,
        with_=read_with(reader, fields, path),
        secrets=read_secrets(reader, fields, path),
    )


def _check_kind(reader: Reader, entry: Entry, fields: dict[str, Entry], path: KeyPath) -> None:
    """The first key that only one kind of job has says which it is: as on GitHub, the others are the mistake."""
    first = next((key for key in fields if (key in call_keys) != (key in _own_keys)), "")
    if first in call_keys:
        if isinstance(entry.value, Mapping):
            reader.require(entry.value, fields, ("uses",), _job, path)
        for key in fields.keys() - call_keys:
            message = f"`{key}` cannot stand beside `{first}`: the called workflow's jobs have it"
            reader.error(fields[key].key, message, (*path, key))
        return
    if isinstance(entry.value, Mapping):
        reader.require(entry.value, fields, ("runs-on", "steps"), _job, path)
    for key in fields.keys() - _own_keys:
        why = "a job has steps or calls a workflow, not both" if key == "uses" else "it belongs to a job with `uses`"
        reader.error(fields[key].key, f"`{key}` cannot stand beside `{first}`: {why}", (*path, key))


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


def _read_runs_on(reader: Reader, fields: dict[str, Entry], path: KeyPath) -> RunsOn:
    if "runs-on" not in fields:
        return RunsOn(Position(1, 1), ())
    return read_runs_on(reader, fields["runs-on"].value, (*path, "runs-on"))


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
        sound = reader.check_name(entry.key, "`outputs`", "", (*inner, name))
        text = reader.text(entry.value, name, "jobs.<job_id>.outputs.<output_id>", (*inner, name))
        if sound and text is not None:
            outputs[name] = text
    return outputs


def _read_timeout(reader: Reader, fields: dict[str, Entry], key: str, path: KeyPath) -> float | str | None:
    if key not in fields:
        return None
    return reader.number(fields[key].value, key, f"jobs.<job_id>.{key}", (*path, key))


def _read_continue(reader: Reader, fields: dict[str, Entry], path: KeyPath) -> bool | str:
    key = "continue-on-error"
    if key not in fields:
        return False
    return reader.flag(fields[key].value, key, f"jobs.<job_id>.{key}", (*path, key)) or False
