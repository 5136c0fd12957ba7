"""Properties that a context does not have: `github.reff` is null on GitHub, and hardly what somebody meant.

For a linter, as a warning. Knows the contexts whose properties GitHub fixes ("Contexts reference"), not what a workflow
names itself: its steps, jobs, inputs and matrix are `libs.workflow.reading.scope`'s.
"""

from collections.abc import Mapping
from typing import TypeAlias

from libs.workflow.expressions.errors import nearest
from libs.workflow.expressions.nodes import Context, Filter, Index, Literally, Node, children

Shape: TypeAlias = "Mapping[str, Shape | None]"
"""Known properties and theirs; None where anything may follow. `*` stands for any name."""

_github = (
    "action action_path action_ref action_repository action_status actor actor_id api_url artifact_cache_size_limit "
    "base_ref env event event_name event_path graphql_url head_ref job job_workflow_sha output path ref ref_name "
    "ref_protected ref_type repository repository_id repository_owner repository_owner_id repository_visibility "
    "repositoryUrl retention_days run_attempt run_id run_number secret_source server_url sha state step_summary token "
    "triggering_actor workflow workflow_ref workflow_sha workspace"
)
_step: Shape = {"outputs": None, "outcome": {}, "conclusion": {}}
_job: Shape = {"outputs": None, "result": {}}


def _texts(names: str) -> "dict[str, Shape | None]":
    """Properties that are plain values, which have no properties themselves."""
    return {name: {} for name in names.split()}


shapes: Shape = {
    "github": {**_texts(_github), "event": None},
    "runner": _texts("arch debug environment name os temp tool_cache workspace"),
    "job": {
        **_texts("check_run_id status workflow_file_path workflow_ref workflow_repository workflow_sha"),
        "container": _texts("id network"),
        "services": {"*": {**_texts("id network"), "ports": None}},
    },
    "strategy": _texts("fail-fast job-index job-total max-parallel"),
    "steps": {"*": _step},
    "needs": {"*": _job},
    "jobs": {"*": _job},
}


def doubtful_properties(tree: Node) -> tuple[tuple[int, str], ...]:
    """The 1-based column of each property's name that does not exist, and what to say about it."""
    found: list[tuple[int, str]] = []
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, Index) and isinstance(node.key, Literally) and isinstance(node.key.value, str):
            problem = _problem(node.target, node.key.value)
            if problem is not None:
                found.append((node.key.column, problem))
        waiting.extend(children(node))
    return tuple(sorted(found))


def _problem(target: Node, name: str) -> str | None:
    shape = _shape_of(target)
    if not shape or "*" in shape or name.lower() in map(str.lower, shape):
        return None
    return f"`{_written(target)}.{name}` does not exist, and is null{nearest(name, shape)}"


def _shape_of(node: Node) -> "Shape | None":
    """What is known of a value's properties; None where nothing is, {} of a plain value."""
    match node:
        case Context():
            return shapes.get(node.name)
        case Index() | Filter():
            around = _shape_of(node.target)
            return None if around is None else _of_property(around, node)
        case _:
            return None


def _of_property(around: Shape, node: Index | Filter) -> "Shape | None":
    if "*" in around:
        return around["*"]
    if isinstance(node, Index) and isinstance(node.key, Literally) and isinstance(node.key.value, str):
        name = node.key.value.lower()
        return next((shape for known, shape in around.items() if known.lower() == name), None)
    return None


def _written(node: Node) -> str:
    match node:
        case Context():
            return node.name
        case Filter():
            return f"{_written(node.target)}.*"
        case Index(key=Literally(value=str() as name)):
            return f"{_written(node.target)}.{name}"
        case Index():
            return f"{_written(node.target)}[...]"
        case _:
            return "(...)"
