"""What a job may use of what its run was given, however many calls led to it: the token's permissions, and secrets.

A called workflow gets what its caller passes on and never more. Values of secrets go through here and stay nowhere.
Source: GitHub's documentation, "Reuse workflows".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from libs.contracts.plan import CalledWorkflow
from libs.workflow.expressions import Scope, Value, availability_of, evaluate_text, to_string
from services.scheduler.contexts import scope_of_if, scope_of_job
from services.scheduler.run_state import Job, Run

SECRETS_KEY = "jobs.<job_id>.secrets.<secrets_id>"
ALWAYS = "GITHUB_TOKEN"
"""Every job has it, whatever its caller passes on."""
LEVELS = ("none", "read", "write")
Permissions = Mapping[str, str]
"""Levels by scope, those not named being `none`; or the one of all scopes under `all`."""


def workflow_of(run: Run, job_id: str) -> CalledWorkflow | None:
    """The called workflow that the job is of; None for the run's own."""
    caller = run.callers.get(job_id)
    return None if caller is None else run.plan.called[run.calls[caller].workflow]


def permissions_of(run: Run, job_id: str) -> dict[str, str] | None:
    """Of the job, else of its workflow, and never more than its caller has; None is the token as it was given."""
    called = workflow_of(run, job_id)
    own = run.planned[job_id].permissions
    if own is None:
        own = run.plan.permissions if called is None else called.permissions
    caller = run.caller_of(job_id)
    return own if caller is None else least(permissions_of(run, caller.job_id), own)


def least(above: Permissions | None, own: Permissions | None) -> dict[str, str] | None:
    """What both grant."""
    if above is None or own is None:
        granted = own if above is None else above
        return None if granted is None else dict(granted)
    if "all" in above and "all" in own:
        return {"all": _lower(above["all"], own["all"])}
    scopes = dict.fromkeys([*(above if "all" not in above else ()), *(own if "all" not in own else ())])
    return {scope: _lower(_level(above, scope), _level(own, scope)) for scope in scopes}


def _level(permissions: Permissions, scope: str) -> str:
    return permissions.get("all") or permissions.get(scope, "none")


def _lower(first: str, second: str) -> str:
    known = [level if level in LEVELS else "none" for level in (first, second)]
    return min(known, key=LEVELS.index)


def secrets_of(run: Run, job_id: str, given: Mapping[str, str]) -> dict[str, str]:
    """The `secrets` context of a job, of what the run has: all of it, or what the calls that led to the job pass on.

    Raises ExpressionError.
    """
    caller = run.caller_of(job_id)
    if caller is None:
        return dict(given)
    above = secrets_of(run, caller.job_id, given)
    passed = run.planned[caller.job_id].secrets
    if passed == "inherit":
        return above
    called = workflow_of(run, job_id)
    declared = {name.lower(): name for name in (called.secrets if called is not None else ())}
    mine = {name: value for name, value in above.items() if name.upper() == ALWAYS}
    for name, template in passed.items() if isinstance(passed, dict) else ():
        if name.lower() in declared:
            mine[declared[name.lower()]] = _evaluated(run, caller, template, above)
    return mine


def _evaluated(run: Run, caller: Job, template: Value, secrets: Mapping[str, str]) -> str:
    if not isinstance(template, str):
        return to_string(template)
    shared = scope_of_job(scope_of_if(run, caller.job_id), run, caller)
    contexts = {**shared.contexts, "secrets": cast(Value, dict(secrets))}
    return evaluate_text(template, Scope(contexts=contexts), availability_of(SECRETS_KEY))
