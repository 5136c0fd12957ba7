"""The step runner in a real sandbox: conditions, contexts, variables, outputs, shells, as GitHub has them."""

from __future__ import annotations

import hashlib

import msgspec
import pytest

from libs.contracts.attempt import StepStarted
from libs.contracts.orders import JobOrder
from libs.contracts.plan import Defaults
from tests.e2e.vm_agent.conftest import RunJob
from tests.e2e.vm_agent.harness import order, step


async def test_a_step_prints_and_succeeds(run_job: RunJob) -> None:
    ran = await run_job(order(step("echo one; echo two >&2")))
    assert ran.printed() == ["one", "two"]
    assert (ran.outcomes, ran.end.conclusion) == (["success"], "success")
    assert ran.record.events[0] == StepStarted(0, "Run echo one; echo two >&2")


async def test_after_a_failure_only_those_that_ask_for_it_run(run_job: RunJob) -> None:
    ran = await run_job(
        order(
            step("exit 3"),
            step("echo plain"),
            step("echo success", if_="success()"),
            step("echo always", if_="always()"),
            step("echo failure", if_="${{ failure() }}"),
            step("echo cancelled", if_="cancelled()"),
            step("echo status", if_="always() && job.status == 'failure'"),
        )
    )
    assert ran.outcomes == ["failure", "skip", "skip", "success", "success", "skip", "success"]
    assert ran.end.conclusion == "failure"
    assert ran.record.steps[0].exit_code == 3
    assert ran.record.steps[0].why == "Process completed with exit code 3."
    assert "##[error]Process completed with exit code 3." in ran.printed(0)


async def test_skipped_steps_have_no_start_and_their_finish(run_job: RunJob) -> None:
    ran = await run_job(order(step("echo x", if_="false"), step("echo y")))
    assert [event.step for event in ran.record.events] == [0, 1, 1]
    assert ran.record.steps[0].name == "Run echo x"


async def test_continue_on_error_keeps_the_truth_in_the_outcome(run_job: RunJob) -> None:
    ran = await run_job(
        order(
            step("exit 1", id="a", continue_on_error=True),
            step("exit 1", id="b", continue_on_error="${{ steps.a.outcome == 'failure' }}"),
            step("echo ${{ steps.a.outcome }} ${{ steps.a.conclusion }} ${{ job.status }}"),
        )
    )
    assert ran.outcomes == ["failure", "failure", "success"]
    assert ran.conclusions == ["success", "success", "success"]
    assert ran.printed(2) == ["failure success success"]
    assert ran.end.conclusion == "success"


async def test_outputs_reach_later_steps_and_the_job(run_job: RunJob) -> None:
    ran = await run_job(
        order(
            step("echo 'a=1' >> $GITHUB_OUTPUT; printf 'b<<E\\nx\\ny\\nE\\n' >> $GITHUB_OUTPUT", id="one"),
            step("echo '::set-output name=c::3'", id="two"),
            step("echo ${{ steps.one.outputs.A }} ${{ steps.two.outputs.c }} [${{ steps.none.outputs.x }}]"),
            planned={
                "outputs": {"sum": "${{ steps.one.outputs.a }}-${{ steps.one.outputs.b }}", "empty": "${{ null }}"}
            },
        )
    )
    assert ran.printed(2) == ["1 3 []"]
    assert ran.end.outputs == {"sum": "1-x\ny"}
    assert ran.record.steps[0].outputs == {"a": "1", "b": "x\ny"}


async def test_environment_levels_and_what_steps_add(run_job: RunJob) -> None:
    show = "echo $A $B $C $D"
    ran = await run_job(
        order(
            step(show, env={"C": "step", "D": "${{ env.B }}"}),
            step("echo A=set >> $GITHUB_ENV; echo '/extra/bin' >> $GITHUB_PATH"),
            step(show + "; echo $PATH | cut -d: -f1; echo ${{ env.A }}"),
            env={"A": "workflow", "B": "workflow", "C": "workflow"},
            planned={"env": {"B": "job", "C": "job"}},
        )
    )
    assert ran.printed(0) == ["workflow job step job"]
    assert ran.printed(2) == ["set job job", "/extra/bin", "set"]


@pytest.mark.row("runner: default variables")
async def test_default_variables_cannot_be_changed_and_node_options_not_set(run_job: RunJob) -> None:
    ran = await run_job(
        order(
            step("echo GITHUB_SHA=x >> $GITHUB_ENV; echo RUNNER_OS=x >> $GITHUB_ENV; echo CI=no >> $GITHUB_ENV"),
            step("echo $GITHUB_SHA $RUNNER_OS $CI $GITHUB_JOB $GITHUB_ACTIONS"),
            step("echo NODE_OPTIONS=--x >> $GITHUB_ENV"),
            step("echo [$NODE_OPTIONS]"),
        )
    )
    assert ran.printed(1) == [f"{'1' * 40} Linux no build true"]
    assert ran.printed(3) == ["[]"]
    assert ran.record.steps[2].annotations[0].message.startswith("Can't store NODE_OPTIONS")
    assert ran.end.conclusion == "success"


async def test_nothing_of_the_hosts_environment_is_there(run_job: RunJob, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOST_ONLY", "leak")
    ran = await run_job(order(step("env")), base_environment={"NAMED": "given"})
    assert not [line for line in ran.printed() if "HOST_ONLY" in line]
    assert "NAMED=given" in ran.printed()


async def test_contexts(run_job: RunJob) -> None:
    expressions = {
        "github.job": "build",
        "github.sha": "1" * 40,
        "github.event.head_commit.message": "hello",
        "github.action": "__run",
        "github.run_attempt": "2",
        "runner.os": "Linux",
        "runner.environment": "self-hosted",
        "matrix.os": "linux",
        "strategy.job-total": "3",
        "needs.first.result": "success",
        "needs.first.outputs.x": "y",
        "inputs.level": "info",
        "vars.REGION": "eu",
        "secrets.TOKEN == 'hidden-value'": "true",
        "secrets.missing == ''": "true",
        "job.status": "success",
        "github.workspace == env.HERE": "false",
        "toJSON(steps)": "{}",
    }
    script = "\n".join(f"echo '${{{{ {expression} }}}}'" for expression in expressions)
    ran = await run_job(
        order(
            step(script),
            run_attempt=2,
            matrix={"os": "linux"},
            strategy={"job-index": 0, "job-total": 3, "fail-fast": True, "max-parallel": 3},
            needs={"first": {"result": "success", "outputs": {"x": "y"}}},
            inputs={"level": "info"},
            vars={"REGION": "eu"},
        ),
        secrets={"TOKEN": "hidden-value"},
    )
    assert ran.printed() == list(expressions.values())


async def test_the_event_is_a_file_and_the_workspace_is_where_steps_are(run_job: RunJob) -> None:
    ran = await run_job(
        order(step('cat "$GITHUB_EVENT_PATH"; echo; test "$PWD" = "$GITHUB_WORKSPACE" && basename $PWD'))
    )
    assert msgspec.json.decode(ran.printed()[0]) == {"head_commit": {"message": "hello"}}
    assert ran.printed()[1] == "demo"


async def test_working_directories(run_job: RunJob) -> None:
    ran = await run_job(
        order(
            step("mkdir -p a/b c"),
            step("basename $PWD"),
            step("basename $PWD", working_directory="c"),
            step("basename $PWD", working_directory="${{ github.workspace }}/a"),
            step("true", working_directory="missing"),
            planned={"defaults": {"working_directory": "a/b"}},
        )
    )
    assert ran.outcomes == ["failure", "skip", "skip", "skip", "skip"]
    ran = await run_job(order(step("mkdir -p a/b c"), step("basename $PWD", working_directory="a/${{ 'b' }}")))
    assert ran.printed(1) == ["b"]


async def test_a_missing_working_directory_fails_the_step_and_names_it(run_job: RunJob) -> None:
    ran = await run_job(order(step("true", working_directory="missing")))
    assert ran.outcomes == ["failure"]
    assert "missing" in ran.record.steps[0].why


@pytest.mark.parametrize(
    ("shell", "script", "expected"),
    [
        (None, "false | true; echo $0 | grep -c step_0", ["1"]),
        ("bash", "set -o | grep pipefail | tr -s ' \\t' ' '", ["pipefail on"]),
        ("sh", "echo ok", ["ok"]),
        ("python", "import sys; print('py', len(sys.argv))", ["py 1"]),
        ("cat {0}", "plain text", ["plain text"]),
        ("bash -c 'echo $0 $1' {0}", "x", None),
    ],
)
async def test_shells(run_job: RunJob, shell: str | None, script: str, expected: list[str] | None) -> None:
    ran = await run_job(order(step(script, shell=shell)))
    assert ran.outcomes == ["success"]
    if expected is not None:
        assert ran.printed() == expected


async def test_default_shell_stops_at_errors_but_not_within_pipes(run_job: RunJob) -> None:
    ran = await run_job(order(step("false | true; echo on; false; echo never")))
    assert ran.printed()[0] == "on"
    assert "never" not in ran.printed()
    ran = await run_job(order(step("false | true; echo never", shell="bash")))
    assert ran.outcomes == ["failure"]


async def test_defaults_of_shell_by_level(run_job: RunJob) -> None:
    ran = await run_job(
        order(
            step("print('job')"),
            step("echo step", shell="sh"),
            planned={"defaults": {"shell": "python"}},
            defaults=msgspec.convert({"shell": "sh"}, type=Defaults),
        )
    )
    assert (ran.printed(0), ran.printed(1)) == (["job"], ["step"])


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"if_": "fromJSON('{')"}, "if: "),
        ({"env": {"A": "${{ fromJSON('{') }}"}}, "env: "),
        ({"timeout_minutes": "${{ 'soon' }}"}, "timeout-minutes: expected a number"),
        ({"working_directory": "${{ fromJSON('{') }}"}, "working-directory: "),
        ({"shell": "fish"}, "shell: Invalid shell option 'fish'"),
        ({"run": "echo ${{ fromJSON('{') }}"}, "run: "),
        ({"run": "echo ${{ github"}, "run: "),
    ],
)
async def test_a_key_that_cannot_be_evaluated_fails_the_step_with_its_place(
    run_job: RunJob, fields: dict[str, object], words: str
) -> None:
    ran = await run_job(order({**step("echo x"), **step(**{"run": "echo x", **fields})}, step("echo y")))
    assert ran.outcomes == ["failure", "skip"]
    assert ran.record.steps[0].why.startswith(".github/workflows/ci.yml:20: ")
    assert words in ran.record.steps[0].why


async def test_a_bad_continue_on_error_does_not_hide_the_failure(run_job: RunJob) -> None:
    ran = await run_job(order(step("exit 1", continue_on_error="${{ 'perhaps' }}")))
    assert ran.conclusions == ["failure"]
    assert "continue-on-error: expected true or false" in str(ran.record.steps[0].annotations)


async def test_a_bad_job_environment_fails_the_job_and_accounts_for_every_step(run_job: RunJob) -> None:
    ran = await run_job(order(step("echo x"), step("echo y"), planned={"env": {"A": "${{ fromJSON('{') }}"}}))
    assert ran.outcomes == ["failure", "skip"]
    assert ".github/workflows/ci.yml:10: env: " in ran.record.steps[0].why
    assert ran.end.conclusion == "failure"


async def test_bad_job_outputs_fail_the_job(run_job: RunJob) -> None:
    ran = await run_job(order(step("true"), planned={"outputs": {"x": "${{ fromJSON('{') }}"}}))
    assert (ran.outcomes, ran.end.conclusion) == (["success"], "failure")
    assert "Failed to evaluate job outputs" in ran.end.why


async def test_names(run_job: RunJob) -> None:
    ran = await run_job(
        order(
            step("\n  echo first\necho second"),
            step("true", name="Build ${{ github.job }}"),
            step("true", name="Bad ${{ fromJSON('{') }}"),
            step("echo ${{ github.job }}"),
        )
    )
    names = [finished.name for finished in ran.record.steps]
    assert names == ["Run echo first", "Build build", "Bad ${{ fromJSON('{') }}", "Run echo build"]


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("echo novalue >> $GITHUB_OUTPUT", "Invalid format 'novalue'"),
        ("echo 'a<<E' >> $GITHUB_ENV", "Matching delimiter not found 'E'"),
        ("rm $GITHUB_ENV; mkfifo $GITHUB_ENV", "not a regular file"),
        ("head -c 9000000 /dev/zero > $GITHUB_OUTPUT", "bytes"),
    ],
)
async def test_a_runner_file_that_cannot_be_read_fails_the_step(run_job: RunJob, script: str, words: str) -> None:
    ran = await run_job(order(step(script)))
    assert ran.outcomes == ["failure"]
    assert words in str(ran.record.steps[0].annotations)


async def test_removed_runner_files_are_no_error(run_job: RunJob) -> None:
    assert (await run_job(order(step("rm -rf $RUNNER_TEMP/_runner_file_commands"), step("true")))).outcomes == [
        "success",
        "success",
    ]


async def test_summaries_are_blobs_and_bounded(run_job: RunJob) -> None:
    ran = await run_job(
        order(
            step("echo '# Done s3cr3t-value' >> $GITHUB_STEP_SUMMARY"),
            step("head -c 1100000 /dev/zero | tr '\\0' x > $GITHUB_STEP_SUMMARY"),
        ),
        secrets={"S": "s3cr3t-value"},
    )
    first, second = ran.record.steps
    assert first.summary is not None
    assert await ran.blobs.get(first.summary) == b"# Done ***\n"
    assert second.summary is None
    assert "upload aborted" in second.annotations[0].message
    assert second.outcome == "success"


async def test_hash_files_in_a_key(run_job: RunJob) -> None:
    ran = await run_job(
        order(
            step("mkdir a b; echo 1 > a/x.lock; echo 2 > b/x.lock; echo 3 > 'c d.txt'; ln -s a/x.lock link.lock"),
            step("echo ${{ hashFiles('**/x.lock') }} [${{ hashFiles('none') }}] ${{ hashFiles('c d.txt') }}"),
            step("echo yes", if_="hashFiles('link.lock') == hashFiles('a/x.lock')"),
        )
    )
    digests = [hashlib.sha256(data).digest() for data in (b"1\n", b"2\n")]
    both = hashlib.sha256(b"".join(digests)).hexdigest()
    third = hashlib.sha256(hashlib.sha256(b"3\n").digest()).hexdigest()
    assert ran.printed(1) == [f"{both} [] {third}"]
    assert ran.outcomes[2] == "success"


async def test_large_outputs_go_into_a_blob(run_job: RunJob) -> None:
    ran = await run_job(
        order(
            step("(printf a=; head -c 100000 /dev/zero | tr '\\0' x; echo) >> $GITHUB_OUTPUT", id="a"),
            planned={"outputs": {"big": "${{ steps.a.outputs.a }}"}},
        )
    )
    assert ran.end.outputs == {}
    assert ran.end.outputs_blob is not None
    assert msgspec.json.decode(await ran.blobs.get(ran.end.outputs_blob)) == {"big": "x" * 100_000}
    assert ran.record.steps[0].outputs_blob is not None


@pytest.mark.row("jobs: environment")
async def test_the_environments_url_is_evaluated_when_the_job_has_ended(run_job: RunJob) -> None:
    def of(url: str) -> JobOrder:
        script = "echo id=7 >> $GITHUB_OUTPUT; echo WHERE=eu >> $GITHUB_ENV"
        return order(step(script, id="x"), planned={"environment": {"name": "production", "url": url}})

    ran = await run_job(of("https://${{ steps.x.outputs.id }}.example.org/${{ env.WHERE }}"))
    assert ran.end.environment_url == "https://7.example.org/eu"
    ran = await run_job(of("https://example.org/s3cr3t-value"), secrets={"A": "s3cr3t-value"})
    assert (ran.end.conclusion, ran.end.environment_url) == ("success", "")
    ran = await run_job(of("${{ fromJSON('[') }}"))
    assert (ran.end.conclusion, ran.end.environment_url) == ("failure", "")
