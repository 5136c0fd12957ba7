"""What the tests of each reader need: a draft of a text, its workflow, read back by the language's own reader."""

from __future__ import annotations

from libs.workflow.lint import lint
from libs.workflow.model import Workflow
from libs.workflow.reading.workflow import read_workflow
from services.model.drafting.draft import Draft, SourceFile
from services.model.drafting.finding import draft_of
from services.model.drafting.writing import workflow_text

PATH = ".github/workflows/ci.yml"


def drafted(name: str, text: str) -> Draft:
    """From a file of this name; what is written of it is a valid workflow, or there is nothing to write."""
    files = {name: SourceFile(name, text)}
    draft = draft_of(files, name)
    if draft.jobs:
        written(draft)
    return draft


def written(draft: Draft) -> Workflow:
    text = workflow_text(draft).encode()
    errors = [problem.render() for problem in lint(PATH, text) if problem.severity == "error"]
    assert not errors, f"{errors}\n{text.decode()}"
    workflow = read_workflow(PATH, text).workflow
    assert workflow is not None
    return workflow


def runs(draft: Draft) -> dict[str, list[str]]:
    """Job -> what its steps run."""
    return {job.id: [step.run for step in job.steps if step.run] for job in draft.jobs}


def gaps(draft: Draft) -> list[str]:
    return [f"{gap.line}: {gap.text}" for gap in draft.gaps]
