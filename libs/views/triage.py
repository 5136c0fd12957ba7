"""Why a step failed, as rules or a model say. Pure. A model's words are always shown as a model's words."""

from __future__ import annotations

from libs.contracts.model import TriageGiven
from libs.views.listing import listed
from libs.views.words import Quote

CATEGORY_WORDS = {
    "signal": "it was ended by a signal",
    "out of memory": "it ran out of memory",
    "disk full": "the disk was full",
    "time limit": "it was over its time limit",
    "network": "the network, or a server behind it, failed",
}
"""What rules without a doubt say (`FailureCategory`)."""


def category_words(category: str) -> str:
    """Empty where the rules say nothing."""
    return CATEGORY_WORDS.get(category, "")


def model_words(triage: TriageGiven, quote: Quote) -> str:
    """`a model (gemma3:4b) guesses "test failure" from lines 12 and 14: <its words>`; empty for one by rules."""
    if triage.by != "model":
        return ""
    lines = [str(number) for number in triage.lines]
    where = f" from line{'s' if len(lines) > 1 else ''} {listed(lines)}" if lines else ""
    said = f": {quote(triage.summary)}" if triage.summary else ""
    return f"a model ({quote(triage.model)}) guesses {quote(triage.category)}{where}{said}"
