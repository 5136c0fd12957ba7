"""The learned limits on the documented made trace, by seeds of which none is chosen; and how long a backtest takes."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from services.learner.backtest.policies import BASELINE, OURS, POLICIES
from services.learner.backtest.replay import Outcome, replay
from services.learner.backtest.report import FLOOR_SECONDS, backtest
from services.learner.backtest.synthetic import endings
from tests.bench.figures import Figure
from tests.bench.limits import milliseconds_of

SEEDS = range(1, 5)
"""A replay by two rules takes a second each; that no seed of 200 misses the aims is in docs/backtest.md."""
RULES = (OURS, "tolerance", BASELINE)
"""With the strictest and the boldest of the others."""
FALSE_KILLS_AIM = 10.0
SAVED_AIM = 80.0
SECONDS_AIM = 5.0
WHOLE = "a backtest of 100,000 jobs by ten rules, processor"


async def measure(folder: Path) -> list[Figure]:
    seen = {seed: _replayed(seed) for seed in SEEDS}
    ours, strict, mean = ({seed: by[name] for seed, by in seen.items()} for name in RULES)
    worst = max(ours, key=lambda seed: ours[seed].false_kills_per_10k)
    least = min(ours, key=lambda seed: ours[seed].hang_saved_share)
    began = time.process_time()
    backtest(endings(SEEDS[0]), FLOOR_SECONDS * 1000)
    seconds = time.process_time() - began
    start = milliseconds_of([sys.executable, "-c", "import services.cli.commands.backtest"]) / 1000
    return [
        Figure(
            f"false kills in 10,000, the worst of {len(SEEDS)} seeds",
            ours[worst].false_kills_per_10k,
            "kills",
            "less",
            strict[worst].false_kills_per_10k,
            "the lognormal tolerance bound alone",
            FALSE_KILLS_AIM,
        ),
        Figure(
            f"time of hangs saved, the worst of {len(SEEDS)} seeds",
            ours[least].hang_saved_share * 100,
            "%",
            "more",
            mean[least].hang_saved_share * 100,
            "1.5 x the mean, with hundreds of false kills",
            SAVED_AIM,
        ),
        Figure(WHOLE, seconds, "s", "less", start, "loading the command", SECONDS_AIM),
    ]


def _replayed(seed: int) -> dict[str, Outcome]:
    trace = endings(seed)
    return {name: replay(trace, POLICIES[name], FLOOR_SECONDS * 1000) for name in RULES}
