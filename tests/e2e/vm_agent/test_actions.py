"""Steps with `uses` in a real sandbox: JavaScript and composite actions, what they are given and what they leave."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from libs.contracts.attempt import StepFinished
from libs.sources import Source, SourceMissing, Sources, SourceUnreachable, Wanted
from tests.e2e.vm_agent.conftest import RunJob
from tests.e2e.vm_agent.harness import Bench, Ran, order, step
from tests.e2e.vm_agent.shop import Shop, composite, javascript


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Shop]:
    made = Shop(tmp_path)
    yield made
    await made.sources.close()


def uses(action: str, **fields: object) -> dict[str, object]:
    return step(None, uses=action, **fields)


def with_(action: str, given: dict[str, object] | None = None, **fields: object) -> dict[str, object]:
    return {**uses(action, **fields), "with": given or {}}


def files(**content: str) -> dict[str, object]:
    """A step that writes files into the workspace; `__` in a name stands for `/`, `_` for `.`."""
    lines = [
        f"mkdir -p $(dirname {path}); cat > {path} <<'END'\n{text}\nEND"
        for path, text in ((name.replace("__", "/").replace("_", "."), text) for name, text in content.items())
    ]
    return step("\n".join(lines))


def by_name(ran: Ran) -> dict[str, StepFinished]:
    return {one.name: one for one in ran.record.steps}


def printed(ran: Ran, name: str) -> list[str]:
    """What a step's processes printed: without groups and their content."""
    lines = [line for chunk in ran.chunks if chunk.step == by_name(ran)[name].step for line in chunk.lines]
    shown: list[str] = []
    hidden = False
    for line in lines:
        hidden = hidden or line.startswith("##[group]")
        if not hidden:
            shown.append(line)
        hidden = hidden and line != "##[endgroup]"
    return shown


# JavaScript


@pytest.mark.row("actions: JavaScript")
@pytest.mark.row("actions: owner/repo@ref")
async def test_a_javascript_action_runs_in_the_workspace(run_job: RunJob, shop: Shop) -> None:
    main = """\
        const env = process.env;
        console.log(process.cwd() === env.GITHUB_WORKSPACE, env.GITHUB_ACTION, env.GITHUB_ACTION_REPOSITORY);
        console.log(env.GITHUB_ACTION_REF, env.GITHUB_ACTION_PATH === __dirname, env.FROM_JOB, env.FROM_STEP);
    """
    shop.publish("octo/greet", javascript(main=main))
    ran = await run_job(
        order(uses("octo/greet@v1", env={"FROM_STEP": "s"}), planned={"env": {"FROM_JOB": "j"}}), actions=shop.sources
    )
    assert printed(ran, "Run octo/greet@v1") == ["true __octo_greet octo/greet", "v1 true j s"]
    assert ran.end.conclusion == "success"


@pytest.mark.row("actions: inputs and outputs")
async def test_inputs_defaults_and_outputs(run_job: RunJob, shop: Shop) -> None:
    action = """\
        inputs:
          who: {default: "${{ github.event.head_commit.message }}"}
          Big Name: {default: 3}
          absent: {}
          yes: {default: true}
          old: {deprecationMessage: use who}
          must: {required: true}
        outputs: {said: {description: what}}
        runs: {using: node20, main: main.js}
    """
    main = """\
        const env = process.env;
        console.log([env.INPUT_WHO, env.INPUT_BIG_NAME, env.INPUT_ABSENT, env.INPUT_YES, env.INPUT_OLD].join("|"));
        require("fs").appendFileSync(env.GITHUB_OUTPUT, "said=" + env.INPUT_WHO + "\\n");
        console.log("::set-output name=also::x");
    """
    shop.publish("octo/greet", {"action.yml": action, "main.js": main})
    ran = await run_job(
        order(
            with_("octo/greet@v1", {"OLD": "${{ github.ref_name }}", "other": 1}, id="a"),
            step("echo ${{ steps.a.outputs.said }} ${{ steps.a.outputs.also }}"),
        ),
        actions=shop.sources,
    )
    first = by_name(ran)["Run octo/greet@v1"]
    assert printed(ran, first.name)[-2] == "hello|3||true|main"
    assert [note.message for note in first.annotations if note.level == "warning"][:3] == [
        "Unexpected input(s) 'other', valid inputs are ['who', 'Big Name', 'absent', 'yes', 'old', 'must']",
        "Input 'old' has been deprecated with message: use who",
        "Input required and not supplied: must",
    ]
    assert first.outputs == {"said": "hello", "also": "x"}
    assert ran.printed(1) == ["hello x"]


@pytest.mark.row("actions: pre and post steps")
async def test_pre_runs_before_all_steps_and_post_in_reverse_after_all(run_job: RunJob, shop: Shop) -> None:
    for name in ("a", "b"):
        parts = {part: f"console.log('{part} {name}')" for part in ("pre", "main", "post")}
        shop.publish(f"octo/{name}", javascript(**parts))
    ran = await run_job(order(step("echo first"), uses("octo/a@v1"), uses("octo/b@v1")), actions=shop.sources)
    assert [(one.name, one.part, one.of, one.step) for one in ran.record.steps] == [
        ("Set up job", "setup", None, 3),
        ("Pre Run octo/a@v1", "pre", 1, 4),
        ("Pre Run octo/b@v1", "pre", 2, 5),
        ("Run echo first", "main", None, 0),
        ("Run octo/a@v1", "main", None, 1),
        ("Run octo/b@v1", "main", None, 2),
        ("Post Run octo/b@v1", "post", 2, 6),
        ("Post Run octo/a@v1", "post", 1, 7),
    ]
    assert printed(ran, "Post Run octo/a@v1") == ["Post job cleanup.", "post a"]


@pytest.mark.row("actions: state")
@pytest.mark.row("runner: GITHUB_STATE")
async def test_state_is_kept_from_pre_over_main_to_post_and_for_nobody_else(run_job: RunJob, shop: Shop) -> None:
    keep = "require('fs').appendFileSync(process.env.GITHUB_STATE, '{0}={0}\\n');"
    shown = "console.log(process.env.STATE_pre, process.env.STATE_main, process.env.STATE_old);"
    parts = {
        "pre": keep.format("pre") + shown,
        "main": keep.format("main") + "console.log('::save-state name=old::command');" + shown,
        "post": shown,
    }
    shop.publish("octo/a", javascript(**parts))
    ran = await run_job(order(uses("octo/a@v1", name="A"), uses("octo/a@v1", name="B")), actions=shop.sources)
    assert printed(ran, "Pre A") == ["undefined undefined undefined"]
    assert printed(ran, "B")[-1:] == ["pre undefined undefined"]
    assert printed(ran, "Post A")[-1] == "pre main command"


@pytest.mark.row("actions: pre and post steps")
async def test_post_runs_after_a_failure_unless_its_condition_says_otherwise(run_job: RunJob, shop: Shop) -> None:
    shop.publish("octo/always", javascript(main="", post="console.log('cleaned')"))
    shop.publish("octo/good", javascript(", post-if: success()", main="", post="console.log('no')"))
    shop.publish("octo/bad", javascript(", post-if: failure()", main="", post="console.log('bad')"))
    shop.publish("octo/os", javascript(", post-if: runner.os == 'Linux'", main="", post="console.log('os')"))
    names = ["octo/always@v1", "octo/good@v1", "octo/bad@v1", "octo/os@v1"]
    ran = await run_job(order(*map(uses, names), step("exit 1")), actions=shop.sources)
    posts = {one.name.removeprefix("Post Run "): one.outcome for one in ran.record.steps if one.part == "post"}
    assert posts == dict(zip(names, ["success", "skip", "success", "success"], strict=True))
    assert ran.end.conclusion == "failure"


@pytest.mark.row("actions: pre and post steps")
async def test_no_post_where_the_step_was_skipped(run_job: RunJob, shop: Shop) -> None:
    shop.publish("octo/a", javascript(main="", post="console.log('cleaned')"))
    ran = await run_job(order(uses("octo/a@v1", if_="false")), actions=shop.sources)
    assert [one.part for one in ran.record.steps] == ["setup", "main"]


@pytest.mark.row("actions: pre and post steps")
async def test_a_failing_post_fails_the_job_unless_the_step_may_fail(run_job: RunJob, shop: Shop) -> None:
    shop.publish("octo/a", javascript(main="", post="process.exit(3)"))
    ran = await run_job(order(uses("octo/a@v1")), actions=shop.sources)
    assert (ran.end.conclusion, ran.record.steps[-1].exit_code) == ("failure", 3)
    ran = await run_job(order(uses("octo/a@v1", continue_on_error=True)), actions=shop.sources)
    assert ran.end.conclusion == "success"
    assert (ran.record.steps[-1].outcome, ran.record.steps[-1].conclusion) == ("failure", "success")


async def test_a_failing_pre_skips_what_follows_and_post_runs(run_job: RunJob, shop: Shop) -> None:
    shop.publish("octo/a", javascript(pre="process.exit(2)", main="", post=""))
    ran = await run_job(order(step("echo no"), uses("octo/a@v1")), actions=shop.sources)
    assert [(one.part, one.outcome) for one in ran.record.steps] == [
        ("setup", "success"),
        ("pre", "failure"),
        ("main", "skip"),
        ("main", "skip"),
        ("post", "success"),
    ]


async def test_an_action_that_says_why_it_failed_is_believed(run_job: RunJob, shop: Shop) -> None:
    shop.publish("octo/a", javascript(main="console.log('::error::no such thing'); process.exitCode = 1;"))
    ran = await run_job(order(uses("octo/a@v1")), actions=shop.sources)
    failed = by_name(ran)["Run octo/a@v1"]
    assert (failed.outcome, failed.exit_code, failed.why) == ("failure", 1, "no such thing")
    assert len(failed.annotations) == 1


async def test_variables_paths_and_masks_of_an_action_count_for_later_steps(run_job: RunJob, shop: Shop) -> None:
    main = """\
        const fs = require("fs");
        fs.appendFileSync(process.env.GITHUB_ENV, "SEEN=yes\\n");
        fs.appendFileSync(process.env.GITHUB_PATH, "/added\\n");
        console.log("::add-mask::hunter2");
    """
    shop.publish("octo/a", javascript(main=main))
    ran = await run_job(order(uses("octo/a@v1"), step("echo $SEEN ${PATH%%:*} hunter2")), actions=shop.sources)
    assert ran.printed(1) == ["yes /added ***"]


async def test_a_step_with_an_action_has_a_time_limit(run_job: RunJob, shop: Shop) -> None:
    shop.publish("octo/a", javascript(main="setTimeout(() => {}, 60000)", post="console.log('cleaned')"))
    ran = await run_job(order(uses("octo/a@v1", timeout_minutes=0.01)), actions=shop.sources)
    assert by_name(ran)["Run octo/a@v1"].why == "The action 'Run octo/a@v1' has timed out after 0.01 minutes."
    assert by_name(ran)["Post Run octo/a@v1"].outcome == "success"


@pytest.mark.row("actions: pre and post steps")
async def test_post_runs_after_a_cancellation(bench: Callable[..., Bench], shop: Shop) -> None:
    shop.publish("octo/a", javascript(main="console.log('here'); setTimeout(() => {}, 60000)", post="console.log('x')"))
    made = bench(order(uses("octo/a@v1"), step("echo no")), actions=shop.sources)
    running = asyncio.ensure_future(made.run())
    while not any("here" in chunk.lines for chunk in made.chunks):
        await asyncio.sleep(0.02)
    made.job.cancel("user")
    ran = await running
    assert [(one.name, one.outcome) for one in ran.record.steps[1:]] == [
        ("Run octo/a@v1", "cancellation"),
        ("Run echo no", "skip"),
        ("Post Run octo/a@v1", "success"),
    ]


async def test_actions_in_the_background_have_their_post_after_all_were_waited_for(run_job: RunJob, shop: Shop) -> None:
    go = "until [ -e go ]; do sleep 0.02; done"
    shop.publish("octo/a", javascript(main="require('fs').writeFileSync('go', '')", post="console.log('post')"))
    shop.publish("octo/c", composite(f"{{run: '{go}; echo SEEN=yes >> $GITHUB_ENV', shell: bash}}"))
    ran = await run_job(
        order(
            uses("octo/c@v1", background=True),
            uses("octo/a@v1", background=True),
            {**step(None), "wait": [0, 1]},
            step("echo $SEEN"),
        ),
        actions=shop.sources,
    )
    assert ran.end.conclusion == "success"
    assert ran.printed(3) == ["yes"]
    assert ran.record.steps[-1].name == "Post Run octo/a@v1"


# Where they come from


@pytest.mark.row("actions: local")
async def test_a_local_action_is_read_when_its_step_comes(run_job: RunJob, shop: Shop) -> None:
    action = "inputs: {who: {default: you}}\nruns: {using: node20, main: m.js, pre: no.js, post: m.js}"
    script = "console.log('hi', process.env.INPUT_WHO, process.env.GITHUB_ACTION_REPOSITORY)"
    ran = await run_job(
        order(
            files(act__action_yml=action, act__m_js=script),
            with_("./act", {"who": "me"}),
        )
    )
    assert [(one.name, one.part, one.outcome) for one in ran.record.steps][1:] == [
        ("Run ./act", "main", "success"),
        ("Post Run ./act", "post", "success"),
    ]
    said = "##[warning]`pre` execution is not supported for local action from './act'"
    assert printed(ran, "Run ./act") == [said, "hi me undefined"]


async def test_a_local_action_that_is_not_there(run_job: RunJob) -> None:
    ran = await run_job(order(uses("./act"), step("echo on", if_="always()")))
    assert ran.outcomes == ["failure", "success"]
    assert "Can't find 'action.yml', 'action.yaml' or 'Dockerfile' under" in ran.record.steps[0].why
    assert "Did you forget to run actions/checkout" in ran.record.steps[0].why


async def test_an_action_in_a_folder_of_its_repository_at_a_commit(run_job: RunJob, shop: Shop) -> None:
    commit = shop.publish("octo/many", {"in/side/action.yaml": "runs: {using: node20, main: ../m.js}", "in/m.js": ""})
    ran = await run_job(order(uses(f"octo/many/in/side@{commit}")), actions=shop.sources)
    assert ran.end.conclusion == "success"
    setup = [line for chunk in ran.chunks if chunk.step == 1 for line in chunk.lines]
    assert setup == [f"Download action repository 'octo/many@{commit}' (SHA:{commit})"]


async def test_where_an_action_cannot_be_had_no_step_runs(run_job: RunJob, shop: Shop) -> None:
    ran = await run_job(
        order(step("echo no"), uses("octo/none@v1"), step("echo never", if_="always()")), actions=shop.sources
    )
    assert [(one.part, one.outcome) for one in ran.record.steps] == [
        ("setup", "failure"),
        ("main", "skip"),
        ("main", "skip"),
        ("main", "skip"),
    ]
    assert ran.end.conclusion == "failure"
    assert ran.end.why.startswith("Unable to resolve action `octo/none@v1`: ")


class Slow:
    """Sources that never answer."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()

    @contextlib.asynccontextmanager
    async def checkout(self, wanted: Wanted) -> AsyncIterator[Source]:
        self.asked.set()
        await asyncio.sleep(3600)
        raise SourceMissing("never")
        yield


class OutOfReach:
    """Sources that cannot be reached, but for every third try."""

    def __init__(self, sources: Sources, every: int) -> None:
        self._sources, self._every, self.tries = sources, every, 0

    @contextlib.asynccontextmanager
    async def checkout(self, wanted: Wanted) -> AsyncIterator[Source]:
        self.tries += 1
        if self._every == 0 or self.tries % self._every:
            raise SourceUnreachable("Could not resolve host")
        async with self._sources.checkout(wanted) as source:
            yield source


async def test_a_job_that_is_cancelled_while_actions_are_fetched_ends(bench: Callable[..., Bench]) -> None:
    slow = Slow()
    made = bench(order(uses("octo/a@v1"), step("echo never", if_="always()")), actions=slow)
    running = asyncio.ensure_future(made.run())
    await slow.asked.wait()
    made.job.cancel("user")
    ran = await running
    assert [(one.part, one.outcome) for one in ran.record.steps] == [
        ("setup", "cancellation"),
        ("main", "skip"),
        ("main", "skip"),
    ]
    assert ran.end.conclusion == "cancellation"


@pytest.mark.parametrize(("every", "conclusion", "tries"), [(3, "success", 3), (0, "error", 3)])
async def test_a_repository_that_does_not_answer_is_tried_again_and_is_no_failure_of_the_job(
    bench: Callable[..., Bench], shop: Shop, every: int, conclusion: str, tries: int
) -> None:
    shop.publish("octo/a", javascript(main=""))
    sources = OutOfReach(shop.sources, every)
    made = bench(order(uses("octo/a@v1")), actions=sources)
    made.actions.library.pause = _at_once
    ran = await made.run()
    assert (ran.end.conclusion, sources.tries) == (conclusion, tries)


async def _at_once(seconds: float) -> None:
    return


async def test_a_broken_action_says_where(run_job: RunJob, shop: Shop) -> None:
    shop.publish("octo/a", {"action.yml": "runs:\n  using: node20\n  mian: x.js\n"})
    ran = await run_job(order(uses("octo/a@v1")), actions=shop.sources)
    assert "octo/a@v1/action.yml:3:3: unknown key `mian`" in ran.end.why


# Composite


@pytest.mark.row("actions: composite")
async def test_a_composite_action_has_contexts_of_its_own(run_job: RunJob, shop: Shop) -> None:
    head = """\
        inputs: {who: {default: world}}
        outputs:
          said: {value: "${{ steps.one.outputs.x }}-${{ inputs.who }}"}
    """
    shop.publish(
        "octo/a",
        composite(
            "{id: one, run: 'echo x=1 >> $GITHUB_OUTPUT; echo ${{ inputs.who }}', shell: bash}",
            "{run: 'echo [${{ steps.outer.outcome }}] [${{ steps.one.outcome }}] $GITHUB_ACTION', shell: sh}",
            "{run: 'test -f $GITHUB_ACTION_PATH/action.yml && echo $GITHUB_ACTION_REF', shell: bash}",
            "{run: 'print(1)', shell: python}",
            "{run: 'pwd; echo $A', shell: bash, working-directory: '${{ runner.temp }}', env: {A: '${{ env.B }}'}}",
            head=head,
        ),
    )
    ran = await run_job(
        order(
            step("echo", id="outer"),
            with_("octo/a@v1", {"who": "me"}, id="act", env={"B": "b"}),
            step("echo ${{ steps.act.outputs.said }} ${{ steps.one.outcome }}"),
        ),
        actions=shop.sources,
    )
    temp = printed(ran, "Run octo/a@v1")[4]
    assert printed(ran, "Run octo/a@v1") == ["me", "[] [success] act.__run", "v1", "1", temp, "b"]
    assert ran.printed(2) == ["1-me"]
    assert ran.end.conclusion == "success"


@pytest.mark.row("actions: composite")
async def test_a_failing_step_of_a_composite_action(run_job: RunJob, shop: Shop) -> None:
    shop.publish(
        "octo/a",
        composite(
            "{run: exit 3, shell: bash, continue-on-error: true, id: may}",
            "{run: 'echo ${{ steps.may.outcome }} ${{ steps.may.conclusion }}', shell: bash}",
            "{run: exit 4, shell: bash}",
            "{run: echo not me, shell: bash}",
            "{run: echo on failure, shell: bash, if: failure()}",
            "{run: echo always, shell: bash, if: always()}",
        ),
    )
    ran = await run_job(
        order(uses("octo/a@v1", id="a"), step("echo ${{ steps.a.outcome }}", if_="always()")), actions=shop.sources
    )
    shown = printed(ran, "Run octo/a@v1")
    assert [line for line in shown if not line.startswith("##[error]")] == ["failure success", "on failure", "always"]
    assert by_name(ran)["Run octo/a@v1"].exit_code == 4
    assert ran.printed(1) == ["failure"]


@pytest.mark.row("actions: composite")
async def test_status_functions_are_about_the_actions_own_steps(run_job: RunJob, shop: Shop) -> None:
    shop.publish("octo/a", composite("{run: echo fine, shell: bash}", "{run: echo bad, shell: bash, if: failure()}"))
    ran = await run_job(order(step("exit 1"), uses("octo/a@v1", if_="failure()")), actions=shop.sources)
    assert printed(ran, "Run octo/a@v1") == ["fine"]
    assert by_name(ran)["Run octo/a@v1"].outcome == "success"


@pytest.mark.row("actions: composite")
async def test_what_a_step_within_sets_counts_for_the_next_and_for_the_job(run_job: RunJob, shop: Shop) -> None:
    shop.publish(
        "octo/a",
        composite(
            "{run: 'echo IN=1 >> $GITHUB_ENV; echo /in >> $GITHUB_PATH; echo B=over >> $GITHUB_ENV', shell: bash}",
            "{run: 'echo $IN ${{ env.IN }} ${PATH%%:*} $B; echo sum >> $GITHUB_STEP_SUMMARY', shell: bash}",
            "{run: 'echo more >> $GITHUB_STEP_SUMMARY; echo \"::warning::careful\"', shell: bash}",
        ),
    )
    ran = await run_job(
        order(uses("octo/a@v1", env={"B": "mine"}), step("echo $IN ${PATH%%:*} $B")), actions=shop.sources
    )
    done = by_name(ran)["Run octo/a@v1"]
    assert printed(ran, done.name)[0] == "1 1 /in mine"
    assert ran.printed(1) == ["1 /in over"]
    assert [note.message for note in done.annotations] == ["careful"]
    assert done.summary is not None
    assert await ran.blobs.get(done.summary) == b"sum\nmore\n"


@pytest.mark.row("actions: composite nesting")
async def test_actions_within_actions_with_their_pre_post_and_state(run_job: RunJob, shop: Shop) -> None:
    script = "console.log(__filename.split('/').pop(), process.env.STATE_k, process.env.INPUT_N);"
    keep = "require('fs').appendFileSync(process.env.GITHUB_STATE, 'k=' + process.env.INPUT_N + '\\n');"
    shop.publish(
        "octo/js",
        javascript(pre=script, main=script + keep, post=script)
        | {"action.yml": "inputs: {n: {}}\nruns: {using: node20, pre: pre.js, main: main.js, post: post.js}\n"},
    )
    inner = composite("{uses: octo/js@v1, with: {n: '${{ inputs.n }}1'}}", head="inputs: {n: {}}")
    shop.publish("octo/inner", inner)
    shop.publish("octo/outer", composite("{uses: octo/inner@v1, with: {n: a}}", "{uses: octo/js@v1, with: {n: b}}"))
    ran = await run_job(order(uses("octo/outer@v1")), actions=shop.sources)
    assert [(one.name, one.part, one.outcome) for one in ran.record.steps] == [
        ("Set up job", "setup", "success"),
        ("Pre Run octo/outer@v1", "pre", "success"),
        ("Run octo/outer@v1", "main", "success"),
        ("Post Run octo/outer@v1", "post", "success"),
    ]
    assert printed(ran, "Pre Run octo/outer@v1") == ["pre.js undefined a1", "pre.js undefined b"]
    assert printed(ran, "Run octo/outer@v1") == ["main.js undefined a1", "main.js undefined b"]
    assert printed(ran, "Post Run octo/outer@v1")[1:] == ["post.js b b", "post.js a1 a1"]


@pytest.mark.row("actions: composite nesting")
async def test_a_local_composite_action_may_use_actions_of_others(run_job: RunJob, shop: Shop) -> None:
    shop.publish(
        "octo/js", javascript(pre="console.log('pre')", main="console.log('main')", post="console.log('post')")
    )
    action = composite("{uses: octo/js@v1}", "{uses: ./other}")["action.yml"]
    other = composite("{run: echo other, shell: bash}")["action.yml"]
    ran = await run_job(
        order(files(act__action_yml=action, other__action_yml=other), uses("./act")), actions=shop.sources
    )
    assert printed(ran, "Run ./act") == ["pre", "main", "other"]
    assert printed(ran, "Post Run ./act")[-1] == "post"


@pytest.mark.row("actions: composite nesting")
async def test_composite_actions_nest_nine_deep_and_not_deeper(run_job: RunJob, shop: Shop) -> None:
    shop.publish("octo/d0", composite("{run: echo bottom, shell: bash}"))
    for depth in range(1, 11):
        shop.publish(f"octo/d{depth}", composite(f"{{uses: octo/d{depth - 1}@v1}}"))
    ran = await run_job(order(uses("octo/d9@v1")), actions=shop.sources)
    assert printed(ran, "Run octo/d9@v1") == ["bottom"]
    ran = await run_job(order(uses("octo/d10@v1")), actions=shop.sources)
    assert "Composite action depth exceeded max depth 9" in ran.end.why


async def test_an_action_that_uses_itself_ends(run_job: RunJob, shop: Shop) -> None:
    shop.publish("octo/a", composite("{uses: octo/a@v1}"))
    ran = await run_job(order(uses("octo/a@v1")), actions=shop.sources)
    assert "depth exceeded" in ran.end.why
    action = composite("{uses: ./act}")["action.yml"]
    ran = await run_job(order(files(act__action_yml=action), uses("./act")))
    assert "depth exceeded" in ran.record.steps[1].why


async def test_a_composite_action_has_the_time_of_its_step(run_job: RunJob, shop: Shop) -> None:
    shop.publish("octo/a", composite("{run: sleep 60, shell: bash}", "{run: echo no, shell: bash, if: always()}"))
    ran = await run_job(order(uses("octo/a@v1", timeout_minutes=0.01)), actions=shop.sources)
    done = by_name(ran)["Run octo/a@v1"]
    assert done.outcome == "failure"
    assert done.why == "The action 'Run octo/a@v1' has timed out after 0.01 minutes."
    assert "no" not in printed(ran, done.name)


async def test_a_cancelled_composite_action_still_runs_what_asks_for_it(
    bench: Callable[..., Bench], shop: Shop
) -> None:
    shop.publish(
        "octo/a",
        composite(
            "{run: 'echo here; sleep 60', shell: bash}",
            "{run: echo no, shell: bash}",
            "{run: echo cleaned, shell: bash, if: always()}",
        ),
    )
    made = bench(order(uses("octo/a@v1")), actions=shop.sources)
    running = asyncio.ensure_future(made.run())
    while not any("here" in chunk.lines for chunk in made.chunks):
        await asyncio.sleep(0.02)
    made.job.cancel("user")
    ran = await running
    assert by_name(ran)["Run octo/a@v1"].outcome == "cancellation"
    assert [line for line in printed(ran, "Run octo/a@v1") if "##[" not in line] == ["here", "cleaned"]


async def test_a_secret_given_to_an_action_is_masked(run_job: RunJob, shop: Shop) -> None:
    shop.publish("octo/a", javascript(main="console.log(process.env.INPUT_TOKEN)"))
    ran = await run_job(
        order(with_("octo/a@v1", {"token": "${{ secrets.T }}"})), actions=shop.sources, secrets={"T": "hunter22"}
    )
    assert "hunter22" not in "\n".join(ran.lines)
    assert printed(ran, "Run octo/a@v1")[-1] == "***"
