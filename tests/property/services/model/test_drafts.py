"""Whatever the texts of a draft and the files that it is made of are: what is written is valid and says these texts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.model.drafting.draft import CHECKOUT, Draft, Gap, Job, SourceFile, Step, kept
from services.model.drafting.finding import READERS, draft_of
from services.model.drafting.writing import workflow_text
from tests.unit.services.model.drafting.drafting import written

TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), min_size=1, max_size=60)
SCRIPT = st.lists(
    st.sampled_from(["x", " ", "\n", "\t", "#", ":", "- ", "'", '"', "\\", "|", "{", "$", "é", "\U0001f600", "&", "*"]),
    min_size=1,
    max_size=12,
).map("".join)


@given(st.lists(st.tuples(TEXT, TEXT | SCRIPT), min_size=1, max_size=5), st.lists(TEXT, max_size=3))
def test_what_is_written_says_these_texts(steps: list[tuple[str, str]], gaps: list[str]) -> None:
    sound = [(name, run) for name, run in steps if not kept(run) and run.strip() and name.strip()]
    job = Job("build", (CHECKOUT, *(Step(name, run) for name, run in sound)))
    workflow = written(Draft("Makefile", (job,), tuple(Gap(gap) for gap in gaps)))
    (read,) = workflow.jobs
    said = [step.run for step in read.steps if step.run is not None]
    assert [str(run).removesuffix("\n") for run in said] == [run.removesuffix("\n") for _, run in sound]


FRAGMENTS = st.sampled_from(
    [
        *(
            "script",
            ":",
            " ",
            "\n",
            "  ",
            "- ",
            "[",
            "]",
            "{",
            "}",
            "stage",
            "test",
            "needs",
            "extends",
            ".a",
            "&a",
            "*a",
        ),
        *("<<", "!reference", "when", "manual", "image", "variables", "'", '"', "'''", "sh", "steps", "post", "env"),
        *("secure", "language", "python", "3.8", "${{ x }}", "$CI_JOB", "A=1", "make", "\t", "#", "//", "/*", "="),
    ]
)


@pytest.mark.parametrize("name", READERS)
@given(st.lists(FRAGMENTS, max_size=60).map("".join))
def test_any_file_gives_a_valid_draft_or_none(name: str, text: str) -> None:
    draft = draft_of({name: SourceFile(name, text)}, name)
    if draft.jobs:
        written(draft)
    assert workflow_text(draft)
