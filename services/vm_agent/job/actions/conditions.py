"""`pre-if` and `post-if` of an action: conditions that no `success()` is added to, unlike those of steps."""

from __future__ import annotations

from libs.workflow.expressions import has_literal_text, parse_template


def as_it_stands(condition: str) -> str:
    """The same condition as a step's `if` that means exactly this."""
    if has_literal_text(condition):
        return condition
    sole = parse_template(condition.strip()).sole
    return f"always() && ({sole.source if sole is not None else condition})"
