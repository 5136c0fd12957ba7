"""docs/differences.md: where ours answers otherwise than the code that GitHub publishes, from the tests' own lists.

The differential tests fail on a difference that is not listed, and on one that is listed and has gone.
"""

from __future__ import annotations

from tests.differential import known, known_workflows

HEAD = """# Differences from GitHub's published code

`make differential` asks the npm packages `@actions/expressions` and `@actions/workflow-parser`, which GitHub's editor
extension runs, what they make of generated expressions and workflows, and compares. What runs workflows on GitHub (the
service and its runner) differs from these packages too; where that is known, Firebreak does what runs. Each difference
is here with its reason; one that is not fails the test. This page is made from the tests (`python -m tests.docs`).

"""
SHOWN_CHARACTERS = 40


def text() -> str:
    expressions = [_row(_code(each.example), each.reason) for each in known.KNOWN]
    workflows = [_row(each.name, _SIDES[each.side], each.reason) for each in known_workflows.KNOWN]
    parts: list[str] = [HEAD, "## Expressions\n\n", _row("for example", "why"), _row("---", "---"), *expressions]
    parts += ["\n## Workflow files\n\n", _row("what", "who complains", "why"), _row("---", "---", "---"), *workflows]
    return "".join(parts)


_SIDES = {"ours": "Firebreak alone", "theirs": "the package alone"}


def _code(expression: str) -> str:
    """Odd blanks as escapes; the end of a long one left out."""
    shown = expression[:SHOWN_CHARACTERS]
    if not shown.isprintable():
        shown = shown.encode("unicode_escape").decode()
    return f"`{shown}`" if len(expression) <= SHOWN_CHARACTERS else f"`{shown}` and so on"


def _row(*cells: str) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |\n"
