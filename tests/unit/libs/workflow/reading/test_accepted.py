"""Workflows that GitHub accepts and we run: no errors, and no warnings unless the case says so."""

import pytest

from libs.workflow.reading.workflow import read_workflow
from tests.unit.libs.workflow.workflows import minimal, with_job, with_jobs, with_on, with_step, with_strategy, with_top

accepted = {
    "minimal": minimal,
    "on as a list": minimal.replace("on: push", "on: [push, pull_request, workflow_dispatch]"),
    "on in quotes": minimal.replace("on: push", '"on": push'),
    "events without settings": with_on("push:\npull_request:\nworkflow_dispatch:"),
    "an event with an empty mapping": with_on("push: {}\npull_request: {}\nworkflow_dispatch: {}"),
    "all push filters": with_on("push:\n  branches: [main]\n  tags: ['v*']\n  paths: ['**.py', '!docs/**']"),
    "all push ignores": with_on("push:\n  branches-ignore: [main]\n  tags-ignore: ['v*']\n  paths-ignore: ['**.md']"),
    "a filter of one string": with_on("push:\n  branches: main"),
    "a filter that excludes": with_on("push:\n  branches: ['release/**', '!release/**-alpha']"),
    "an ignore of negatives": with_on("push:\n  branches-ignore: ['!main']"),
    "a numeric branch": with_on("push:\n  branches: [1.0]"),
    "pull_request with everything": with_on(
        "pull_request:\n  types: [opened, closed, ready_for_review]\n  branches: [main]\n  paths: [src/**]"
    ),
    "one type": with_on("pull_request:\n  types: labeled"),
    "dispatch with every type of input": with_on(
        "workflow_dispatch:\n  inputs:\n"
        "    s: {description: text, type: string, default: abc, required: true}\n"
        "    b: {type: boolean, default: true}\n"
        "    n: {type: number, default: 1.5}\n"
        "    c: {type: choice, options: [a, b], default: b}\n"
        "    e: {type: environment}\n"
        "    plain: {default: x}"
    ),
    "inputs without entries": with_on("workflow_dispatch:\n  inputs: {}"),
    "name and run-name": with_top("name: CI\nrun-name: Deploy ${{ github.ref }} by ${{ github.actor }} ${{ vars.x }}"),
    "a number as a name": with_top("name: 1.0"),
    "env of every scalar": with_top("env: {A: b, B: 1, C: true, D: null, E: 1.5, F: '${{ github.sha }}'}"),
    "env from secrets": with_top("env:\n  TOKEN: ${{ secrets.TOKEN }}"),
    "permissions read-all": with_top("permissions: read-all"),
    "permissions write-all": with_top("permissions: write-all"),
    "permissions none": with_top("permissions: {}"),
    "permissions of scopes": with_top(
        "permissions: {contents: read, id-token: write, issues: none, models: read, checks: write}"
    ),
    "permissions of newer scopes": with_top(
        "permissions: {artifact-metadata: write, attestations: read, code-quality: read, copilot-requests: write, "
        "drives: read, vulnerability-alerts: read, repository-projects: none}"
    ),
    "permissions of a job": with_job("permissions: {contents: read}"),
    "defaults": with_top("defaults: {run: {shell: bash, working-directory: src}}"),
    "empty defaults": with_top("defaults: {}"),
    "job defaults with expressions": with_job(
        "defaults: {run: {shell: '${{ vars.shell }}', working-directory: '${{ github.event_name }}'}}"
    ),
    "job name": with_job("name: Build ${{ github.ref }}"),
    "job env": with_job("env: {A: '${{ secrets.X }}', B: 2}"),
    "job env from one expression": with_job("env: ${{ fromJSON(vars.env) }}"),
    "needs one": with_jobs("a: {{J}}\nb: {needs: a, {J}}"),
    "needs a list": with_jobs("a: {{J}}\nb: {{J}}\nc: {needs: [a, b], {J}}"),
    "needs a later job": with_jobs("a: {needs: b, {J}}\nb: {{J}}"),
    "needs without case": with_jobs("Build: {{J}}\nb: {needs: build, {J}}"),
    "needs none": with_jobs("a: {needs: [], {J}}"),
    "needs a diamond": with_jobs("a: {{J}}\nb: {needs: a, {J}}\nc: {needs: a, {J}}\nd: {needs: [b, c], {J}}"),
    "ids with every character": with_jobs("_a-B_9: {{J}}\nb: {{J}}"),
    "an id of 99 characters": with_jobs("a" * 99 + ": {{J}}"),
    "job if": with_job("if: github.ref == 'refs/heads/main' && !cancelled()"),
    "job if in braces": with_job("if: ${{ always() && needs }}"),
    "job if with names of jobs": with_jobs("a: {{J}}\nb: {needs: a, if: \"success('a') || failure('a')\", {J}}"),
    "job if false": with_job("if: false"),
    "runs-on a label": with_jobs("a: {runs-on: ubuntu-latest, steps: [{run: x}]}"),
    "runs-on a list": with_jobs("a: {runs-on: [self-hosted, linux, x64], steps: [{run: x}]}"),
    "runs-on labels": with_jobs("a: {runs-on: {labels: [linux, x64]}, steps: [{run: x}]}"),
    "runs-on one label in a mapping": with_jobs("a: {runs-on: {labels: linux}, steps: [{run: x}]}"),
    "runs-on an expression": with_jobs("a: {runs-on: '${{ fromJSON(vars.labels) }}', steps: [{run: x}]}"),
    "runs-on with expressions inside": with_jobs("a: {runs-on: [linux, '${{ vars.arch }}'], steps: [{run: x}]}"),
    "strategy": with_strategy("matrix: {os: [a, b], v: [1, 2]}\nfail-fast: false\nmax-parallel: 2"),
    "strategy with expressions": with_strategy(
        "matrix: ${{ fromJSON(needs.x.outputs.m) }}\nfail-fast: ${{ github.ref == 'x' }}\nmax-parallel: ${{ vars.n }}"
    ).replace("    strategy", "    strategy"),
    "a vector from an expression": with_strategy("matrix:\n  os: ${{ fromJSON(vars.os) }}\n  v: [1]"),
    "a matrix of objects": with_strategy("matrix:\n  node: [{version: 14}, {version: 20, env: X}]"),
    "include and exclude": with_strategy(
        "matrix:\n  os: [a, b]\n  v: [1, 2]\n  exclude:\n    - {os: a, v: 1}\n  include:\n    - {os: c, extra: 1}"
    ),
    "include alone": with_strategy("matrix:\n  include:\n    - {a: 1}\n    - {a: 2}"),
    "include from an expression": with_strategy("matrix:\n  include: ${{ fromJSON(vars.x) }}"),
    "insert in a matrix": with_strategy("matrix:\n  ${{ insert }}: ${{ fromJSON(vars.x) }}\n  a: [1]"),
    "a matrix of 256": with_strategy("matrix:\n  a: [" + ", ".join(map(str, range(256))) + "]"),
    "a vector with null and booleans": with_strategy("matrix:\n  a: [null, true, 1.5, x]"),
    "a strategy without matrix": with_strategy("fail-fast: true"),
    "matrix in other keys": with_job(
        "strategy: {matrix: {os: [a]}}\nname: x ${{ matrix.os }} ${{ strategy.job-index }}\n"
        "continue-on-error: ${{ matrix.os == 'a' }}\ntimeout-minutes: ${{ fromJSON(matrix.os) }}"
    ),
    "outputs": with_job("outputs: {a: '${{ job.status }}', b: text}"),
    "outputs from steps": "on: push\njobs:\n  a:\n    runs-on: x\n    outputs: {o: '${{ steps.s.outputs.o }}'}\n"
    "    steps:\n      - {id: s, run: x}\n",
    "continue-on-error": with_job("continue-on-error: true"),
    "timeout": with_job("timeout-minutes: 30"),
    "a fraction of a minute": with_job("timeout-minutes: 0.5"),
    "a hexadecimal timeout": with_job("timeout-minutes: 0x10"),
    "run of several lines": with_step("run: |\n  echo a\n  echo ${{ github.sha }}"),
    "a folded run": with_step("run: >-\n  echo a\n  ${{ github.sha }}"),
    "a step of every key": with_step(
        "id: s\nname: Step ${{ github.sha }}\nif: success() && hashFiles('**/lock') != ''\nrun: echo\n"
        "env: {A: '${{ secrets.A }}', B: 1}\nshell: bash\nworking-directory: ${{ github.workspace }}\n"
        "continue-on-error: ${{ github.ref == 'x' }}\ntimeout-minutes: ${{ fromJSON('3') }}"
    ),
    "step env from one expression": with_step("run: x\nenv: ${{ fromJSON(vars.env) }}"),
    "shell python": with_step("run: print()\nshell: python"),
    "shell pwsh": with_step("run: x\nshell: pwsh"),
    "shell sh": with_step("run: x\nshell: sh"),
    "a shell of one's own": with_step("run: x\nshell: perl {0}"),
    "checkout": with_step("uses: actions/checkout@v4"),
    "checkout without case": with_step("uses: Actions/Checkout@v4"),
    "checkout by commit": with_step("uses: actions/checkout@11bd71901bbe5b1630ceea73d27597364c9af683"),
    "checkout with its inputs": with_step(
        "uses: actions/checkout@v4\nwith: {ref: main, path: a, fetch-depth: 0, clean: false, repository: a/b, "
        "persist-credentials: false, token: '${{ secrets.T }}'}"
    ),
    "checkout with inputs that ask for nothing": with_step(
        "uses: actions/checkout@v4\nwith: {submodules: false, lfs: false, ssh-key: '', sparse-checkout: '', "
        "fetch-tags: false, show-progress: false}"
    ),
    "an anchor and its alias": with_jobs("a: &job\n  runs-on: x\n  steps:\n    - &step {run: x}\n    - *step\nb: *job"),
    "an alias of env": with_top("env: &e {A: b}").replace("runs-on: x,", "runs-on: x, env: &x {A: c},"),
    "comments and blank lines": "# top\n\non: push # event\n\njobs:\n  # a job\n  a: {runs-on: x, steps: [{run: x}]}\n",
    "a byte order mark": "\ufeff" + minimal,
    "line ends of Windows": minimal.replace("\n", "\r\n"),
    "a document start": "---\n" + minimal,
    "a document end": minimal + "...\n",
    "yes and no are strings": with_top("env: {A: yes, B: no, C: on, D: off}"),
    "an escaped expression": with_step("run: echo ${{ '${{' }}"),
    "braces without dollar": with_step("run: echo {{ x }} ${x} $((1+1))"),
    "case": with_job("if: case(github.ref == 'a', true, false)"),
    "job context": with_step("run: echo ${{ job.workflow_sha }} ${{ job.status }} ${{ runner.os }}"),
}


@pytest.mark.parametrize("text", accepted.values(), ids=accepted.keys())
def test_a_workflow_that_github_accepts_is_read_without_errors(text: str) -> None:
    reading = read_workflow("w.yml", text.encode())

    assert [problem.render() for problem in reading.problems if problem.severity == "error"] == []
    assert reading.workflow is not None
