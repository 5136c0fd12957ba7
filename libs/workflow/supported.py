"""What is part of GitHub's language and not run by Firebreak: refused or warned of by name at its place, never ignored.

Ignoring is how a green lie begins. Each row stands for work to come; who does it deletes the row and reads the key.
This module is data: it knows no nodes and no messages.
"""

runnable_shells = ("bash", "sh", "python", "pwsh")
windows_shells = frozenset({"cmd", "powershell"})
"""No host of ours runs Windows: a step that uses one fails, and most such steps are left out by an `if`."""

checkout_inputs_honoured = frozenset(
    {
        "repository",
        "ref",
        "path",
        "fetch-depth",
        "fetch-tags",
        "clean",
        "github-server-url",
        "persist-credentials",
        "token",
    }
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
"""They change how `actions/checkout` works and not which files it leaves, or matter only beside one of those below."""

checkout_inputs_not_honoured: dict[str, frozenset[str]] = {
    "lfs": frozenset({"", "false"}),
    "sparse-checkout": frozenset({""}),
    "ssh-key": frozenset({""}),
    "submodules": frozenset({"", "false"}),
}
"""Inputs that would change the files, with the values that ask for nothing. `actions/checkout` is built in here."""
