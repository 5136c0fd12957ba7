"""`make bench`: one table of figures, each beside its limit measured in the same run.

python -m tests.bench [--json] [PART ...]
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from tests.bench import (
    backtesting,
    evaluating,
    intake,
    learner_replay,
    local_run,
    masking,
    queries,
    reading,
    restore,
    whole,
)
from tests.bench.figures import Figure
from tests.bench.table import Report, markdown, report

PARTS: dict[str, Callable[[Path], Awaitable[list[Figure]]]] = {
    "reading": reading.measure,
    "expressions": evaluating.measure,
    "masking": masking.measure,
    "backtest": backtesting.measure,
    "run": local_run.measure,
    "intake": intake.measure,
    "whole": whole.measure,
    "replay": learner_replay.measure,
    "restore": restore.measure,
    "queries": queries.measure,
}
PART_SECONDS = 130.0
"""One part on a busy machine. On a quiet one two take some fifteen seconds each, and the boots of `restore` eighty."""
TOTAL_SECONDS = 330.0


async def bench(parts: list[str]) -> Report:
    """What could not be measured is said, and costs the other figures nothing."""
    figures: list[Figure] = []
    failed: dict[str, str] = {}
    began = time.perf_counter()
    for part in parts:
        left = TOTAL_SECONDS - (time.perf_counter() - began)
        with tempfile.TemporaryDirectory(prefix="firebreak-bench-", ignore_cleanup_errors=True) as folder:
            try:
                async with asyncio.timeout(min(left, PART_SECONDS)):
                    figures += await PARTS[part](Path(folder))
            except Exception as error:
                failed[part] = f"{type(error).__name__}: {error}"
    now = datetime.now(UTC).isoformat(timespec="minutes")
    return report(machine(), now, time.perf_counter() - began, figures, failed)


def machine() -> str:
    """Which machine this is, as far as the figures depend on it."""
    processors = os.cpu_count() or 1
    load = os.getloadavg()[0]
    return (
        f"{_processor()}, {processors} processors, {platform.system()} {platform.release()}, "
        f"Python {platform.python_version()}, load {load:.1f} at the end"
    )


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def main() -> None:
    """Exits 1 where a part could not be measured; a target that is not reached is told, and is no error."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"only these: {', '.join(PARTS)}")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of the table")
    arguments = parser.parse_args()
    unknown = [part for part in arguments.parts if part not in PARTS]
    if unknown:
        parser.error(f"{unknown[0]} is no part; there are {', '.join(PARTS)}")
    made = asyncio.run(bench(arguments.parts or list(PARTS)))
    shown = msgspec.json.format(msgspec.json.encode(made), indent=2).decode() if arguments.json else markdown(made)
    sys.stdout.write(shown + "\n")
    sys.exit(1 if made.failed else 0)


if __name__ == "__main__":
    main()
