"""Advice in words, each piece a sentence with its evidence, and what became of it. Pure."""

from __future__ import annotations

from libs.contracts.advice import (
    Advice,
    AdviceMeasured,
    CacheAdvice,
    DurationAdvice,
    FlakyAdvice,
    PoolAdvice,
    TimeoutAdvice,
)
from libs.contracts.run import TimeoutAdjusted
from libs.views.listing import counted
from libs.views.words import Quote, duration


def sentence(advice: Advice, quote: Quote) -> str:
    match advice:
        case TimeoutAdvice():
            return _timeout(advice, quote)
        case DurationAdvice():
            failed = "; it failed the last time, so it goes first" if advice.failed_lately else ""
            took = duration(advice.expected_ms)
            return f"{quote(advice.name)} usually takes {took} (median of {counted(advice.n, 'run')}){failed}"
        case FlakyAdvice():
            return _flaky(advice, quote)
        case CacheAdvice():
            return _cache(advice, quote)
        case PoolAdvice():
            size = f" of {advice.size}" if advice.size is not None else ""
            whose = "for forks" if advice.trust == "fork" else "for the own repositories"
            return (
                f"host {quote(advice.host)}: {counted(advice.target, 'machine')}{size} ready {whose}"
                f" ({advice.rate_per_hour:.1f} jobs an hour, dispersion {advice.dispersion:.1f})"
            )


def _timeout(advice: TimeoutAdvice, quote: Quote) -> str:
    longest = f"longest of {counted(advice.n, 'success', 'successes')} {duration(advice.longest_ms)}"
    kills = f"; doubled after it ended {counted(advice.kills, 'job')}" if advice.kills else ""
    return f"{quote(advice.name)} fits into {duration(advice.limit_ms)} ({longest}{kills})"


def _flaky(advice: FlakyAdvice, quote: Quote) -> str:
    what = f"step {quote(advice.step)} of {quote(advice.name)}" if advice.step else quote(advice.name)
    word = "is flaky" if advice.state == "flaky" else "may be flaky"
    at = counted(len(advice.commits), "commit")
    return f"{what} {word}: it passed and failed at {at} (at least {advice.lower_bound:.1%} of the time)"


def _cache(advice: CacheAdvice, quote: Quote) -> str:
    return (
        f"step {quote(advice.step)} of {quote(advice.name)} takes {duration(advice.install_ms)} and installs what"
        f" {quote(advice.lockfile)} fixes: {quote(advice.action)} with the path {quote(advice.cached)} and the key"
        f" {quote(advice.key)} would save about {duration(advice.saving_ms)} a run"
    )


def limited(adjusted: TimeoutAdjusted) -> str:
    """`had a time limit of 7 min 00 s instead of 6 h 00 min: the longest of 41 successes took 3 min 10 s`."""
    why = adjusted.evidence
    longest = f"the longest of {counted(why.n, 'success', 'successes')} took {duration(why.longest_ms)}"
    kills = f", doubled after it ended {counted(why.kills, 'job')}" if why.kills else ""
    return f"had a time limit of {duration(adjusted.to_ms)} instead of {duration(adjusted.from_ms)}: {longest}{kills}"


def became(measured: AdviceMeasured) -> str:
    """What became of a piece; empty where nothing was seen yet."""
    if not measured.seen:
        return ""
    match measured.kind:
        case "timeout":
            return _became_limit(measured)
        case "duration":
            error = "" if measured.error_ms is None else f", half of them within {duration(measured.error_ms)}"
            return f"right for {measured.right} of {counted(measured.seen, 'job')}{error}"
        case "flaky":
            return f"run again {counted(measured.applied, 'time')}: passed {measured.right}, failed {measured.wrong}"
        case "cache":
            saved = f", {duration(measured.saved_ms)} saved so far" if measured.saved_ms else ""
            return f"a cache is there now{saved}" if measured.right else "no cache yet"
        case "pool":
            return f"{measured.right} of {counted(measured.seen, 'job')} found a machine ready"


def _became_limit(measured: AdviceMeasured) -> str:
    mode = (
        f"applied to {counted(measured.applied, 'job')}: it ended"
        if measured.applied
        else "shadow: it would have ended"
    )
    saved = f", {duration(measured.saved_ms)} of machines saved" if measured.saved_ms else ""
    successes = counted(measured.wrong, "success", "successes")
    return f"{mode} {counted(measured.right, 'hang')} and {successes} of {counted(measured.seen, 'job')}{saved}"
