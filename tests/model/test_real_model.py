"""What a real small model answers through the service's own asking: figures, and what must hold of any of them.

Enforced schemas hold, failures are of a known kind, cited lines exist, nothing that is carried over changes, nothing is
executed. How good the answers are is printed, not asserted, but for a floor under the categories: a person has to read
a proposal, and of those of this size few can be used.
"""

from __future__ import annotations

import time

import pytest

from libs.contracts.model import ModelFailed, TriageGiven
from libs.workflow.lint import lint
from services.model import triage
from services.model.answers import ProposalAnswer
from services.model.asking import Asking
from services.model.drafting import filling, finding
from services.model.drafting.draft import SourceFile
from services.model.drafting.writing import workflow_text
from services.model.llm.wire import Said, Silent
from services.model.prompts import proposal_question
from services.model.proposing import proposal_of
from services.model.question import Question, read_answer
from services.model.shell_syntax import syntax_error
from services.model.triage import FailedStep
from tests.model.cases import ACTIONS, FAILURES, FILES, need
from tests.model.conftest import WHICH
from tests.model.table import Table

pytestmark = [pytest.mark.timeout(3600), pytest.mark.asyncio(loop_scope="session")]
RIGHT = {"0.5b": 6, "1.5b": 7}
"""Categories of ten, at least: what was measured of these models, less two."""
TOKENS = 2048


async def answer_of(asking: Asking, question: Question, seconds: list[float]) -> str | None:
    """None where the answer was cut, which is a failure of a known kind; every other one ends the test."""
    begun = time.monotonic()
    reply = await asking.ask(question)
    seconds.append(time.monotonic() - begun)
    match reply:
        case Said(content=content):
            return content
        case Silent(kind="cut"):
            return None
        case Silent(kind=kind, why=why):
            pytest.fail(f"{kind}: {why}")


async def test_proposals(asking: Asking, table: Table) -> None:
    seconds: list[float] = []
    whole = bash = made = 0
    for uses, inputs in ACTIONS:
        wanted = need(uses, inputs)
        answer = await answer_of(asking, proposal_question(wanted), seconds)
        if answer is None:
            continue
        said = read_answer(ProposalAnswer, answer)
        whole += 1
        bash += all([not await syntax_error(step.run) for step in said.steps])
        made += not isinstance(await proposal_of(wanted, asking.model, "octo/shop", answer, syntax_error), ModelFailed)
    table.count("proposals: of the schema (the others were cut)", whole, len(ACTIONS))
    table.count("proposals: every step is bash (`bash -n`)", bash, len(ACTIONS))
    table.count("proposals: pass every rule, and would be shown", made, len(ACTIONS))
    table.latency("proposals", seconds)
    assert whole > 0


async def test_triage(asking: Asking, table: Table) -> None:
    seconds: list[float] = []
    whole = right = hit = 0
    for case in FAILURES:
        step = FailedStep(1, "test", 1, 0, "Run the step", 1, "", "own")  # type: ignore[arg-type]
        question, chosen = triage.question_about(step, case.lines, TOKENS)
        answer = await answer_of(asking, question, seconds)
        if answer is None:
            continue
        given = triage.triage_of(step, chosen, answer, asking.model)
        if isinstance(given, ModelFailed):
            assert given.kind == "refused", given.why
            continue
        assert isinstance(given, TriageGiven)
        assert all(0 <= line < len(case.lines) for line in given.lines), "it cites lines that there are"
        whole += 1
        right += given.category in (case.category, *case.also)
        hit += case.cause in given.lines
    table.count("triage: of the schema, lines within range", whole, len(FAILURES))
    table.count("triage: the category is right", right, len(FAILURES))
    table.count("triage: the cited lines hold the cause", hit, len(FAILURES))
    table.latency("triage", seconds)
    assert right >= RIGHT[WHICH], f"{right} categories of {len(FAILURES)} are right"


async def test_drafts(asking: Asking, table: Table) -> None:
    seconds: list[float] = []
    whole = filled = words = 0
    for path, text in FILES:
        file = SourceFile(path, text)
        draft = finding.draft_of({path: file}, path)
        before = workflow_text(draft)
        question, _ = filling.question_of(draft, [file], TOKENS)
        answer = await answer_of(asking, question, seconds)
        assert workflow_text(finding.draft_of({path: file}, path)) == before
        if answer is None:
            continue
        read_answer(filling.FillAnswer, answer)
        whole += 1
        try:
            done = await filling.filled(draft, [file], answer, syntax_error)
        except filling.Refused:
            continue
        own = [[step for step in job.steps if step.by != "model"] for job in done.jobs]
        assert own == [list(job.steps) for job in draft.jobs], "what was carried over stays as it is"
        assert not [each for each in lint("ci.yml", workflow_text(done, "m").encode()) if each.severity == "error"]
        filled += 1
        words += sum(step.by == "model" for job in done.jobs for step in job.steps)
    table.count("drafts: of the schema", whole, len(FILES))
    table.count("drafts: filled, and valid workflows", filled, len(FILES))
    table.rows.append(("drafts: steps in the model's words", str(words)))
    table.latency("drafts", seconds)
    assert whole > 0
