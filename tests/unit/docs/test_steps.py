"""docs/steps.md names the bounds that the code has."""

from pathlib import Path

import pytest

from libs.failures import commands, fingerprint
from libs.workflow.runner import artifacts, files, masking
from libs.workflow.runner.commands import CommandReader
from libs.workflow.runner.matchers import configuration, matching
from services.vm_agent.job import answers
from services.vm_agent.log import cutting, job_log, said, step_output, tail
from services.vm_agent.log.matching import __main__ as matching_process

PAGE = (Path(__file__).parents[3] / "docs" / "steps.md").read_text()
MIB = 1024 * 1024

BOUNDS = {
    f"| the log of an attempt | {job_log.LOG_LINES:,} lines, {job_log.LOG_CHARACTERS // MIB} MiB |",
    f"its last {tail.TAIL_LINES} lines",
    f"the last {step_output.TAIL_LINES} lines that it printed",
    f"that line, {fingerprint.SAID_CHARACTERS} characters at most",
    f"`pytest`), {commands.COMMAND_CHARACTERS} characters at most",
    f"| a line | {cutting.LINE_BYTES // MIB} MiB |",
    f"| a runner file | {files.RUNNER_FILE_BYTES // MIB} MiB, {files.ENTRIES:,} entries |",
    f"| what a step sets by commands | {said.SAID_CHARACTERS // MIB} MiB |",
    f"| what the steps of a job set, in all | {answers.JOB_CHARACTERS // MIB} MiB |",
    f"| a summary | {files.SUMMARY_BYTES // MIB} MiB |",
    f"| annotations | {said.ANNOTATIONS_A_LEVEL} a level and step, {said.ANNOTATION_CHARACTERS:,} characters each |",
    f"| what a job adds by `add-mask` | {masking.ADDED_LINES:,} lines, {masking.ADDED_CHARACTERS // 1024} KiB |",
    f"| problem matchers | {matching.MATCHERS} a job, {matching.PATTERNS} patterns each, "
    f"{configuration.MATCHERS_BYTES // MIB} MiB a file |",
    f"| declared artifacts | {artifacts.JOB_ARTIFACTS} a job, {artifacts.ARTIFACTS_BYTES // MIB} MiB a file |",
    f"after {matching_process.JOB_SECONDS:.0f} s of\ncomputing",
    f"with {matching_process.MEMORY_BYTES // MIB} MiB of memory",
    f"lines over {matching_process.LINE_CHARACTERS:,} characters",
}


@pytest.mark.parametrize("words", sorted(BOUNDS))
def test_a_bound_is_as_the_page_says(words: str) -> None:
    assert words in PAGE


def test_every_command_is_on_the_page() -> None:
    rows = [line for line in PAGE.split("## Files")[0].splitlines() if line.startswith("| `")]
    named = {name.strip(" `") for row in rows for name in row.split("|")[1].split(",")}
    assert named == CommandReader(environment={})._names  # pyright: ignore[reportPrivateUsage]
