"""What a step's record says of its kind and of its failure, as real commands and a real sandbox give it."""

from __future__ import annotations

import pytest

from libs.contracts.attempt import StepFinished
from tests.e2e.vm_agent.conftest import RunJob
from tests.e2e.vm_agent.harness import order, step

SECRET = "p4ss-w0rd-very-secret"


async def failed(run_job: RunJob, script: str, **given: object) -> StepFinished:
    return (await run_job(order(step(script, **given)), secrets={"S": SECRET})).record.steps[0]


async def test_the_same_failure_in_two_sandboxes_is_known_by_the_same(run_job: RunJob) -> None:
    """Their folders have different names on the host driver."""
    scripts = ("cat $PWD/src/missing.txt", "head -1 $RUNNER_TEMP/../x.log; echo $(date) $$; nosuch --all")
    for script in scripts:
        first, second = await failed(run_job, script), await failed(run_job, script)
        assert (first.fingerprint, first.said) == (second.fingerprint, second.said)
    assert "src/missing.txt: No such file" in (await failed(run_job, scripts[0])).said


async def test_the_kind_of_command_is_of_the_step_as_written(run_job: RunJob) -> None:
    ran = await run_job(
        order(
            step("echo ${{ secrets.S }}; true", env={"A": "b"}),
            step("${{ vars.CMD }}"),
            step("print(1)", shell="python"),
            step("npm ci", if_="false"),
            {"uses": "actions/setup-node@v4", "with": {"cache": "npm"}, "if": "false"},
            vars={"CMD": "true"},
        ),
        secrets={"S": SECRET},
    )
    commands = [each.command for each in ran.record.steps if each.part == "main"]
    assert commands == ["echo", "(computed)", "python (script)", "npm ci", "actions/setup-node (cache)"]


async def test_a_success_is_known_by_nothing(run_job: RunJob) -> None:
    finished = await failed(run_job, "echo 'error: only words'")
    assert (finished.fingerprint, finished.said, finished.category) == ("", "", "")


@pytest.mark.parametrize(
    ("script", "category"),
    [
        ("kill -9 $$", "signal"),
        ("sh -c 'kill -SEGV $$'", "signal"),
        ("echo 'curl: (6) Could not resolve host: example.org' >&2; exit 6", "network"),
        ("echo 'x: No space left on device'; exit 1", "disk full"),
        ("echo 'Error: connect ECONNREFUSED'; exit 1", ""),
    ],
)
async def test_a_category_is_what_is_beyond_doubt(run_job: RunJob, script: str, category: str) -> None:
    assert (await failed(run_job, script)).category == category


async def test_a_step_at_its_limit_failed_for_its_time(run_job: RunJob) -> None:
    finished = await failed(run_job, "echo 'error: waiting'; sleep 60", timeout_minutes=0.005)
    assert (finished.category, finished.said) == ("time limit", "error: waiting")


@pytest.mark.parametrize(
    "script",
    [
        "echo error: $S",
        "echo error: $(printf %s $S | base64)",
        "printf 'error: p4ss-w0rd\\033[0m-very-secret\\n'",
        "printf 'error: p4ss-w0rd\\001-very-secret\\n'",
        "echo ::error::login with $S",
    ],
)
async def test_a_secret_is_in_no_words_of_a_failure(run_job: RunJob, script: str) -> None:
    finished = await failed(run_job, f"{script}; exit 1", env={"S": "${{ secrets.S }}"})
    assert "***" in finished.said
    assert not any(part in finished.said for part in ("p4ss", "very-secret", "cDRzcy"))
