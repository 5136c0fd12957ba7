"""``needs`` between jobs: every name is a job's, and no job waits for itself by any way round."""

from libs.workflow.model import Job
from libs.workflow.nodes import Entry, Mapping, Node, Scalar, Sequence
from libs.workflow.reading.reader import Reader, nearest_key


def check_needs(reader: Reader, entries: tuple[Entry, ...], jobs: tuple[Job, ...]) -> None:
    """Problems stand at the name in ``needs``. A circle is reported once, as a path."""
    declared = {job.id.lower(): job for job in jobs}
    nodes = {entry.key.text.lower(): entry for entry in entries}
    for job in jobs:
        for name in job.needs:
            if name.lower() not in declared:
                hint = nearest_key(name, [other.id for other in jobs if other is not job])
                suggestion = f"; did you mean `{hint}`?" if hint else ""
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


def with_declared_names(jobs: tuple[Job, ...], needs: tuple[str, ...]) -> tuple[str, ...]:
    """``needs`` spelled as the jobs' ids are; GitHub compares them without case."""
    declared = {job.id.lower(): job.id for job in jobs}
    return tuple(dict.fromkeys(declared.get(name.lower(), name) for name in needs))


def _path(job: Job) -> tuple[str, ...]:
    return ("jobs", job.id, "needs")


def _name_node(entry: Entry, name: str) -> Node:
    if not isinstance(entry.value, Mapping):
        return entry.key
    needs = entry.value.get("needs")
    candidates = needs.items if isinstance(needs, Sequence) else (needs,)
    for node in candidates:
        if isinstance(node, Scalar) and node.text.lower() == name.lower():
            return node
    return entry.key


def _circles(jobs: dict[str, Job]) -> list[tuple[str, ...]]:
    """Each circle once, beginning at its first job in the file; without recursion, as chains may be long."""
    found: list[tuple[str, ...]] = []
    finished: set[str] = set()
    for start in jobs:
        trail: list[str] = []
        remaining: list[list[str]] = []
        following = start
        while following or remaining:
            if following and following not in finished and following not in trail:
                trail.append(following)
                remaining.append([name.lower() for name in jobs[following].needs if name.lower() in jobs])
            elif following in trail:
                found.append(tuple(trail[trail.index(following) :]))
            while remaining and not remaining[-1]:
                remaining.pop()
                finished.add(trail.pop())
            following = remaining[-1].pop(0) if remaining else ""
    return [_from_first(circle, list(jobs)) for circle in found]


def _from_first(circle: tuple[str, ...], order: list[str]) -> tuple[str, ...]:
    start = circle.index(min(circle, key=order.index))
    return circle[start:] + circle[:start]
