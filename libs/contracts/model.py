"""What a language model proposed, and what became of asking it: `ev.model.<repository_id>.<content hash or run_id>`.

Written by the model's service alone. Nothing that decides reads these: they are shown to people, as a model's words.
What is asked about the same content is asked once, for its last `ProposalMade` is the cache.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from libs.contracts.ids import CommandId, JobKey, RunId
from libs.contracts.plan import Trust

ProposalAbout = Literal["uses", "runs-on", "rejected"]
"""An action that the engine does not know or cannot get, a label that no host offers, a key that was refused."""
TriageCategory = Literal[
    "signal",
    "out of memory",
    "disk full",
    "time limit",
    "network",
    "test failure",
    "compile error",
    "style",
    "dependency",
    "configuration",
    "permission",
    "unknown",
]
"""The first five are the agent's rules (`FailureCategory`); a model chooses among all."""
ModelTask = Literal["proposal", "triage"]
ModelFailure = Literal[
    "down", "slow", "malformed", "cut", "refused", "open circuit", "too large", "not allowed", "crowded"
]
"""Why there is no answer that may be shown.

`down`: it cannot be reached, or answers with an error. `slow`: not within the deadline. `malformed`: no JSON of the
schema. `cut`: it ended at the bound on tokens. `refused`: what it says is not admissible (`why` says which rule).
`open circuit`: it failed so often that it is left alone for a while. `too large`: more than is ever asked or read.
`not allowed`: text of strangers, and nobody opted into sending it. `crowded`: more is waiting than is ever kept.
"""


class ProposalPlace(msgspec.Struct, frozen=True):
    """Where in a workflow file it stands; `step` is its index in the job. Of what was refused `line` is all there is.

    `run_id` is the run that came to it, None where the file was rejected.
    """

    path: str
    sha: str
    job: str = ""
    step: int | None = None
    line: int = 0
    run_id: RunId | None = None


class ProposedStep(msgspec.Struct, frozen=True):
    """A shell step that might stand in the place of what cannot run."""

    name: str
    run: str


class ProposalMade(msgspec.Struct, frozen=True, tag="ProposalMade"):
    """A model's answer that passed every rule of validation; nothing of it runs unless a person commits it.

    `id` is the SHA-256 of what was asked (with the prompt's version, the schema and the model), `subject` what cannot
    run (`owner/name@ref`, the labels, the problem's message), `asked` that piece of the workflow. `gaps` is what the
    steps leave out, `runs_on` one of the labels that hosts do offer. The same content at another place is the same
    proposal, told again with more `places`, and nobody is asked.
    """

    id: str
    about: ProposalAbout
    subject: str
    places: tuple[ProposalPlace, ...]
    steps: tuple[ProposedStep, ...]
    model: str
    repository: str = ""
    gaps: tuple[str, ...] = ()
    runs_on: str = ""
    asked: str = ""
    trust: Trust = "fork"
    prompt: int = 1


class ProposalAccepted(msgspec.Struct, frozen=True, tag="ProposalAccepted"):
    """Somebody had a patch made of it; whether it was ever committed is not known here."""

    id: str
    command: CommandId
    by: str
    path: str = ""


class TriageGiven(msgspec.Struct, frozen=True, tag="TriageGiven"):
    """Why a step failed, by rules or in a model's words. `lines` are numbers in the attempt's log, from 0.

    `summary` is plain text of at most two sentences, and nobody vouches for it; by rules it is empty.
    """

    run_attempt: int
    job: JobKey
    n: int
    step: int
    name: str
    category: TriageCategory
    by: Literal["rules", "model"]
    lines: tuple[int, ...] = ()
    summary: str = ""
    model: str = ""


class ModelFailed(msgspec.Struct, frozen=True, tag="ModelFailed"):
    """There is no answer, and nothing else happens because of it. `about` is what was asked about, in words."""

    what: ModelTask
    kind: ModelFailure
    why: str
    model: str = ""
    about: str = ""
    run_attempt: int = 0
    job: JobKey = JobKey("")
    n: int = 0
    step: int | None = None


ModelEvent = ProposalMade | ProposalAccepted | TriageGiven | ModelFailed
