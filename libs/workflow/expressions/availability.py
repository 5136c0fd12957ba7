"""Which contexts and which special functions each key of a workflow may use: GitHub's table, as data.

Source: GitHub's documentation, "Contexts reference", section "Context availability"; keys that the table leaves out
(`snapshot`, `cancel-timeout-minutes`) and those of an action's `action.yml` from GitHub's published schemas. Where the
two differ (`steps` in a container's `env`) the schema holds, for it decides on GitHub.
A key that is not listed allows no expression at all.
"""

from functools import lru_cache

import msgspec


class Availability(msgspec.Struct, frozen=True):
    """What an expression may name. `key` is only for messages."""

    key: str
    contexts: tuple[str, ...]
    functions: tuple[str, ...] = ()


_every_context = "github inputs vars needs strategy matrix secrets steps job jobs runner env"
all_contexts = tuple(_every_context.split())
status_functions = ("always", "cancelled", "success", "failure")
special_functions = (*status_functions, "hashFiles")

everywhere = Availability("", all_contexts, special_functions)
"""Every context and function: for callers that have no workflow key to speak of."""

nowhere = Availability("", ())

_event = "github inputs vars"
_planned = "github needs strategy matrix vars inputs"
_step = "github needs strategy matrix job runner env vars secrets steps inputs"
_action_step = "github inputs strategy matrix steps job runner env"
_hash = "hashFiles"
_status = "always cancelled success failure"

_table: dict[str, tuple[str, str]] = {
    "run-name": (_event, ""),
    "concurrency": (_event, ""),
    "env": ("github secrets inputs vars", ""),
    "on.workflow_call.inputs.<inputs_id>.default": (_event, ""),
    "on.workflow_call.outputs.<output_id>.value": ("github jobs vars inputs", ""),
    "jobs.<job_id>.cancel-timeout-minutes": (_planned, ""),
    "jobs.<job_id>.concurrency": (_planned, ""),
    "jobs.<job_id>.container": (_planned, ""),
    "jobs.<job_id>.container.credentials": ("github needs strategy matrix env vars secrets inputs", ""),
    "jobs.<job_id>.container.env.<env_id>": (_step, ""),
    "jobs.<job_id>.container.image": (_planned, ""),
    "jobs.<job_id>.continue-on-error": (_planned, ""),
    "jobs.<job_id>.defaults.run": ("github needs strategy matrix env vars inputs", ""),
    "jobs.<job_id>.env": ("github needs strategy matrix vars secrets inputs", ""),
    "jobs.<job_id>.environment": (_planned, ""),
    "jobs.<job_id>.environment.url": ("github needs strategy matrix job runner env vars steps inputs", ""),
    "jobs.<job_id>.if": ("github needs vars inputs", _status),
    "jobs.<job_id>.name": (_planned, ""),
    "jobs.<job_id>.outputs.<output_id>": (_step, ""),
    "jobs.<job_id>.runs-on": (_planned, ""),
    "jobs.<job_id>.secrets.<secrets_id>": ("github needs strategy matrix secrets inputs vars", ""),
    "jobs.<job_id>.services": (_planned, ""),
    "jobs.<job_id>.services.<service_id>.credentials": ("github needs strategy matrix env vars secrets inputs", ""),
    "jobs.<job_id>.services.<service_id>.env.<env_id>": (_step, ""),
    "jobs.<job_id>.snapshot.if": (_planned, ""),
    "jobs.<job_id>.steps.continue-on-error": (_step, _hash),
    "jobs.<job_id>.steps.env": (_step, _hash),
    "jobs.<job_id>.steps.if": ("github needs strategy matrix job runner env vars steps inputs", f"{_status} {_hash}"),
    "jobs.<job_id>.steps.name": (_step, _hash),
    "jobs.<job_id>.steps.run": (_step, _hash),
    "jobs.<job_id>.steps.timeout-minutes": (_step, _hash),
    "jobs.<job_id>.steps.with": (_step, _hash),
    "jobs.<job_id>.steps.working-directory": (_step, _hash),
    "jobs.<job_id>.strategy": ("github needs vars inputs", ""),
    "jobs.<job_id>.timeout-minutes": (_planned, ""),
    "jobs.<job_id>.with.<with_id>": ("github needs strategy matrix inputs vars", ""),
    # An action's own file, `action.yml`.
    "action.inputs.<input_id>.default": ("github strategy matrix job runner", _hash),
    "action.outputs.<output_id>.value": (_action_step, ""),
    "action.runs.args": ("inputs", ""),
    "action.runs.env": ("inputs", ""),
    "action.runs.post-if": ("runner github job strategy matrix env inputs", f"{_status} {_hash}"),
    "action.runs.pre-if": ("runner github job strategy matrix env inputs", f"{_status} {_hash}"),
    "action.runs.steps.continue-on-error": (_action_step, _hash),
    "action.runs.steps.env": (_action_step, _hash),
    "action.runs.steps.if": (_action_step, f"{_status} {_hash}"),
    "action.runs.steps.name": (_action_step, _hash),
    "action.runs.steps.run": (_action_step, _hash),
    "action.runs.steps.shell": (_action_step, _hash),
    "action.runs.steps.with": (_action_step, _hash),
    "action.runs.steps.working-directory": (_action_step, _hash),
}

availabilities: dict[str, Availability] = {
    key: Availability(key, tuple(contexts.split()), tuple(functions.split()))
    for key, (contexts, functions) in _table.items()
}


@lru_cache(maxsize=1024)
def availability_of(key: str) -> Availability:
    """The row for a key path such as `jobs.<job_id>.steps.run`, with GitHub's placeholders.

    A deeper path (`jobs.<job_id>.strategy.matrix`) has the row of its nearest listed ancestor; without one, nothing
    is allowed.
    """
    path = key
    while path:
        if path in availabilities:
            return availabilities[path]
        path = path.rpartition(".")[0]
    return Availability(key, ())
