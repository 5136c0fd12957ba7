"""What a model may answer, as structs: each text and each list has a bound, or an answer need not end."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from libs.contracts.model import TriageCategory

STEPS = 5
PROPOSAL_TOKENS = 1800
"""Five steps and four gaps at their bounds are 3,300 characters: at two characters a token, this holds them."""
TRIAGE_TOKENS = 400
CITED_LINES = 4

Name = Annotated[str, Meta(min_length=1, max_length=60)]
Script = Annotated[str, Meta(min_length=1, max_length=500)]
Gap = Annotated[str, Meta(min_length=1, max_length=120)]
Label = Annotated[str, Meta(max_length=100)]


class AnsweredStep(Struct, frozen=True, forbid_unknown_fields=True):
    name: Name
    run: Script


class ProposalAnswer(Struct, frozen=True, forbid_unknown_fields=True):
    """For an action, and for a key that was refused."""

    steps: Annotated[tuple[AnsweredStep, ...], Meta(min_length=1, max_length=STEPS)]
    gaps: Annotated[tuple[Gap, ...], Meta(max_length=4)]


class LabelAnswer(Struct, frozen=True, forbid_unknown_fields=True):
    """For a label that no host offers: one that is offered, and what to do before the job's own steps, if anything."""

    runs_on: Label
    steps: Annotated[tuple[AnsweredStep, ...], Meta(max_length=STEPS)]
    gaps: Annotated[tuple[Gap, ...], Meta(max_length=4)]


class TriageAnswer(Struct, frozen=True, forbid_unknown_fields=True):
    """`lines` are numbers of the candidates that were shown."""

    category: TriageCategory
    lines: Annotated[tuple[int, ...], Meta(min_length=1, max_length=CITED_LINES)]
    summary: Annotated[str, Meta(min_length=1, max_length=240)]
