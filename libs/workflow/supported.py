"""What is part of GitHub's language and not run by Firebreak yet: refused by name at its place, never ignored.

Ignoring is how a green lie begins. Each row stands for work to come; who does it deletes the row and reads the key.
This module is data: it knows no nodes and no messages.
"""

from libs.workflow.events import activity_types

refused_workflow_keys = frozenset({"concurrency"})

refused_job_keys = frozenset(
    {
        "cancel-timeout-minutes",
        "concurrency",
        "container",
        "environment",
        "secrets",
        "services",
        "snapshot",
        "uses",
        "with",
    }
)

refused_step_keys = frozenset({"background", "cancel", "parallel", "wait", "wait-all"})

refused_runs_on_keys = frozenset({"group"})

runnable_events = frozenset({"pull_request", "push", "workflow_dispatch"})
refused_events = frozenset(activity_types) - runnable_events

runnable_shells = ("bash", "sh", "python", "pwsh")
refused_shells = frozenset({"cmd", "powershell"})
"""Shells of Windows, and no host of ours runs Windows."""

runnable_action = "actions/checkout"
"""The one action that is built in; others are refused by name."""

checkout_inputs_honoured = frozenset(
    {"repository", "ref", "path", "fetch-depth", "clean", "persist-credentials", "token"}
)
checkout_inputs_without_effect = frozenset(
    {
        "filter",
        "set-safe-directory",
        "show-progress",
        "ssh-known-hosts",
        "ssh-strict",
        "ssh-user",
        "sparse-checkout-cone-mode",
        "allow-unsafe-pr-checkout",
    }
)
"""They change how `actions/checkout` works and not which files it leaves, or matter only beside a refused input."""

checkout_inputs_refused: dict[str, frozenset[str]] = {
    "fetch-tags": frozenset({"", "false"}),
    "github-server-url": frozenset({""}),
    "lfs": frozenset({"", "false"}),
    "sparse-checkout": frozenset({""}),
    "ssh-key": frozenset({""}),
    "submodules": frozenset({"", "false"}),
}
"""Inputs that would change the files, with the values that ask for nothing and are therefore accepted."""
