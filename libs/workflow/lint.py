"""What is wrong with a workflow file: the one question that `firebreak lint`, and whoever checks before a push, asks.

Nothing but reading: what the parser would refuse is what this reports, by the same code. No I/O.
"""

from libs.workflow.problems import Problem
from libs.workflow.reading.workflow import read_workflow


def lint(file: str, content: bytes) -> list[Problem]:
    """All errors and warnings of a file, in the order of its lines; ``file`` is how they call it."""
    return list(read_workflow(file, content).problems)
