"""From a need and what a model answered to a proposal, or to why there is none. Pure but for the syntax check, which is
handed in.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable

from msgspec.structs import replace

from libs.contracts.ids import JobKey
from libs.contracts.model import ModelFailed, ModelFailure, ProposalMade, ProposalPlace, ProposedStep
from services.model.answers import LabelAnswer, ProposalAnswer
from services.model.needs import Need
from services.model.original import original_of
from services.model.prompts import PROMPT, proposal_question
from services.model.question import Malformed, content_hash, read_answer
from services.model.validation import problems

PLACES = 20
"""Of one proposal: a workflow that says the same more often is told so at the first ones."""
ASKED_CHARACTERS = 4000
WHY_CHARACTERS = 500

SyntaxCheck = Callable[[str], Awaitable[str]]
"""Why bash does not take a script, empty where it does."""


def proposal_id(need: Need, model: str) -> str:
    """The hash of what is asked and of what the answer may name: the same content asks once."""
    known = original_of(need.original)
    return content_hash(proposal_question(need), model, PROMPT, known.expressions, known.hosts, known.secrets)


async def proposal_of(
    need: Need, model: str, repository: str, answer: str, check: SyntaxCheck
) -> ProposalMade | ModelFailed:
    """Every rule is applied; the first three that it breaks are told."""
    try:
        said = read_answer(LabelAnswer if need.about == "runs-on" else ProposalAnswer, answer)
    except Malformed as error:
        return failed(need, model, "malformed", str(error))
    steps = tuple(ProposedStep(step.name, step.run) for step in said.steps)
    label = said.runs_on if isinstance(said, LabelAnswer) else ""
    wrong = [*_wrong_label(need, label), *problems(steps, said.gaps, original_of(need.original))]
    wrong += await _wrong_syntax(steps, check)
    if wrong:
        return failed(need, model, "refused", "; ".join(wrong[:3]))
    return ProposalMade(
        id=proposal_id(need, model),
        about=need.about,
        subject=need.subject,
        places=(need.place,),
        steps=steps,
        model=model,
        repository=repository,
        gaps=said.gaps,
        runs_on=label,
        asked=need.asked[:ASKED_CHARACTERS],
        trust=need.trust,
        prompt=PROMPT,
    )


def failed(need: Need, model: str, kind: ModelFailure, why: str) -> ModelFailed:
    about = f"{need.about} {need.subject}"
    return ModelFailed("proposal", kind, why[:WHY_CHARACTERS], model, about, job=JobKey(need.place.job))


def at_another_place(made: ProposalMade, place: ProposalPlace) -> ProposalMade | None:
    """The same proposal, told of one more place; None where it is known there, or at enough places."""
    known = {(each.path, each.job, each.step, each.line if each.step is None else 0) for each in made.places}
    if (place.path, place.job, place.step, place.line if place.step is None else 0) in known:
        return None
    return replace(made, places=(*made.places, place)) if len(made.places) < PLACES else None


def _wrong_label(need: Need, label: str) -> list[str]:
    if need.about == "runs-on" and label not in need.labels:
        return [f"it chooses the label {label!r}, which no host offers"]
    return []


async def _wrong_syntax(steps: Iterable[ProposedStep], check: SyntaxCheck) -> list[str]:
    found = [(number, await check(step.run)) for number, step in enumerate(steps, 1)]
    return [f"step {number} is no bash: {why}" for number, why in found if why]
