"""`on:` against events, as GitHub's documentation has it: each row an `on`, an event, what comes of it."""

import pytest

from libs.workflow.model import On
from libs.workflow.reading.workflow import read_workflow
from libs.workflow.triggers import Matched, NotMatched, TriggerEvent, match, needs_changed_paths, skip_instruction


def on(settings: str) -> On:
    text = f"on: {settings}\njobs: {{a: {{runs-on: x, steps: [{{run: x}}]}}}}\n"
    reading = read_workflow("w.yml", text.encode())
    assert reading.workflow is not None, reading.problems
    return reading.workflow.on


def branch(name: str, *changed: str, message: str = "") -> TriggerEvent:
    return TriggerEvent("push", ref=f"refs/heads/{name}", changed_paths=changed, message=message)


def tag(name: str, *changed: str) -> TriggerEvent:
    return TriggerEvent("push", ref=f"refs/tags/{name}", changed_paths=changed)


def pull(action: str, base: str = "main", *changed: str, message: str = "") -> TriggerEvent:
    return TriggerEvent("pull_request", action=action, base=base, changed_paths=changed, message=message)


dispatch = TriggerEvent("workflow_dispatch", ref="refs/heads/main")
large_push = TriggerEvent("push", ref="refs/heads/main", changed_paths=None)
large_pull = TriggerEvent("pull_request", action="opened", base="main", changed_paths=None)

matching: list[tuple[str, TriggerEvent]] = [
    ("push", branch("main")),
    ("push", branch("feature/a")),
    ("push", tag("v1")),
    ("[push]", branch("main")),
    ("[pull_request, push]", branch("main")),
    ("{push: }", branch("main")),
    ("{push: {}}", tag("v1")),
    ("{push: {branches: main}}", branch("main")),
    ("{push: {branches: [main]}}", branch("main")),
    ("{push: {branches: [main, 'dev/**']}}", branch("dev/a/b")),
    ("{push: {branches: ['releases/**', '!releases/**-alpha']}}", branch("releases/10")),
    ("{push: {branches: ['releases/**', '!releases/**-alpha']}}", branch("releases/beta/mona")),
    ("{push: {branches: ['**', '!a', 'a']}}", branch("a")),
    ("{push: {branches: ['**']}}", branch("all/of/it")),
    ("{push: {branches: ['*']}}", branch("main")),
    ("{push: {branches: [v1.0]}}", branch("v1.0")),
    ("{push: {branches: [1.0]}}", branch("1")),
    ("{push: {branches-ignore: [main]}}", branch("dev")),
    ("{push: {branches-ignore: ['mona/**']}}", branch("mona")),
    ("{push: {branches-ignore: ['*', '!main']}}", branch("main")),
    ("{push: {tags: ['v*']}}", tag("v1.2")),
    ("{push: {tags: ['v[12].[0-9]+.[0-9]+']}}", tag("v1.10.1")),
    ("{push: {tags-ignore: ['v*']}}", tag("nightly")),
    ("{push: {branches: [main], tags: ['v*']}}", branch("main")),
    ("{push: {branches: [main], tags: ['v*']}}", tag("v1")),
    ("{push: {branches-ignore: [main], tags: ['v*']}}", branch("dev")),
    ("{push: {branches: [main], tags-ignore: ['v*']}}", tag("x")),
    ("{push: {tags: ['**']}}", tag("a/b")),
    ("{push: {paths: ['**.js']}}", branch("main", "src/app.js")),
    ("{push: {paths: ['**.js']}}", branch("main", "README.md", "src/app.js")),
    ("{push: {paths: ['docs/**']}}", branch("main", "docs/a/b.md")),
    ("{push: {paths: ['sub-project/**', '!sub-project/docs/**']}}", branch("main", "sub-project/index.js")),
    ("{push: {paths: ['sub-project/**', '!sub-project/docs/**']}}", branch("main", "sub-project/src/index.js")),
    ("{push: {paths: ['a/**', '!a/b/**', 'a/b/c']}}", branch("main", "a/b/c")),
    ("{push: {paths: ['a', '!b']}}", branch("main", "b", "a")),
    ("{push: {paths-ignore: ['docs/**']}}", branch("main", "docs/a", "src/b")),
    ("{push: {paths-ignore: ['docs/**']}}", branch("main", "docs")),
    ("{push: {paths-ignore: ['docs/**', '!docs/keep']}}", branch("main", "docs/keep")),
    ("{push: {paths: ['**.js']}}", tag("v1", "README.md")),
    ("{push: {paths-ignore: ['**']}}", tag("v1", "README.md")),
    ("{push: {tags: ['v*'], paths: ['**.js']}}", tag("v1", "README.md")),
    ("{push: {tags: ['v*'], paths: ['**.js']}}", tag("v1")),
    ("{push: {branches: [main], paths: ['**.js']}}", branch("main", "a.js")),
    ("{push: {paths: ['**.js']}}", large_push),
    ("{push: {paths-ignore: ['**']}}", large_push),
    ("{push: {branches: [main], paths: [x]}}", large_push),
    ("pull_request", pull("opened")),
    ("pull_request", pull("synchronize")),
    ("pull_request", pull("reopened")),
    ("[push, pull_request]", pull("opened")),
    ("{pull_request: {types: [closed]}}", pull("closed")),
    ("{pull_request: {types: labeled}}", pull("labeled")),
    ("{pull_request: {types: [opened, ready_for_review]}}", pull("ready_for_review")),
    ("{pull_request: {branches: [main]}}", pull("opened", "main")),
    ("{pull_request: {branches: ['releases/**']}}", pull("opened", "releases/10")),
    ("{pull_request: {branches: ['releases/**', '!releases/**-alpha']}}", pull("opened", "releases/1")),
    ("{pull_request: {branches-ignore: [main]}}", pull("opened", "dev")),
    ("{pull_request: {paths: ['**.js']}}", pull("opened", "main", "a.js")),
    ("{pull_request: {paths-ignore: ['docs/**']}}", pull("opened", "main", "a.js", "docs/b")),
    ("{pull_request: {paths: ['**.js']}}", large_pull),
    ("{pull_request: {types: [closed], branches: [main], paths: ['**.js']}}", pull("closed", "main", "a.js")),
    ("workflow_dispatch", dispatch),
    ("{workflow_dispatch: {inputs: {a: {required: true}}}}", dispatch),
    ("[push, workflow_dispatch]", dispatch),
    ("push", branch("main", message="fix the thing\n\nskip-checks is not here")),
    ("push", branch("main", message="no [skip-ci] like this")),
    ("workflow_dispatch", TriggerEvent("workflow_dispatch", ref="refs/heads/main", message="[skip ci]")),
]

not_matching: list[tuple[str, TriggerEvent, str]] = [
    ("push", pull("opened"), "does not listen to `pull_request`, only to `push`"),
    ("pull_request", branch("main"), "does not listen to `push`"),
    ("[push, pull_request]", dispatch, "only to `pull_request`, `push`"),
    ("push", TriggerEvent("issues", action="opened"), "does not listen to `issues`"),
    ("push", TriggerEvent("push", ref="refs/heads/main", deleted=True), "the push deleted `refs/heads/main`"),
    ("push", TriggerEvent("push", ref="refs/tags/v1", deleted=True), "the push deleted `refs/tags/v1`"),
    ("push", TriggerEvent("push", ref="refs/notes/commits"), "neither a branch nor a tag"),
    ("{push: {branches: [main]}}", branch("dev"), "the branch `dev` matches none of `main`"),
    ("{push: {branches: [main]}}", branch("Main"), "matches none"),
    ("{push: {branches: [main]}}", branch("x/main"), "matches none"),
    ("{push: {branches: ['*']}}", branch("a/b"), "matches none"),
    ("{push: {branches: ['releases/**', '!releases/**-alpha']}}", branch("releases/10-alpha"), "matches none"),
    ("{push: {branches: ['releases/**', '!releases/**-alpha']}}", branch("releases/beta/3-alpha"), "matches none"),
    ("{push: {branches: ['a', '!a']}}", branch("a"), "matches none"),
    ("{push: {branches: ['1.10']}}", branch("1.1"), "matches none"),
    ("{push: {branches: []}}", branch("main"), "matches none of nothing"),
    ("{push: {branches-ignore: [main]}}", branch("main"), "the branch `main` is ignored by `main`"),
    ("{push: {branches-ignore: ['mona/**']}}", branch("mona/octocat"), "is ignored"),
    ("{push: {branches-ignore: ['*', '!main']}}", branch("dev"), "is ignored"),
    ("{push: {branches: [main]}}", tag("v1"), "the push is to the tag `v1`, and the workflow filters branches only"),
    ("{push: {branches: ['**']}}", tag("v1"), "filters branches only"),
    ("{push: {branches-ignore: [main]}}", tag("v1"), "filters branches only"),
    ("{push: {tags: ['v*']}}", branch("v1"), "the push is to the branch `v1`, and the workflow filters tags only"),
    ("{push: {tags-ignore: ['v*']}}", branch("main"), "filters tags only"),
    ("{push: {tags: ['v*']}}", tag("x"), "the tag `x` matches none of `v*`"),
    ("{push: {tags-ignore: ['v*']}}", tag("v1"), "the tag `v1` is ignored"),
    ("{push: {branches: [main], tags: ['v*']}}", branch("dev"), "the branch `dev`"),
    ("{push: {branches: [main], tags: ['v*']}}", tag("x"), "the tag `x`"),
    ("{push: {paths: ['**.js']}}", branch("main", "README.md"), "none of the 1 changed files matches `paths`: `**.js`"),
    ("{push: {paths: ['**.js']}}", branch("main"), "no file changed"),
    ("{push: {paths-ignore: ['**.js']}}", branch("main"), "no file changed"),
    ("{push: {paths: ['*.js']}}", branch("main", "src/app.js"), "none of"),
    ("{push: {paths: ['sub-project/**', '!sub-project/docs/**']}}", branch("main", "sub-project/docs/x.md"), "none of"),
    ("{push: {paths: ['a', '!b']}}", branch("main", "b"), "none of"),
    ("{push: {paths-ignore: ['docs/**']}}", branch("main", "docs/a", "docs/b/c"), "all 2 changed files match"),
    ("{push: {paths-ignore: ['**']}}", branch("main", "a"), "all 1 changed files match `paths-ignore`"),
    ("{push: {branches: [main], paths: ['**.js']}}", branch("dev", "a.js"), "the branch `dev`"),
    ("{push: {branches: [main], paths: ['**.js']}}", branch("main", "a.py"), "none of"),
    ("{push: {branches: [main], paths: ['**.js']}}", tag("v1", "a.js"), "filters branches only"),
    ("pull_request", pull("closed"), "the activity is `closed`, and the workflow wants `opened`, `synchronize`"),
    ("pull_request", pull("labeled"), "the activity is `labeled`"),
    ("pull_request", pull("edited"), "the activity is `edited`"),
    ("{pull_request: {types: [closed]}}", pull("opened"), "the workflow wants `closed`"),
    ("{pull_request: {branches: [main]}}", pull("opened", "dev"), "the base branch `dev` matches none of `main`"),
    ("{pull_request: {branches: ['releases/**', '!releases/**-alpha']}}", pull("opened", "releases/1-alpha"), "none"),
    ("{pull_request: {branches-ignore: [main]}}", pull("opened", "main"), "is ignored"),
    ("{pull_request: {branches-ignore: ['releases/**-alpha']}}", pull("opened", "releases/b/3-alpha"), "is ignored"),
    ("{pull_request: {paths: ['**.js']}}", pull("opened", "main", "a.py"), "none of"),
    ("{pull_request: {paths-ignore: ['docs/**']}}", pull("opened", "main", "docs/a"), "all 1 changed"),
    ("{pull_request: {types: [closed], branches: [main]}}", pull("closed", "dev"), "the base branch `dev`"),
    ("push", branch("main", message="x [skip ci]"), "the commit message says `[skip ci]`"),
    ("pull_request", pull("opened", message="[no ci] x"), "the commit message says `[no ci]`"),
    ("{push: {paths: [a]}}", TriggerEvent("push", ref="refs/heads/x", message="[ci skip]"), "`[ci skip]`"),
]


@pytest.mark.parametrize(("settings", "event"), matching)
def test_an_event_that_the_workflow_wants_starts_it(settings: str, event: TriggerEvent) -> None:
    assert match(on(settings), event) == Matched()


@pytest.mark.parametrize(("settings", "event", "reason"), not_matching)
def test_an_event_that_it_does_not_want_starts_nothing_and_the_reason_is_said(
    settings: str, event: TriggerEvent, reason: str
) -> None:
    verdict = match(on(settings), event)

    assert isinstance(verdict, NotMatched)
    assert reason in verdict.reason


@pytest.mark.parametrize(
    ("settings", "event", "expected"),
    [
        ("push", branch("main"), False),
        ("{push: {branches: [main]}}", branch("main"), False),
        ("{push: {paths: [a]}}", branch("main"), True),
        ("{push: {paths-ignore: [a]}}", branch("main"), True),
        ("{push: {branches: [main], paths: [a]}}", branch("main"), True),
        ("{push: {branches: [main], paths: [a]}}", branch("dev"), False),
        ("{push: {paths: [a]}}", tag("v1"), False),
        ("{push: {paths: [a]}}", pull("opened"), False),
        ("{pull_request: {paths: [a]}}", pull("opened"), True),
        ("{pull_request: {paths: [a]}}", pull("closed"), False),
        ("{push: {paths: [a]}}", branch("main", message="[skip ci]"), False),
        ("workflow_dispatch", dispatch, False),
    ],
)
def test_a_diff_is_asked_for_only_where_it_decides(settings: str, event: TriggerEvent, expected: bool) -> None:
    assert needs_changed_paths(on(settings), event) is expected


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("fix", None),
        ("", None),
        ("[skip ci]", "[skip ci]"),
        ("[ci skip] fix", "[ci skip]"),
        ("fix [no ci]", "[no ci]"),
        ("fix\n\nlong text [skip actions] more", "[skip actions]"),
        ("[actions skip]", "[actions skip]"),
        ("skip ci", None),
        ("[skip  ci]", None),
        ("[skip]", None),
        ("fix\n\n\nskip-checks: true", "skip-checks: true"),
        ("fix\n\n\nskip-checks:true", "skip-checks:true"),
        ("fix\n\n\nskip-checks: true\n", "skip-checks: true"),
        ("fix\n\n\nSigned-off-by: A <a@b.c>\nskip-checks: true", "skip-checks: true"),
        ("fix\n\n\nskip-checks: false", None),
        ("fix\nskip-checks: true", None),
        ("skip-checks: true", None),
        ("fix\n\n\nskip-checks: true\n\nmore text", None),
    ],
)
def test_a_commit_message_can_ask_for_no_run(message: str, expected: str | None) -> None:
    assert skip_instruction(message) == expected
