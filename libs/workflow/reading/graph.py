"""``needs`` between jobs: every name is a job's, and no job waits for itself by any way round."""

from collections.abc import Iterator

import msgspec

from libs.workflow.expressions import to_string
from libs.workflow.model import Job
from libs.workflow.nodes import Entry, Mapping, Node, Scalar, Sequence
from libs.workflow.reading.reader import Reader


def check_needs(reader: Reader, entries: tuple[Entry, ...], jobs: tuple[Job, ...]) -> None:
    """Problems stand at the name in ``needs``. A circle is reported once, as a path."""
    declared = {job.id.lower(): job for job in jobs}
    nodes = {entry.key.text.lower(): entry for entry in entries}
    for job in jobs:
        for name in job.needs:
            if name.lower() not in declared:
                suggestion = reader.suggest(name, [other.id for other in jobs if other is not job])
                place = _name_node(nodes[job.id.lower()], name)
                reader.error(place, f"`needs` names the job `{name}`, which does not exist{suggestion}", _path(job))
    for circle in _circles(declared):
        first = declared[circle[0]]
        place = _name_node(nodes[circle[0]], circle[1 % len(circle)])
        if len(circle) == 1:
            reader.error(place, f"the job `{first.id}` needs itself", _path(first))
        else:
            ids = [declared[name].id for name in (*circle, circle[0])]
            reader.error(place, f"these jobs wait for each other: {' -> '.join(ids)}", _path(first))


def with_declared_needs(jobs: tuple[Job, ...]) -> tuple[Job, ...]:
    """The jobs with their ``needs`` spelled as the ids are; GitHub compares them without case."""
    declared = {job.id.lower(): job.id for job in jobs}
    return tuple(
        msgspec.structs.replace(job, needs=tuple(dict.fromkeys(declared.get(name.lower(), name) for name in job.needs)))
        for job in jobs
    )


def _path(job: Job) -> tuple[str, ...]:
    return ("jobs", job.id, "needs")


def _name_node(entry: Entry, name: str) -> Node:
    if not isinstance(entry.value, Mapping):
        return entry.key
    needs = entry.value.get("needs")
    candidates = needs.items if isinstance(needs, Sequence) else (needs,)
    for node in candidates:
        if isinstance(node, Scalar) and name.lower() in (node.text.lower(), to_string(node.value).lower()):
            return node
    return entry.key


def _circles(jobs: dict[str, Job]) -> list[tuple[str, ...]]:
    """Each circle once, beginning at its first job in the file; without recursion, as chains may be long."""
    found: list[tuple[str, ...]] = []
    seen: set[str] = set()
    for start in jobs:
        if start in seen:
            continue
        trail: dict[str, Iterator[str]] = {}
        following: str | None = start
        while following is not None or trail:
            if following in trail:
                names = list(trail)
                found.append(tuple(names[names.index(following) :]))
            elif following is not None and following not in seen:
                seen.add(following)
                trail[following] = iter([name.lower() for name in jobs[following].needs if name.lower() in jobs])
            following = _next_on(trail)
    order = {name: index for index, name in enumerate(jobs)}
    return [_from_first(circle, order) for circle in found]


def _next_on(trail: dict[str, Iterator[str]]) -> str | None:
    """The next need of the trail's last job, leaving jobs that have none left."""
    while trail:
        last = next(reversed(trail))
        following = next(trail[last], None)
        if following is not None:
            return following
        del trail[last]
    return None


def _from_first(circle: tuple[str, ...], order: dict[str, int]) -> tuple[str, ...]:
    start = circle.index(min(circle, key=order.__getitem__))
    return circle[start:] + circle[:start]
