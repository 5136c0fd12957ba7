"""What a job has for its actions: their files, the Node.js that runs them, and what is known of each use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from libs.contracts.orders import JobOrder
from libs.sources import Sources
from services.vm_agent.job.actions.library import Library
from services.vm_agent.job.actions.node import Nodes
from services.vm_agent.job.actions.use import Uses
from services.vm_agent.job.places import Places
from services.vm_agent.sandbox.protocol import DEFAULT_PATH, Sandbox


@dataclass(frozen=True, slots=True)
class Actions:
    library: Library
    nodes: Nodes
    uses: Uses


def actions_of(
    order: JobOrder,
    sandbox: Sandbox,
    places: Places,
    sources: tuple[Sources, Sources],
    base_environment: Mapping[str, str],
) -> Actions:
    """`sources` are those of the job's own repository, and those of actions."""
    own, others = sources
    path = base_environment.get("PATH") or DEFAULT_PATH
    return Actions(Library(sandbox, places, order, own, others), Nodes(sandbox, places.tool_cache, path), Uses())
