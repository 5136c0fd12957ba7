"""`action.yml` is read whole: what is there becomes the model, what is wrong becomes a problem with its place."""

from __future__ import annotations

from textwrap import dedent

import pytest

from libs.workflow.actions.manifest import read_action
from libs.workflow.actions.model import Action, Composite, Docker, Input, JavaScript
from libs.workflow.source import workflow_bytes


def _read(text: str) -> Action:
    manifest = read_action("action.yml", dedent(text).encode())
    assert manifest.action is not None, manifest.problems
    return manifest.action


def _problems(text: str) -> list[str]:
    return [problem.render() for problem in read_action("action.yml", dedent(text).encode()).problems]


@pytest.mark.row("actions: JavaScript")
def test_a_javascript_action() -> None:
    action = _read(
        """\
        name: Greet
        description: Says hello
        author: me
        branding: {icon: activity, color: blue}
        inputs:
          who:
            description: Whom
            required: true
            default: ${{ github.actor }}
          Old Name:
            required: "true"
            deprecationMessage: use who
          bare:
        outputs:
          said: {description: What was said}
        runs:
          using: Node20
          main: dist/index.js
          pre: dist/setup.js
          pre-if: runner.os == 'Linux'
          post: dist/cleanup.js
          post-if: ${{ success() }}
        """
    )
    assert action.name == "Greet"
    assert action.inputs == (
        Input("who", "${{ github.actor }}", required=True),
        Input("Old Name", None, required=True, deprecation="use who"),
        Input("bare"),
    )
    assert action.runs == JavaScript(
        20, "dist/index.js", "dist/setup.js", "runner.os == 'Linux'", "dist/cleanup.js", "${{ success() }}"
    )
    assert action.has_pre
    assert action.has_post


@pytest.mark.row("actions: pre and post steps")
def test_pre_and_post_run_always_unless_the_file_says_when() -> None:
    runs = _read("runs: {using: node24, main: a.js, pre: b.js, post: c.js}").runs
    assert isinstance(runs, JavaScript)
    assert (runs.pre_if, runs.post_if) == ("always()", "always()")


@pytest.mark.row("actions: composite")
def test_a_composite_action() -> None:
    action = _read(
        """\
        name: Build
        inputs:
          target: {default: all}
        outputs:
          digest:
            value: ${{ steps.build.outputs.digest }}
        runs:
          using: composite
          steps:
            - id: build
              name: Make ${{ inputs.target }}
              if: inputs.target != ''
              run: make
              shell: bash
              working-directory: src
              env: {A: "1"}
              continue-on-error: ${{ inputs.target == 'x' }}
            - uses: ./other
              with: {a: b}
        """
    )
    assert action.outputs == {"digest": "${{ steps.build.outputs.digest }}"}
    assert isinstance(action.runs, Composite)
    first, second = action.runs.steps
    assert (first.id, first.shell, first.run, first.working_directory) == ("build", "bash", "make", "src")
    assert first.at.line == 10
    assert (second.uses, second.with_) == ("./other", {"a": "b"})


@pytest.mark.row("actions: Docker actions")
def test_a_docker_action() -> None:
    runs = _read(
        """\
        runs:
          using: docker
          image: Dockerfile
          entrypoint: /main.sh
          args: ["${{ inputs.who }}", 3]
          env: {A: "${{ inputs.who }}"}
          pre-entrypoint: /pre.sh
          post-entrypoint: /post.sh
          post-if: failure()
        """
    ).runs
    assert runs == Docker(
        "Dockerfile",
        "/main.sh",
        ("${{ inputs.who }}", "3"),
        {"A": "${{ inputs.who }}"},
        "/pre.sh",
        "always()",
        "/post.sh",
        "failure()",
    )


@pytest.mark.row("actions: action.yml")
@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("name: x", "action.yml:1:1: an action needs the key `runs`"),
        ("runs: {main: a.js}", "action.yml:1:7: `runs` needs the key `using`"),
        ("runs: {using: node99, main: a.js}", "action.yml:1:15: `using` must be one of node12, node16, node20"),
        ("runs: {using: composit, steps: []}", "did you mean `composite`?"),
        ("runs: {using: node20}", "needs the key `main`"),
        ("runs: {using: node20, main: a.js, image: b}", "action.yml:1:35: unknown key `image`"),
        ("runs: {using: docker}", "needs the key `image`"),
        ("runs: {using: composite}", "needs the key `steps`"),
        ("runs: {using: composite, steps: [{run: a}]}", "needs `shell` in a composite action"),
        ("runs: {using: composite, steps: [{shell: bash}]}", "a step needs `run` or `uses`"),
        ("runs: {using: composite, steps: [{run: a, shell: bash, uses: ./a}]}", "either `run` or `uses`"),
        ("runs: {using: composite, steps: [{uses: ./a, shell: bash}]}", "does not belong to a step with `uses`"),
        ("runs: {using: composite, steps: [{uses: a}]}", "`uses` must be"),
        ("runs: {using: composite, steps: [{run: a, shell: sh, timeout-minutes: 3}]}", "unknown key `timeout-minutes`"),
        ("runs: {using: composite, steps: [{run: a, shell: sh, background: true}]}", "unknown key `background`"),
        ("runs: {using: composite, steps: [{run: '${{ secrets.x }}', shell: sh}]}", "secrets"),
        ("runs: {using: composite, steps: [{run: '${{ needs.x }}', shell: sh}]}", "needs"),
        ("runs: {using: composite, steps: [{run: a, shell: sh, if: 'nope()'}]}", "nope"),
        ("runs: {using: node20, main: a.js, post-if: secrets.x}", "secrets"),
        ("runs: {using: node20, main: '${{ inputs.x }}'}", "an expression is not allowed here"),
        ("inputs: {a: {default: '${{ inputs.b }}'}}\nruns: {using: node20, main: a.js}", "inputs"),
        ("inputs: [a]\nruns: {using: node20, main: a.js}", "`inputs` must be a mapping, not a list"),
        ("runs: {using: docker, image: a, args: b}", "`args` must be a list"),
        ("runs: {using: docker, image: a, args: ['${{ github.sha }}']}", "github"),
        ("a: [", "action.yml:2:1: not valid YAML"),
        ("", "action.yml:1:1"),
    ],
)
def test_what_is_wrong_is_said_at_its_place(text: str, problem: str) -> None:
    manifest = read_action("action.yml", text.encode())
    assert manifest.action is None
    assert any(problem in found.render() for found in manifest.problems), manifest.problems


def test_every_error_is_reported() -> None:
    found = _problems(
        """\
        runs:
          using: composite
          steps:
            - run: a
            - id: 1x
              run: b
              shell: bash
            - uses: nothing
        """
    )
    assert [problem.split(":")[1] for problem in found] == ["4", "5", "8"]


def test_unknown_keys_at_the_top_and_of_an_input_are_warnings_as_on_github() -> None:
    manifest = read_action("action.yml", b"nam: x\ninputs: {a: {type: string}}\nruns: {using: node20, main: a.js}")
    assert manifest.action is not None
    assert [problem.severity for problem in manifest.problems] == ["warning", "warning"]
    assert "did you mean `name`?" in manifest.problems[0].message


def test_a_file_that_is_too_large_is_no_action() -> None:
    manifest = read_action("action.yml", b"#" * (workflow_bytes + 1))
    assert manifest.action is None
    assert manifest.problems


def test_references_that_mean_nothing_are_warned_of() -> None:
    found = _problems(
        """\
        inputs: {who: {}}
        outputs:
          a: {value: "${{ steps.nobody.outputs.x }} ${{ steps.one.outputs.x }}"}
        runs:
          using: composite
          steps:
            - {id: one, run: "echo ${{ inputs.WHO }} ${{ inputs.whom }} ${{ steps.one.outcome }}", shell: bash}
        """
    )
    assert found == [
        "action.yml:3:19: warning: `steps.nobody` is empty, because no step before this one has the id `nobody`",
        "action.yml:7:50: warning: `inputs.whom` is no input of this action, and is empty",
        "action.yml:7:69: warning: `steps.one` is empty, because no step before this one has the id `one`",
    ]
