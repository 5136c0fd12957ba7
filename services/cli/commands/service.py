"""`firebreak ingress`, `parser`, ...: one service in this process, as `up` and systemd start it."""

from __future__ import annotations

import importlib

import click

MODULES = {"agent": "vm_agent"}
"""Where a command's name is not its room's."""


def service(name: str) -> click.Command:
    """The command that becomes that service; the service's own docstring is its help."""

    def run() -> None:
        importlib.import_module(module).main()

    module = f"services.{MODULES.get(name, name)}.__main__"
    doc = (importlib.import_module(module).__doc__ or "").strip()
    paragraphs = doc.replace("\n*Consumes:*", "\n\b\n*Consumes:*")
    help = f"{paragraphs}\n\nExample: NATS_URL=nats://127.0.0.1:4222 firebreak {name}"
    return click.Command(name, callback=run, help=help, context_settings={"help_option_names": ["-h", "--help"]})
