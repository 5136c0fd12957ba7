"""``steps`` of a job, and of a ``parallel`` block in it, to the model, in order: a step may refer to those before."""

import msgspec

from libs.workflow.model import Step
from libs.workflow.nodes import Mapping, Node, Sequence
from libs.workflow.problems import KeyPath
from libs.workflow.reading.reader import Reader
from libs.workflow.reading.step import read_step

steps_in_job = 1000  # GitHub names no limit; no reader of a log wants more, and it bounds what one job can cost.
_not_in_parallel = ("background", "wait", "wait-all", "cancel", "parallel")


def read_steps(reader: Reader, node: Node, path: KeyPath) -> tuple[tuple[Step, ...], Reader]:
    """The steps, and a reader that knows all of their ids, for ``outputs``."""
    steps: list[Step] = []
    ids: frozenset[str] = frozenset()
    reader = reader.within(msgspec.structs.replace(reader.scope, steps=ids))
    items = reader.items(node, "`steps`", path)
    if isinstance(node, Sequence) and not items:
        reader.error(node, "`steps` must hold at least one step", path)
    if _count(items) > steps_in_job:
        reader.error(node, f"a job may have {steps_in_job} steps at most, and this has {_count(items)}", path)
        return (), reader
    for index, item in enumerate(items):
        step, reader = _read_one(reader, item, (*path, index))
        steps.append(step)
    return tuple(steps), reader


def _count(items: tuple[Node, ...]) -> int:
    """Those of blocks too, however often an alias repeats one."""
    return sum(max(1, len(_parallel_items(item))) for item in items)


def _parallel_items(item: Node) -> tuple[Node, ...]:
    inside = item.get("parallel") if isinstance(item, Mapping) else None
    return inside.items if isinstance(inside, Sequence) else ()


def _read_one(reader: Reader, node: Node, path: KeyPath) -> tuple[Step, Reader]:
    """The step, and a reader that knows its id and those of the steps in it."""
    step = read_step(reader, node, path)
    reader = _knowing(reader, step, background=step.background)
    inside = node.get("parallel") if isinstance(node, Mapping) else None
    if inside is None:
        return step, reader
    inner: list[Step] = []
    inner_path = (*path, "parallel")
    if isinstance(inside, Sequence) and not inside.items:
        reader.error(inside, "`parallel` must hold at least one step", inner_path)
    for index, item in enumerate(reader.items(inside, "`parallel`", inner_path)):
        _check_inside(reader, item, (*inner_path, index))
        one = read_step(reader, item, (*inner_path, index))
        inner.append(one)
        reader = _knowing(reader, one, background=False)
    return msgspec.structs.replace(step, parallel=tuple(inner)), reader


def _check_inside(reader: Reader, node: Node, path: KeyPath) -> None:
    """Only ``run`` and ``uses``: its steps are background steps anyway, and nothing inside could wait for another."""
    for entry in node.entries if isinstance(node, Mapping) else ():
        if entry.key.text in _not_in_parallel:
            reader.error(
                entry.key,
                f"`{entry.key.text}` is not allowed inside `parallel`, whose steps all run in the background",
                (*path, entry.key.text),
            )


def _knowing(reader: Reader, step: Step, *, background: bool) -> Reader:
    if step.id is None:
        return reader
    identifier, scope = step.id.lower(), reader.scope
    return reader.within(
        msgspec.structs.replace(
            scope,
            steps=(scope.steps or frozenset()) | {identifier},
            background=scope.background | {identifier} if background else scope.background,
        )
    )
