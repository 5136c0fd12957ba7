"""From deliveries to plans.

*Consumes:* DELIVERIES (`raw.delivery.*`), COMMANDS (`cmd.trigger.*`); git repositories.
*Emits:* on `ev.intake.<cause>` `WorkflowRejected` and one of `DeliveryIgnored`, `RunsPlanned`, `IntakeFailed`; on
`ev.workflow.<repository>.<path>` `RunNumbered`; on `ev.run.<owner>.<repo>.<run_id>` the first event, `RunPlanned`.
*Owns:* the intakes, the run numbers, the mirrors.
"""

from __future__ import annotations

from datetime import UTC, datetime

from libs import process
from libs.contracts.plan import Plan
from libs.contracts.subjects import SETTINGS
from libs.github.mirror import open_mirrors
from libs.process import Process
from libs.repositories import Repositories
from libs.vault.variables import Variables
from services.parser.context import addresses
from services.parser.declarations import Declarations
from services.parser.deliveries import Parser
from services.parser.intake import Adjust, Intake
from services.parser.metrics import Uncounted, counts
from services.parser.numbers import Numbers


async def serve(process: Process) -> None:
    mirrors = open_mirrors(process.settings)
    try:
        await parser(process, mirrors).run()
    finally:
        await mirrors.close()


def parser(
    process: Process,
    repositories: Repositories,
    *,
    vars: dict[str, str] | None = None,
    adjust: Adjust | None = None,
    local: bool = False,
) -> Parser:
    """A parser over any repositories. `vars` is the context of that name, `adjust` what a local run does to a plan;
    `local` lets in events that GitHub sends to nobody, such as a schedule.
    """
    intake = Intake(
        repositories=repositories,
        numbers=Numbers(process.bus),
        where=addresses(process.settings.github_api_url),
        vars=vars or {},
        adjust=adjust or _as_it_is,
        declarations=None if local else Declarations(process.bus),
        variables=None if local else Variables(process.bus.key_value(SETTINGS)),
    )
    counted = Uncounted() if process.settings.metrics_port is None else counts(process.metrics)
    return Parser(process.bus, process.blobs, intake, counted, lambda: datetime.now(UTC), local)


def _as_it_is(plan: Plan) -> Plan:
    return plan


def main() -> None:
    process.main("parser", serve)


if __name__ == "__main__":
    main()
