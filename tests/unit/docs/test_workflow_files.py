"""docs/workflow-files.md says the limits that the code has."""

from __future__ import annotations

import re
from pathlib import Path

from libs.workflow.inputs import inputs_per_workflow
from libs.workflow.matrix import combinations
from libs.workflow.problems import problems_in_file
from libs.workflow.reading.concurrency import group_characters
from libs.workflow.reading.identifiers import identifier_characters
from libs.workflow.reading.step import run_characters
from libs.workflow.reading.steps import steps_in_job
from libs.workflow.reading.workflow import jobs_in_workflow
from libs.workflow.source import expanded_nodes, nesting_levels, workflow_bytes

page = Path(__file__).parents[3] / "docs" / "workflow-files.md"


def test_the_limits_are_those_of_the_code() -> None:
    found = re.findall(r"^\| .* \| ([0-9,]+)(?: bytes)? \|$", page.read_text(), re.MULTILINE)
    written = [int(number.replace(",", "")) for number in found]

    assert written == [
        workflow_bytes,
        nesting_levels,
        expanded_nodes,
        jobs_in_workflow,
        steps_in_job,
        combinations,
        inputs_per_workflow,
        run_characters,
        group_characters,
        identifier_characters,
        problems_in_file,
    ]
