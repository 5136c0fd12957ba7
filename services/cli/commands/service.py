"""`firebreak ingress`, `parser`, ...: one service in this process, as `up` and systemd start it."""

from __future__ import annotations

import importlib
import os

import click

MODULES = {"agent": "vm_agent"}
"""Where a command's name is not its room's."""


def service(name: str) -> click.Command:
    """The command that becomes that service; the service's own docstring is its help."""

    def run(as_json: bool) -> None:
        if as_json:
            os.environ["FIREBREAK_LOG"] = "json"
        importlib.import_module(module).main()

    module = f"services.{MODULES.get(name, name)}.__main__"
    doc = (importlib.import_module(module).__doc__ or "").strip()
    paragraphs = doc.replace("\n*Consumes:*", "\n\b\n*Consumes:*")
    help = f"{paragraphs}\n\nExample: NATS_URL=nats://127.0.0.1:4222 firebreak {name}"
    option = click.Option(["--json", "as_json"], is_flag=True, help="The log lines on standard error as JSON.")
    names = {"help_option_names": ["-h", "--help"]}
    return click.Command(name, callback=run, help=help, params=[option], context_settings=names)
