"""Reads the runner files that a step has written, and adds what they say to what it said by commands.

A file that cannot be read fails the step, and only that file's content is lost, as in GitHub's runner.
"""

from __future__ import annotations

from collections.abc import Mapping

from libs.contracts.blobs import BlobRef
from libs.workflow.runner.artifacts import BadArtifacts, listing
from libs.workflow.runner.files import (
    RUNNER_FILE_BYTES,
    SUMMARY_BYTES,
    blocked_name,
    read_pairs,
    read_paths,
    text_of,
)
from services.vm_agent.job.artifacts import take_artifacts
from services.vm_agent.job.surroundings import Surroundings
from services.vm_agent.log.step_output import StepOutput
from services.vm_agent.sandbox.protocol import FILE_BYTES, CannotStart, FileTrouble

JOB_CHARACTERS = 64 * 1024 * 1024
"""Of outputs, state, variables and paths of all steps of one job: GitHub passes on one MiB of outputs."""


async def prepare_files(around: Surroundings, files: Mapping[str, str]) -> None:
    """Empty files, so that a script may read as well as append; what the job has declared so far is in its own."""
    for name, path in files.items():
        data = listing(around.state.artifacts) if name == "artifacts_list" else b""
        await around.sandbox.write_file(path, data)


async def read_answers(around: Surroundings, files: Mapping[str, str], output: StepOutput) -> BlobRef | None:
    """Everything but the summary goes into `output.said`; the masked summary becomes a blob."""
    await read_said(around, files, output)
    return await _summary(around, files["step_summary"], output)


async def read_said(around: Surroundings, files: Mapping[str, str], output: StepOutput) -> None:
    """Everything but the summary."""
    for name in ("path", "env", "state", "output"):
        await _read(around, files[name], name, output)
    await _artifacts(around, files["artifacts"], output)
    await _bound(around, output)


async def _bound(around: Surroundings, output: StepOutput) -> None:
    """All that steps set stays in the agent's memory until the job is over."""
    state = around.state
    state.said_characters += output.said.characters
    if state.said_characters > JOB_CHARACTERS:
        output.said.forget()
        output.said.failed = True
        allowed = f"{JOB_CHARACTERS // 1024 // 1024} MiB"
        await output.error(f"The steps of a job may set {allowed} in all: what this step has set is lost.")


async def _read(around: Surroundings, path: str, name: str, output: StepOutput) -> None:
    try:
        data = await around.sandbox.read_file(path, RUNNER_FILE_BYTES)
    except FileTrouble as error:
        await _fail(output, name, str(error))
        return
    if not data:
        return
    if name == "path":
        read = read_paths(data)
        output.said.paths.extend(read.paths)
    else:
        read = read_pairs(data)
        for key, value in read.pairs:
            await _keep(output, name, key, value)
    if read.error is not None:
        await _fail(output, name, read.error)


async def _keep(output: StepOutput, name: str, key: str, value: str) -> None:
    match name:
        case "env" if (blocked := blocked_name(key)) is not None:
            await output.error(f"Can't store {blocked} output parameter using '$GITHUB_ENV' command.")
        case "env":
            output.said.variables[key] = value
        case "state":
            output.said.state[key] = value
        case _:
            output.said.outputs[key] = value


async def _fail(output: StepOutput, name: str, why: str) -> None:
    output.said.failed = True
    await output.error(f"Unable to process file command '{name}' successfully.")
    await output.error(why)


async def _artifacts(around: Surroundings, path: str, output: StepOutput) -> None:
    try:
        if data := await around.sandbox.read_file(path, FILE_BYTES):
            await take_artifacts(around, data, output)
    except (BadArtifacts, FileTrouble, CannotStart) as error:
        await _fail(output, "artifacts", str(error))


async def _summary(around: Surroundings, path: str, output: StepOutput) -> BlobRef | None:
    """None where there is none, or where it is too large: that is shown, and fails nobody, as in GitHub's runner."""
    try:
        data = await around.sandbox.read_file(path, FILE_BYTES)
    except FileTrouble as error:
        await output.error(f"Failed to create step summary using 'GITHUB_STEP_SUMMARY': {error}")
        return None
    if not data:
        return None
    if len(data) > SUMMARY_BYTES:
        sizes = f"supports content up to a size of {SUMMARY_BYTES // 1024}k, got {len(data) // 1024}k"
        await output.error(f"$GITHUB_STEP_SUMMARY upload aborted, {sizes}.")
        return None
    return await around.blobs.put(around.masker.mask(text_of(data)).encode("utf-8", "replace"))
