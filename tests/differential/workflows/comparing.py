"""One workflow through ours and GitHub's parser: whether both take it, and where both refuse it, at the same lines."""

from __future__ import annotations

import msgspec

from libs.workflow.problems import Problem
from libs.workflow.reading.workflow import read_workflow
from tests.differential.known_workflows import ours_that_count, theirs_that_count
from tests.differential.oracle import Complaint, Oracle

of_expressions = ("Unrecognized", "Unexpected symbol")
unread = ("an expression as a key", "the control character")  # Ours leaves out what stands below or behind it.


class Judgement(msgspec.Struct, frozen=True):
    text: str
    ours: list[Problem]
    theirs: list[Complaint]

    @property
    def counts(self) -> str:
        """In a word, what became of it."""
        if not self.ours and not self.theirs:
            return "both accept"
        if self.ours and self.theirs:
            return "both refuse"
        return "known"

    def differs(self) -> bool:
        """One side alone says something that no known reason explains; or both refuse, and not for the same line."""
        if bool(self.ours) == bool(self.theirs) and (not self.ours or self._same_lines()):
            return False
        ours, theirs = ours_that_count(self.ours), theirs_that_count(self.theirs)
        if any(found.message.startswith(unread) for found in self.ours):
            return False
        return bool(theirs) or bool(ours and not self.theirs)

    def told(self) -> str:
        said = [f"    ours:     {found.line}:{found.column} {found.message}" for found in self.ours]
        said += [f"    GitHub's: {found.line}:{found.column} {found.message}" for found in self.theirs]
        return "\n".join((self.text, *said))

    def _same_lines(self) -> bool:
        """A complaint without a place may stand anywhere; of an expression in quotes, GitHub tells the next line."""
        lines = {found.line for found in self.ours}
        return any(
            not found.line
            or found.line in lines
            or (found.message.startswith(of_expressions) and found.line - 1 in lines)
            for found in self.theirs
        )


def judge(oracle: Oracle, text: str) -> Judgement:
    """Raises OracleCrash."""
    problems = read_workflow("ci.yml", text.encode("utf-8", "surrogatepass")).problems
    errors = [problem for problem in problems if problem.severity == "error"]
    return Judgement(text, errors, oracle.parse_workflow(text))
