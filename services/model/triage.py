"""Why a step failed: by the agent's rules where they said so, else in a model's words about lines that were found
without it. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from msgspec import Struct

from libs.contracts.attempt import FailureCategory
from libs.contracts.ids import JobKey
from libs.contracts.model import ModelFailed, ModelFailure, TriageGiven
from libs.contracts.plan import Trust
from libs.failures.candidates import CANDIDATES, Candidate, candidates
from services.model.answers import TriageAnswer
from services.model.prompts import triage_question
from services.model.question import Malformed, Question, read_answer
from services.model.validation import hands_to_a_shell, hidden

RULE_LINES = 4
"""Lines that are shown where rules said why."""
WHY_CHARACTERS = 500
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+")


class FailedStep(Struct, frozen=True):
    """A failed step of an attempt that is over. `first` is the number of its first line in the attempt's log."""

    run_attempt: int
    job: JobKey
    n: int
    step: int
    name: str
    exit_code: int | None
    category: FailureCategory
    trust: Trust
    first: int = 0

    @property
    def key(self) -> tuple[int, JobKey, int, int]:
        return self.run_attempt, self.job, self.n, self.step


def by_rules(step: FailedStep, lines: Sequence[str]) -> TriageGiven | None:
    """None where no rule says anything: then a model may."""
    if not step.category:
        return None
    cited = candidates(lines, RULE_LINES)
    return _given(step, step.category, tuple(step.first + each.line for each in cited))


def question_about(step: FailedStep, lines: Sequence[str], tokens: int) -> tuple[Question, Sequence[Candidate]]:
    """The question and the lines that may be chosen: as many as `tokens` allow, an estimate; none where there is
    nothing to choose among."""
    for most in range(CANDIDATES, 0, -1):
        found = candidates(lines, most)
        question = triage_question(step.name[:200], step.exit_code, [each.text for each in found])
        if question.tokens <= tokens or most == 1:
            return question, found
    raise AssertionError


def triage_of(
    step: FailedStep, chosen_among: Sequence[Candidate], answer: str, model: str
) -> TriageGiven | ModelFailed:
    """Whatever the answer says, it is shown as a model's words and decides nothing."""
    try:
        said = read_answer(TriageAnswer, answer)
    except Malformed as error:
        return failed(step, model, "malformed", str(error))
    if any(not 1 <= number <= len(chosen_among) for number in said.lines):
        return failed(step, model, "refused", f"it cites a line that is none of the {len(chosen_among)} candidates")
    summary = " ".join(said.summary.split())
    if hidden(summary, lines=False):
        return failed(step, model, "refused", "its summary holds characters that do not show")
    if hands_to_a_shell(summary):
        return failed(step, model, "refused", "its summary tells people to hand a download to a shell")
    cited = tuple(step.first + chosen_among[number - 1].line for number in dict.fromkeys(said.lines))
    two = " ".join(_SENTENCE_END.split(summary)[:2])
    return TriageGiven(
        step.run_attempt, step.job, step.n, step.step, step.name, said.category, "model", cited, two, model
    )


def failed(step: FailedStep, model: str, kind: ModelFailure, why: str) -> ModelFailed:
    return ModelFailed(
        "triage",
        kind,
        why[:WHY_CHARACTERS],
        model,
        step.name[:200],
        run_attempt=step.run_attempt,
        job=step.job,
        n=step.n,
        step=step.step,
    )


def _given(step: FailedStep, category: FailureCategory, lines: tuple[int, ...]) -> TriageGiven:
    assert category
    return TriageGiven(step.run_attempt, step.job, step.n, step.step, step.name, category, "rules", lines)
