"""The variables of a step's processes: the job's own, then what GitHub sets and nobody may set otherwise.

Nothing of the host's environment is in them but what the operator named.
"""

from __future__ import annotations

from collections.abc import Mapping

from libs.workflow.expressions import Value, to_string
from services.vm_agent.sandbox.protocol import DEFAULT_PATH

_GITHUB_KEYS = (
    "action action_path action_ref action_repository actor actor_id api_url artifacts artifacts_list "
    "base_ref env event_name event_path "
    "graphql_url head_ref job output path ref ref_name ref_protected ref_type repository repository_id "
    "repository_owner repository_owner_id retention_days run_attempt run_id run_number server_url sha state "
    "step_summary triggering_actor workflow workflow_ref workflow_sha workspace"
)
_GITHUB = frozenset(_GITHUB_KEYS.split())
"""The keys of the `github` context that become `GITHUB_<KEY>`; the others (`token`, `event`) do not, as on GitHub."""
LANGUAGE = "C.UTF-8"
"""Without one, programs of many languages read and write ASCII."""


def step_environment(
    *,
    base: Mapping[str, str],
    env: Mapping[str, str],
    paths: tuple[str, ...],
    github: Mapping[str, Value],
    runner: Mapping[str, Value],
    home: str,
) -> dict[str, str]:
    """`base` are the host's variables that the operator named, `env` the job's own with the step's, `paths` what was
    added to the search path, the newest last.
    """
    variables = {"HOME": home, "LANG": LANGUAGE, "CI": "true", **base, **env, "GITHUB_ACTIONS": "true"}
    variables |= {
        f"GITHUB_{key.upper()}": to_string(value)
        for key, value in github.items()
        if key in _GITHUB and not isinstance(value, list | dict) and value is not None
    }
    variables |= {
        f"RUNNER_{key.upper()}": to_string(value)
        for key, value in runner.items()
        if not isinstance(value, list | dict) and value is not None
    }
    search = variables.get("PATH") or DEFAULT_PATH
    variables["PATH"] = ":".join([*reversed(paths), search])
    return variables
