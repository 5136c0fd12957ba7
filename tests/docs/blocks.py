"""Parts of hand-written pages that are drawn from the code: between `<!-- generated: NAME -->` and `<!-- end -->`."""

from __future__ import annotations

import re
from collections.abc import Callable

from libs.bus import streams
from libs.bus.streams import StreamSpec
from services.scheduler.transitions import diagram
from tests.docs import analytics

MARKED = re.compile(r"(<!-- generated: ([\w-]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def filled(page: str) -> str:
    """The page with every block anew. Raises KeyError for a block that nobody draws."""
    return MARKED.sub(lambda found: found[1] + BLOCKS[found[2]]() + found[3], page)


def names(page: str) -> list[str]:
    return [found[2] for found in MARKED.finditer(page)]


def _machine(name: str) -> str:
    return f"```mermaid\n{diagram(name)}```\n"


def _streams() -> str:
    head = ["| stream | subjects | kept | in | bound |", "| --- | --- | --- | --- | --- |"]
    return "\n".join([*head, *(_stream(spec) for spec in streams.table())]) + "\n"


def _stream(spec: StreamSpec) -> str:
    days = spec.max_age_seconds / streams.DAY_SECONDS
    kept = "until acknowledged" if spec.queue else f"{days:.0f} days"
    bound = f"{spec.max_mib} MiB" if spec.max_mib else "the disk"
    full = "the oldest goes" if spec.discard_old else "the new one is refused"
    where = f"{spec.storage}{', not waited for' if spec.asynchronous else ''}"
    subjects = ", ".join(f"`{subject}`" for subject in spec.subjects)
    return f"| `{spec.name}` | {subjects} | {kept} | {where} | {bound}; then {full} |"


def _buckets() -> str:
    return "".join(f"- `{spec.name}`, {spec.storage}\n" for spec in streams.BUCKETS)


BLOCKS: dict[str, Callable[[], str]] = {
    "run-machine": lambda: _machine("run"),
    "job-machine": lambda: _machine("job"),
    "streams": _streams,
    "buckets": _buckets,
    "analytics-views": analytics.views,
    "analytics-tables": analytics.tables,
    "analytics-questions": analytics.questions,
}
