"""`firebreak`: finds the command, loads only that one, and turns every ending into a documented exit code.

Consumes: nothing by itself; a command may tail EVENTS, LOGS and DELIVERIES.
Emits: `cmd.trigger`, `cmd.run` and `cmd.host` commands; never an event.
Owns: nothing that outlives the process; `up` owns the processes that it starts.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence

import click

from services.cli import outcome

COMMANDS = {
    "up": ("up", "Every service and NATS on this machine."),
    "demo": ("demo", "A sample repository, a signed webhook, the verdict."),
    "run": ("run", "Run a directory's workflows now."),
    "lint": ("lint", "Check a workflow file, or a directory's."),
    "propose": ("propose", "Draft a workflow for a repository that has none."),
    "expr": ("expr", "Evaluate one expression."),
    "runs": ("runs", "List, show, watch, start, rerun and cancel runs."),
    "secrets": ("secrets", "Set, list and remove secrets of jobs."),
    "vars": ("vars", "Set, list and remove variables of workflows."),
    "environments": ("environments", "Protect environments: reviewers, waits, branches."),
    "why": ("why", "Why a run or a job is queued, skipped, slow or red."),
    "advice": ("advice", "What was learned of jobs and hosts, and what became of it."),
    "proposals": ("proposals", "What a model proposed for what cannot run."),
    "deliveries": ("deliveries", "What became of deliveries, and why nothing ran."),
    "debug": ("debug", "A shell in what a failed job left."),
    "events": ("events", "Read the event log."),
    "hosts": ("hosts", "List, show, drain and undrain hosts."),
    "image": ("image", "Build, list, verify and remove guest images."),
    "pool": ("pool", "The machines that stand ready on each host."),
    "sql": ("sql", "Ask DuckDB what was learned, read-only."),
    "backtest": ("backtest", "Replay a log: would learned limits have helped?"),
    "doctor": ("doctor", "Say what works on this machine and what is missing."),
    "ingress": ("service", "One service: take webhooks."),
    "parser": ("service", "One service: plan runs."),
    "scheduler": ("service", "One service: decide what runs where."),
    "agent": ("service", "One service: run jobs on this host."),
    "learner": ("service", "One service: fold the log into DuckDB."),
    "analytics": ("service", "One service: answer SQL over HTTP."),
    "model": ("service", "One service: ask a language model, which proposes."),
    "reporter": ("service", "One service: tell GitHub."),
    "console": ("service", "One service: the web page."),
}
"""Command -> (module below services.cli.commands, what it does). In the order of --help."""


class LazyGroup(click.Group):
    """Imports a command's module when it is called: `firebreak lint` never loads NATS, DuckDB or a web server."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"services.cli.commands.{COMMANDS[cmd_name][0]}")
        return module.service(cmd_name) if COMMANDS[cmd_name][0] == "service" else module.command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, help) for name, (_, help) in COMMANDS.items()])


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog="Exit codes: 0 ok, 1 the run failed, 2 usage or invalid workflow, 3 unreachable, "
    "4 not allowed, 130 interrupted.",
)
@click.version_option(None, "-V", "--version", package_name="firebreak", prog_name="firebreak")
def firebreak() -> None:
    """Firebreak runs a repository's GitHub workflows, one sandbox a job, every decision an event.

    Example: firebreak run .
    """


def main(arguments: Sequence[str] | None = None) -> None:
    """The entry point; exits with a documented code whatever happens."""
    sys.exit(_code(arguments))


def _code(arguments: Sequence[str] | None) -> int:
    from libs.environment import BadSetting

    try:
        result = firebreak.main(arguments, prog_name="firebreak", standalone_mode=False)
        return result if isinstance(result, int) else outcome.OK
    except click.exceptions.Abort:
        return outcome.INTERRUPTED
    except KeyboardInterrupt:
        return outcome.INTERRUPTED
    except click.exceptions.Exit as ending:
        return ending.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except BadSetting as error:
        click.echo(f"Error: {error}", err=True)
        return outcome.USAGE
    except BrokenPipeError:
        # Whoever read our output has seen enough (`firebreak events tail | head`).
        sys.stderr.close()
        return outcome.OK


if __name__ == "__main__":
    main()
