"""What a step prints: commands, masks, lines, bounds."""

from __future__ import annotations

import base64
import zlib

import msgspec
import pytest

from libs.contracts.attempt import Annotation
from libs.contracts.logs import LogChunk
from services.vm_agent.log import job_log
from services.vm_agent.log.step_output import CUT_MARK
from tests.e2e.vm_agent.conftest import RunJob
from tests.e2e.vm_agent.harness import order, step

SECRET = "p4ss-w0rd-very-secret"


async def test_commands_are_obeyed_and_not_shown(run_job: RunJob) -> None:
    ran = await run_job(
        order(
            step(
                "echo '::group::Title'; echo inside; echo '::endgroup::'; echo '::debug::hidden'; "
                "echo '::warning file=a.py,line=2,title=T::careful%0Atwice'; echo '  ::notice::look'; echo done"
            )
        )
    )
    assert ran.printed() == [
        "##[group]Title",
        "inside",
        "##[endgroup]",
        "##[warning]careful",
        "twice",
        "##[notice]look",
        "done",
    ]
    assert ran.record.steps[0].annotations == (
        Annotation("warning", "careful\ntwice", title="T", file="a.py", line=2),
        Annotation("notice", "look"),
    )


async def test_debug_is_shown_where_it_is_asked_for(run_job: RunJob) -> None:
    ran = await run_job(order(step("echo '::debug::shown'; echo $RUNNER_DEBUG"), vars={"ACTIONS_STEP_DEBUG": "true"}))
    assert "##[debug]shown" in ran.printed()


async def test_error_commands_do_not_fail_a_step_and_failing_commands_do(run_job: RunJob) -> None:
    ran = await run_job(order(step("echo '::error::bad'"), step("echo '::set-env name=A::b'"), step("echo no")))
    assert ran.outcomes == ["success", "failure", "skip"]
    assert "set-env` command is disabled" in ran.record.steps[1].why


async def test_unsecure_commands_where_the_workflow_allows_them(run_job: RunJob) -> None:
    env = {"ACTIONS_ALLOW_UNSECURE_COMMANDS": "true"}
    ran = await run_job(
        order(step("echo '::set-env name=A::b'; echo '::add-path::/p'", env=env), step("echo $A $PATH"))
    )
    assert ran.printed(1)[0].startswith("b /p:")


async def test_annotations_are_bounded(run_job: RunJob) -> None:
    ran = await run_job(order(step('for i in $(seq 40); do echo "::warning::$i"; echo "::error::$i"; done')))
    levels = [annotation.level for annotation in ran.record.steps[0].annotations]
    assert (levels.count("warning"), levels.count("error")) == (10, 10)


async def test_secrets_appear_nowhere(run_job: RunJob) -> None:
    ran = await run_job(
        order(
            step(f'echo {SECRET}; echo x{SECRET}y | base64; echo "::warning::{SECRET}"', name=f"Use {SECRET}"),
            step(f"echo 'a={SECRET}' >> $GITHUB_OUTPUT", id="s", env={"TOKEN": "${{ secrets.S }}"}),
            step("echo ${{ steps.s.outputs.a }} | rev; exit 1"),
            planned={"outputs": {"leak": "${{ steps.s.outputs.a }}", "fine": "ok"}},
        ),
        secrets={"S": SECRET},
    )
    everything = repr(ran.record.events) + repr(ran.chunks) + repr(ran.end)
    assert SECRET not in everything
    assert base64.b64encode(f"x{SECRET}y".encode()).decode() not in everything
    assert ran.printed(2)[0] == SECRET[::-1]
    assert ran.end.outputs == {"fine": "ok"}
    assert "##[warning]Skip output 'leak' since it may contain secret." in ran.lines


async def test_added_masks_hold_from_then_on_in_later_steps_too(run_job: RunJob) -> None:
    ran = await run_job(order(step("echo before-v4lue; echo '::add-mask::v4lue'; echo v4lue"), step("echo [v4lue]")))
    assert ran.printed(0) == ["before-v4lue", "***"]
    assert ran.printed(1) == ["[***]"]


@pytest.mark.parametrize(
    ("script", "lines"),
    [
        ("printf 'a\\r\\nb\\rc\\n'", ["a", "b", "c"]),
        ("printf 'no end'", ["no end"]),
        ("printf 'a\\n\\nb\\n'", ["a", "", "b"]),
        ("printf '\\xff\\x00z\\n'", ["\ufffdz"]),
        ("printf 'ä€😀\\n'", ["ä€😀"]),
        ("printf '::endgroup::'", ["##[endgroup]"]),
        ("true", []),
    ],
)
async def test_lines(run_job: RunJob, script: str, lines: list[str]) -> None:
    assert (await run_job(order(step(script)))).printed() == lines


async def test_a_step_that_prints_100_mb_is_truncated_and_goes_on(run_job: RunJob) -> None:
    ran = await run_job(
        order(step("yes 'some line of a very long log' | head -c 100000000; echo '::set-output name=a::1'"))
    )
    assert ran.outcomes == ["success"]
    assert job_log.TRUNCATED in ran.lines
    assert len(ran.lines) <= job_log.LOG_LINES + 1
    assert ran.lines.index(job_log.TRUNCATED) == len(ran.lines) - 1


async def test_a_line_of_10_mb_is_cut_and_its_secret_is_not_shown(run_job: RunJob) -> None:
    before, behind = (
        f"head -c {size} /dev/zero | tr '\\0' {letter}" for size, letter in ((1048570, "a"), (9000000, "b"))
    )
    ran = await run_job(order(step(f"{before}; printf {SECRET}; {behind}; echo; echo after")), secrets={"S": SECRET})
    assert ran.printed()[-1] == "after"
    text = "".join(ran.printed()[:-1])
    assert text.endswith(CUT_MARK)
    assert len(text) < 1_100_000
    assert SECRET[:4] not in text
    assert max(map(len, ran.printed())) <= job_log.PIECE_CHARACTERS


async def test_chunks_are_numbered_without_a_gap_and_the_blob_holds_the_same(run_job: RunJob) -> None:
    ran = await run_job(order(step("seq 20000; sleep 0.2; seq 100"), step("echo two")))
    place = 0
    for chunk in ran.chunks:
        assert chunk.first == place
        assert len(chunk.lines) == len(chunk.times_ms)
        place += len(chunk.lines)
    assert [chunk.end for chunk in ran.chunks] == [False] * (len(ran.chunks) - 1) + [True]
    finished = ran.record.steps[1]
    assert ran.lines[finished.first_line : finished.first_line + finished.lines][-1] == "two"
    whole = zlib.decompress(await ran.blobs.get(ran.log))
    decoded = [msgspec.json.decode(line, type=LogChunk) for line in whole.splitlines()]
    assert decoded == ran.chunks


async def test_output_of_a_background_child_does_not_hold_the_step(run_job: RunJob) -> None:
    ran = await run_job(order(step("(sleep 30; echo late) & echo early"), step("echo next")))
    assert ran.outcomes == ["success", "success"]
    assert ran.record.steps[0].duration_ms < 15_000


async def test_fingerprints_tell_failures_apart_and_ignore_numbers(run_job: RunJob) -> None:
    async def print_of(script: str) -> str:
        return (await run_job(order(step(script)))).record.steps[0].fingerprint

    first = await print_of("echo 'Error: timeout after 123 ms in /tmp/a/b'; exit 1")
    assert first == await print_of("echo 'Error: timeout after 77 ms in /tmp/c/d'; exit 1")
    assert first != await print_of("echo 'Error: no such file'; exit 1")


async def test_a_failing_step_behind_a_full_log_shows_its_end(run_job: RunJob) -> None:
    ran = await run_job(
        order(
            step("yes x | head -n 600000"),
            step("seq 1000; echo fine"),
            step("seq 1000; echo '::error::broken'; exit 3", if_="always()"),
        )
    )
    assert ran.outcomes == ["success", "success", "failure"]
    assert "fine" not in ran.lines
    shown = ran.lines[ran.lines.index(job_log.TRUNCATED) + 1 :]
    assert shown[0].endswith("lines of this step were not kept.")
    assert shown[-3:] == ["1000", "##[error]broken", "##[error]Process completed with exit code 3."]
    assert len(shown) == 201
    finished = ran.record.steps[2]
    assert ran.lines[finished.first_line : finished.first_line + finished.lines] == shown
