"""Workflows with mistakes: each error at its exact place, in words that say what to do."""

import pytest

from libs.workflow.reading.workflow import read_workflow
from tests.unit.libs.workflow.workflows import minimal, with_job, with_jobs, with_on, with_step, with_strategy, with_top

Place = tuple[int, int, str]

long_run = "run: " + "x" * 21_001

rejected: dict[str, tuple[str, list[Place]]] = {
    # YAML
    "nothing": ("", [(1, 1, "the file is empty")]),
    "only a comment": ("# nothing\n", [(1, 1, "the file is empty")]),
    "a string": ("hello", [(1, 1, "a workflow must be a mapping, not the string 'hello'")]),
    "a list": ("- a", [(1, 1, "a workflow must be a mapping, not a list")]),
    "a tab": ("on: push\n\tjobs: x\n", [(2, 1, "a tab cannot indent YAML")]),
    "bad indentation": ("on: push\njobs:\n  a: 1\n b: 2\n", [(4, 2, "expected a key here")]),
    "a colon in a value": ("name: a: b\n", [(1, 8, "a `:` is not allowed here")]),
    "an open quote": ("on: push\nname: 'a\n", [(3, 1, "the closing quote is missing")]),
    "an open bracket": ("on: [push\n", [(2, 1, "expected `,` or `]`")]),
    "an open brace": ("on: {push: \n", [(2, 1, "expected")]),
    "a reserved character": ("name: @a\n", [(1, 7, "put it in quotes")]),
    "an alias without anchor": ("on: *a\n", [(1, 5, "this alias has no anchor")]),
    "an anchor within itself": ("on: &a [*a]\n", [(1, 9, "inside of its own anchor")]),
    "two documents": (minimal + "---\na: b\n", [(3, 1, "holds one YAML document")]),
    "a tag that does not fit": (with_job("name: !!int x"), [(6, 11, "'x' is no value for the tag !!int")]),
    "a tag of one's own": (with_job("name: !x y"), [(6, 11, "the tag !x is not allowed")]),
    "a merge key": (with_job("<<: {name: x}"), [(6, 5, "merge keys")]),
    "a duplicate key": (with_top("name: a\nname: b"), [(4, 1, "the key `name` is already defined on line 3")]),
    "a duplicate key in other case": (with_top("env: {A: 1, a: 2}"), [(3, 13, "the key `a` is already defined")]),
    "a duplicate job": (with_jobs("a: {{J}}\nA: {{J}}"), [(4, 3, "the key `A` is already defined")]),
    "a mapping as a key": (
        "{a: 1}: b\n",
        [(1, 1, "a key must be a string"), (1, 1, "needs the key `jobs`"), (1, 1, "needs the key `on`")],
    ),
    "a control character": ("name: a\x07\n", [(1, 8, "U+0007")]),
    # The top
    "no on": ("jobs: {a: {runs-on: x, steps: [{run: x}]}}\n", [(1, 1, "a workflow needs the key `on`")]),
    "no jobs": ("on: push\n", [(1, 1, "a workflow needs the key `jobs`")]),
    "an unknown key": (with_top("namee: x"), [(3, 1, "unknown key `namee` in a workflow; did you mean `name`?")]),
    "a key in other case": (
        minimal.replace("jobs", "Jobs"),
        [(1, 1, "needs the key `jobs`"), (2, 1, "unknown key `Jobs`")],
    ),
    "a key with underscore": (with_top("run_name: x"), [(3, 1, "did you mean `run-name`?")]),
    "a name that is a list": (with_top("name: [a]"), [(3, 7, "`name` must be a single value, not a list")]),
    "an expression as a name": (with_top("name: ${{ github.ref }}"), [(3, 7, "an expression is not allowed here")]),
    "secrets in run-name": (with_top("run-name: a ${{ secrets.X }}"), [(3, 17, "Unrecognized named-value: 'secrets'")]),
    "env that is a list": (with_top("env: [a]"), [(3, 6, "`env` must be a mapping, not a list")]),
    "env that is nothing": (with_top("env:"), [(3, 5, "`env` must be a mapping, not nothing")]),
    "env of a mapping": (with_top("env: {A: {b: c}}"), [(3, 10, "`A` must be a single value, not a mapping")]),
    "env with runner": (with_top("env:\n  A: ${{ runner.os }}"), [(4, 10, "'runner'")]),
    "permissions unknown scope": (with_top("permissions: {content: read}"), [(3, 15, "did you mean `contents`?")]),
    "permissions unknown level": (
        with_top("permissions: {contents: all}"),
        [(3, 25, "`contents` must be one of read")],
    ),
    "permissions level of a scope": (
        with_top("permissions: {id-token: read}"),
        [(3, 25, "must be one of write, none")],
    ),
    "permissions unknown word": (with_top("permissions: read"), [(3, 14, "read-all, write-all or a mapping")]),
    "permissions nothing": (with_top("permissions:"), [(3, 13, "read-all, write-all or a mapping")]),
    "defaults unknown key": (with_top("defaults: {runs: {}}"), [(3, 12, "did you mean `run`?")]),
    "defaults unknown run key": (with_top("defaults: {run: {workdir: x}}"), [(3, 18, "unknown key `workdir`")]),
    "defaults expression": (with_top("defaults: {run: {shell: '${{ github.x }}'}}"), [(3, 26, "not allowed here")]),
    # on
    "on nothing": (minimal.replace("on: push", "on:"), [(1, 4, "`on` must name at least one event")]),
    "on an empty list": (minimal.replace("on: push", "on: []"), [(1, 5, "`on` must name at least one event")]),
    "on an empty mapping": (minimal.replace("on: push", "on: {}"), [(1, 5, "`on` must name at least one event")]),
    "on unknown": (minimal.replace("on: push", "on: pusch"), [(1, 5, "unknown event `pusch`; did you mean `push`?")]),
    "on unknown in a list": (minimal.replace("on: push", "on: [push, merge]"), [(1, 12, "unknown event `merge`")]),
    "on unknown in a mapping": (with_on("pull-request:"), [(2, 3, "did you mean `pull_request`?")]),
    "on a nested list": (minimal.replace("on: push", "on: [[push]]"), [(1, 6, "must be a single value")]),
    "push of a string": (with_on("push: main"), [(2, 9, "`push` must be a mapping")]),
    "push of a list": (with_on("push: [main]"), [(2, 9, "`push` must be a mapping, not a list")]),
    "push types": (with_on("push:\n  types: [opened]"), [(3, 5, "unknown key `types` in `push`")]),
    "push branch": (with_on("push:\n  branch: main"), [(3, 5, "did you mean `branches`?")]),
    "pull_request tags": (with_on("pull_request:\n  tags: [v1]"), [(3, 5, "unknown key `tags` in `pull_request`")]),
    "branches of a mapping": (with_on("push:\n  branches: {a: b}"), [(3, 15, "must be a string or a list of strings")]),
    "branches of mappings": (
        with_on("push:\n  branches: [{a: b}]"),
        [(3, 16, "must be a string or a list of strings")],
    ),
    "an empty branch": (with_on("push:\n  branches: ['']"), [(3, 16, "`branches` must not be empty")]),
    "branches nothing": (with_on("push:\n  branches:"), [(3, 14, "`branches` must not be empty")]),
    "branches and branches-ignore": (
        with_on("push:\n  branches: [a]\n  branches-ignore: [b]"),
        [(4, 5, "`branches` and `branches-ignore` cannot be used together")],
    ),
    "tags and tags-ignore": (
        with_on("push:\n  tags-ignore: [a]\n  tags: [b]"),
        [(3, 5, "`tags` and `tags-ignore` cannot be used together")],
    ),
    "paths and paths-ignore": (
        with_on("pull_request:\n  paths: [a]\n  paths-ignore: [b]"),
        [(4, 5, "`paths` and `paths-ignore` cannot be used together")],
    ),
    "only negative branches": (with_on("push:\n  branches: ['!a']"), [(3, 15, "at least one pattern without `!`")]),
    "only negative paths": (with_on("push:\n  paths: ['!a', '!b']"), [(3, 12, "use `paths-ignore`")]),
    "a lone exclamation mark": (with_on("push:\n  branches: [a, '!']"), [(3, 20, "`!` needs a pattern after it")]),
    "an open class": (with_on("push:\n  branches: ['v[0-9']"), [(3, 18, "`[` has no closing `]`")]),
    "an empty class": (with_on("push:\n  branches: ['v[]']"), [(3, 18, "`[]` lists no character")]),
    "a range backwards": (with_on("push:\n  branches: ['[9-0]']"), [(3, 18, "`9-0` is not a range")]),
    "a plus at the start": (with_on("push:\n  branches: [+a]"), [(3, 16, "`+` repeats the character before it")]),
    "a backslash at the end": (with_on("push:\n  branches: ['a\\']"), [(3, 18, "needs a character after it")]),
    "an unknown type": (with_on("pull_request:\n  types: [openend]"), [(3, 13, "did you mean `opened`?")]),
    "an unknown key of dispatch": (with_on("workflow_dispatch:\n  input: {}"), [(3, 5, "did you mean `inputs`?")]),
    "an unknown key of an input": (
        with_on("workflow_dispatch:\n  inputs:\n    a: {typ: string}"),
        [(4, 11, "did you mean `type`?")],
    ),
    "an unknown type of input": (
        with_on("workflow_dispatch:\n  inputs:\n    a: {type: text}"),
        [(4, 17, "`type` must be one of string, boolean")],
    ),
    "a choice without options": (
        with_on("workflow_dispatch:\n  inputs:\n    a: {type: choice}"),
        [(4, 10, "the input `a` is a choice, and needs `options`")],
    ),
    "a choice of no options": (
        with_on("workflow_dispatch:\n  inputs:\n    a: {type: choice, options: []}"),
        [(4, 34, "`options` must not be empty")],
    ),
    "options without choice": (
        with_on("workflow_dispatch:\n  inputs:\n    a: {type: string, options: [a]}"),
        [(4, 25, "only an input of the type `choice`")],
    ),
    "a default that is no option": (
        with_on("workflow_dispatch:\n  inputs:\n    a: {type: choice, options: [a], default: b}"),
        [(4, 48, "the default must be one of the options a, not b")],
    ),
    "a default that is no boolean": (
        with_on("workflow_dispatch:\n  inputs:\n    a: {type: boolean, default: 'yes'}"),
        [(4, 35, "must be true or false")],
    ),
    "a default that is no number": (
        with_on("workflow_dispatch:\n  inputs:\n    a: {type: number, default: x}"),
        [(4, 34, "must be a number")],
    ),
    "required that is no boolean": (
        with_on("workflow_dispatch:\n  inputs:\n    a: {required: 1}"),
        [(4, 21, "`required` must be true or false, not the number 1")],
    ),
    # Jobs
    "jobs nothing": ("on: push\njobs:\n", [(2, 6, "`jobs` must be a mapping, not nothing")]),
    "jobs empty": ("on: push\njobs: {}\n", [(2, 7, "`jobs` must hold at least one job")]),
    "jobs a list": ("on: push\njobs: [a]\n", [(2, 7, "`jobs` must be a mapping, not a list")]),
    "a job that is nothing": (with_jobs("a:"), [(3, 5, "a job must be a mapping, not nothing")]),
    "a job that is a string": (with_jobs("a: x"), [(3, 6, "a job must be a mapping")]),
    "an empty job": (
        with_jobs("a: {}"),
        [(3, 6, "a job needs the key `runs-on`"), (3, 6, "a job needs the key `steps`")],
    ),
    "no runs-on": (with_jobs("a: {steps: [{run: x}]}"), [(3, 6, "a job needs the key `runs-on`")]),
    "no steps": (with_jobs("a: {runs-on: x}"), [(3, 6, "a job needs the key `steps`")]),
    "an unknown job key": (with_job("timeout: 3"), [(6, 5, "unknown key `timeout` in a job; did you mean")]),
    "a job id that starts with a digit": (with_jobs("1a: {{J}}"), [(3, 3, "a job's id must start with a letter")]),
    "a job id with a space": (with_jobs("a b: {{J}}"), [(3, 3, "hold only letters")]),
    "a job id with a dot": (with_jobs("a.b: {{J}}"), [(3, 3, "hold only letters")]),
    "a job id of 100 characters": (with_jobs("a" * 100 + ": {{J}}"), [(3, 3, "99 characters at most")]),
    "a reserved job id": (with_jobs("__a: {{J}}"), [(3, 3, "must not start with `__`")]),
    "an unknown need": (
        with_jobs("abc: {{J}}\nb: {needs: abd, {J}}"),
        [(4, 14, "`abd`, which does not exist; did you mean `abc`?")],
    ),
    "an unknown need in a list": (
        with_jobs("a: {{J}}\nb: {needs: [a, zz], {J}}"),
        [(4, 18, "`zz`, which does not exist")],
    ),
    "a need of itself": (with_jobs("a: {needs: a, {J}}"), [(3, 14, "the job `a` needs itself")]),
    "a circle of two": (with_jobs("a: {needs: b, {J}}\nb: {needs: a, {J}}"), [(3, 14, "a -> b -> a")]),
    "a circle of three": (
        with_jobs("x: {{J}}\na: {needs: [x, b], {J}}\nb: {needs: c, {J}}\nc: {needs: a, {J}}"),
        [(4, 18, "a -> b -> c -> a")],
    ),
    "two circles": (
        with_jobs("a: {needs: b, {J}}\nb: {needs: a, {J}}\nc: {needs: d, {J}}\nd: {needs: c, {J}}"),
        [(3, 14, "a -> b -> a"), (5, 14, "c -> d -> c")],
    ),
    "needs a mapping": (with_job("needs: {a: b}"), [(6, 12, "`needs` must be a job's id or a list of them")]),
    "needs nothing": (with_job("needs:"), [(6, 11, "`needs` must not be empty")]),
    "needs an expression": (with_job("needs: ${{ github.x }}"), [(6, 12, "an expression is not allowed here")]),
    "job name of a mapping": (with_job("name: {a: b}"), [(6, 11, "`name` must be a single value")]),
    "job name with steps": (with_job("name: ${{ steps.a }}"), [(6, 15, "'steps'")]),
    "job if with secrets": (with_job("if: secrets.A == 'x'"), [(6, 9, "Unrecognized named-value: 'secrets'")]),
    "job if with matrix": (with_job("if: matrix.os == 'x'"), [(6, 9, "'matrix'")]),
    "job if with hashFiles": (with_job("if: hashFiles('x') == ''"), [(6, 9, "'hashFiles'")]),
    "job if that breaks off": (with_job("if: github.ref =="), [(6, 20, "Unexpected end of expression")]),
    "job if of a list": (with_job("if: [a]"), [(6, 9, "`if` must be a single value")]),
    "runs-on nothing": (with_jobs("a: {runs-on: , steps: [{run: x}]}"), [(3, 16, "must name at least one label")]),
    "runs-on an empty list": (
        with_jobs("a: {runs-on: [], steps: [{run: x}]}"),
        [(3, 16, "must name at least one label")],
    ),
    "runs-on an empty label": (
        with_jobs("a: {runs-on: [''], steps: [{run: x}]}"),
        [(3, 17, "a label must not be empty")],
    ),
    "runs-on an unknown key": (
        with_jobs("a: {runs-on: {label: x}, steps: [{run: x}]}"),
        [(3, 17, "did you mean `labels`?")],
    ),
    "runs-on with secrets": (with_jobs("a:\n  runs-on: ${{ secrets.x }}\n  steps: [{run: x}]"), [(4, 18, "'secrets'")]),
    "timeout of a string": (
        with_job("timeout-minutes: '30'"),
        [(6, 22, "must be a number, not the string '30'; remove the quotes")],
    ),
    "timeout of words": (with_job("timeout-minutes: ten"), [(6, 22, "must be a number")]),
    "timeout of text and expression": (
        with_job("timeout-minutes: 1${{ vars.x }}"),
        [(6, 22, "text around an expression")],
    ),
    "continue-on-error of a string": (with_job("continue-on-error: 'true'"), [(6, 24, "must be true or false")]),
    "continue-on-error yes": (
        with_job("continue-on-error: yes"),
        [(6, 24, "must be true or false, not the string 'yes'")],
    ),
    "outputs a list": (with_job("outputs: [a]"), [(6, 14, "`outputs` must be a mapping")]),
    "outputs with hashFiles": (with_job("outputs: {a: \"${{ hashFiles('x') }}\"}"), [(6, 23, "'hashFiles'")]),
    # Strategy
    "strategy a string": (with_job("strategy: x"), [(6, 15, "`strategy` must be a mapping")]),
    "strategy unknown key": (with_strategy("matrixx: {}"), [(7, 7, "did you mean `matrix`?")]),
    "fail-fast a string": (with_strategy("fail-fast: 'no'"), [(7, 18, "must be true or false")]),
    "an empty matrix": (with_strategy("matrix: {}"), [(7, 15, "must define at least one vector")]),
    "matrix nothing": (with_strategy("matrix:"), [(7, 14, "`matrix` must be a mapping, not nothing")]),
    "a vector of a string": (with_strategy("matrix: {os: linux}"), [(7, 20, "the matrix vector `os` must be a list")]),
    "an empty vector": (with_strategy("matrix: {os: []}"), [(7, 16, "does not contain any values")]),
    "a matrix of 257": (
        with_strategy("matrix: {a: [" + ", ".join(map(str, range(257))) + "]}"),
        [(7, 15, "the matrix has 257 combinations, and 256 is the limit")],
    ),
    "a matrix of millions": (
        with_strategy("matrix: {" + ", ".join(f"k{n}: [1, 2, 3, 4, 5, 6, 7, 8, 9]" for n in range(9)) + "}"),
        [(7, 15, "the matrix has 387420489 combinations")],
    ),
    "exclude of a string": (
        with_strategy("matrix: {a: [1], exclude: [x]}"),
        [(7, 34, "an entry of `exclude` must be a mapping")],
    ),
    "include of a mapping": (with_strategy("matrix: {include: {a: 1}}"), [(7, 25, "`include` must be a list")]),
    "exclude of an unknown key": (
        with_strategy("matrix: {a: [1, 2], exclude: [{b: 1}]}"),
        [(7, 38, "`b` is not a key of the matrix")],
    ),
    "strategy with matrix": (with_strategy("matrix: {a: ['${{ matrix.b }}']}"), [(7, 25, "'matrix'")]),
    # Steps
    "steps nothing": (with_jobs("a: {runs-on: x, steps: }"), [(3, 26, "`steps` must be a list, not nothing")]),
    "steps a mapping": (
        with_jobs("a: {runs-on: x, steps: {run: x}}"),
        [(3, 26, "`steps` must be a list, not a mapping")],
    ),
    "steps empty": (with_jobs("a: {runs-on: x, steps: []}"), [(3, 26, "`steps` must hold at least one step")]),
    "a step of a string": (with_jobs("a: {runs-on: x, steps: [x]}"), [(3, 27, "a step must be a mapping")]),
    "a step of neither": (
        with_step("name: x"),
        [(6, 9, "a step needs `run`, `uses`, `wait`, `wait-all` or `cancel`")],
    ),
    "a step of both": (with_step("run: x\nuses: actions/checkout@v4"), [(7, 9, "either `run` or `uses`")]),
    "run with with": (with_step("run: x\nwith: {a: b}"), [(7, 9, "it belongs to a step with `uses`")]),
    "uses with shell": (
        with_step("uses: actions/checkout@v4\nshell: bash"),
        [(7, 9, "it belongs to a step with `run`")],
    ),
    "uses with working-directory": (
        with_step("uses: actions/checkout@v4\nworking-directory: x"),
        [(7, 9, "it belongs to a step with `run`")],
    ),
    "an unknown step key": (
        with_step("run: x\nenvs: {}"),
        [(7, 9, "unknown key `envs` in a step; did you mean `env`?")],
    ),
    "an unknown step key and neither": (
        with_step("rum: x"),
        [(6, 9, "did you mean `run`?")],
    ),
    "run of a list": (with_step("run: [x]"), [(6, 14, "`run` must be a single value, not a list")]),
    "run too long": (with_step(long_run), [(6, 14, "21000 characters at most, and this has 21001")]),
    "a step id of a space": (with_step("run: x\nid: a b"), [(7, 13, "a step's id must start with a letter")]),
    "an empty step id": (with_step("run: x\nid: ''"), [(7, 13, "`id` must not be empty")]),
    "a step id twice": (
        "on: push\njobs:\n  a:\n    runs-on: x\n    steps:\n      - {id: s, run: x}\n      - {id: S, run: x}\n",
        [(7, 14, "the id `S` is already used")],
    ),
    "an unknown shell": (
        with_step("run: x\nshell: fish"),
        [(7, 16, "unknown shell `fish`; use bash, sh, python, pwsh")],
    ),
    "an expression as a shell": (
        with_step("run: x\nshell: ${{ matrix.s }}"),
        [(7, 16, "an expression is not allowed here")],
    ),
    "an empty directory": (
        with_top("defaults: {run: {working-directory: ''}}"),
        [(3, 37, "must not be empty")],
    ),
    "step env of a list": (with_step("run: x\nenv: [a]"), [(7, 14, "`env` must be a mapping")]),
    "step timeout of a string": (with_step("run: x\ntimeout-minutes: '5'"), [(7, 26, "must be a number")]),
    "uses nothing": (with_step("uses:"), [(6, 14, "`uses` must not be empty")]),
    "uses of one word": (with_step("uses: checkout@v4"), [(6, 15, "`uses` must be `owner/name[/path]@ref`")]),
    "uses without version": (with_step("uses: actions/checkout"), [(6, 15, "needs a version")]),
    "uses with an empty version": (with_step("uses: actions/checkout@"), [(6, 15, "`uses` must be")]),
    "uses of an expression": (with_step("uses: ${{ vars.x }}"), [(6, 15, "an expression is not allowed here")]),
    "with of a list": (with_step("uses: actions/checkout@v4\nwith: [a]"), [(7, 15, "`with` must be a mapping")]),
    # What Firebreak does not run
    "an expression as a key of concurrency": (
        with_top("concurrency:\n  ${{ insert }}: x\n  group: y"),
        [(4, 3, "an expression as a key is part of")],
    ),
    # Expressions and their places
    "an error in a plain scalar": (with_step("run: echo ${{ githb.sha }}"), [(6, 23, "'githb'")]),
    "an error in single quotes": (with_step("run: 'it''s ${{ githb.sha }}'"), [(6, 25, "'githb'")]),
    "an error in double quotes": (with_step('run: "a\\tb ${{ githb.sha }}"'), [(6, 24, "'githb'")]),
    "an error in a block": (with_step("run: |\n  echo\n  echo ${{ githb.sha }}"), [(8, 20, "'githb'")]),
    "an error in a block with a header": (
        with_step("run: |2- # why\n    echo ${{ githb.sha }}\n  x"),
        [(7, 22, "'githb'")],
    ),
    "an error in a folded block": (with_step("run: >\n  a\n  b\n\n  c ${{ githb.sha }}"), [(10, 17, "'githb'")]),
    "an error in a plain scalar of two lines": (with_step("run: a\n  b ${{ githb.sha }}"), [(7, 17, "'githb'")]),
    "an error in quotes of two lines": (with_step('run: "a\n\n  b ${{ githb.sha }}"'), [(8, 17, "'githb'")]),
    "an error behind an anchor": (with_step("run: &r a ${{ githb.sha }}"), [(6, 23, "'githb'")]),
    "two errors in one scalar": (
        with_step("run: ${{ aa.x }} ${{ github.sha }} ${{ bb.y }}"),
        [(6, 18, "'aa'"), (6, 48, "'bb'")],
    ),
    "an expression over two lines": (with_step("run: |\n  ${{ github.sha\n    || githb.sha }}"), [(8, 16, "'githb'")]),
    "an open expression": (with_step("run: echo ${{ github.sha"), [(6, 19, "The expression is not closed")]),
    "an empty expression": (with_step("run: echo ${{ }}"), [(6, 23, "An expression was expected")]),
    "an unknown function": (with_step("run: ${{ foo(1) }}"), [(6, 18, "Unrecognized function: 'foo'")]),
    "too few arguments": (with_step("run: ${{ contains('a') }}"), [(6, 18, "contains")]),
    "an error in a bare if": (with_step("if: github.ref == 'a' && bad\nrun: x"), [(6, 34, "'bad'")]),
    "an error in a quoted if": (with_step("if: \"github.ref == 'a' && bad\"\nrun: x"), [(6, 35, "'bad'")]),
    "an error in a block if": (with_step("if: |\n  always() &&\n  bad\nrun: x"), [(8, 11, "'bad'")]),
    "an error in an if in braces": (with_step("if: ${{ bad }}\nrun: x"), [(6, 17, "'bad'")]),
    "insert as a value": (with_step("run: ${{ insert }}"), [(6, 18, "`insert` is only allowed as the key")]),
    "status function in run": (with_step("run: ${{ success() }}"), [(6, 18, "'success'")]),
    "an error in a matrix": (with_strategy("matrix:\n  a:\n    - 1\n    - x: ${{ bad }}"), [(10, 20, "'bad'")]),
    "an error in a repeated alias is told once": (
        with_jobs("a: &job\n  runs-on: x\n  steps: [{run: '${{ bad }}'}]\nb: *job"),
        [(5, 24, "'bad'")],
    ),
    "all errors in one go": (
        "on: pusch\nname: [x]\njobs:\n  a b:\n    runs-on: []\n    needs: zz\n    steps:\n      - rum: x\n",
        [
            (1, 5, "unknown event"),
            (2, 7, "`name` must be"),
            (4, 3, "a job's id"),
            (5, 14, "at least one label"),
            (6, 12, "does not exist"),
            (8, 9, "did you mean `run`?"),
        ],
    ),
}


@pytest.mark.parametrize(("text", "expected"), rejected.values(), ids=rejected.keys())
def test_each_mistake_is_told_at_its_place(text: str, expected: list[Place]) -> None:
    reading = read_workflow("w.yml", text.encode())
    errors = [problem for problem in reading.problems if problem.severity == "error"]

    assert [(error.line, error.column) for error in errors] == [(line, column) for line, column, _ in expected], [
        error.render() for error in errors
    ]
    for error, (_, _, words) in zip(errors, expected, strict=True):
        assert words in error.message
    assert reading.workflow is None


warned: dict[str, tuple[str, list[Place]]] = {
    "an unknown step": (with_step("run: ${{ steps.x.outputs.y }}"), [(6, 18, "`steps.x` is empty")]),
    "a later step": (
        "on: push\njobs:\n  a:\n    runs-on: x\n    steps:\n      - run: ${{ steps.s.outcome }}\n"
        "      - {id: s, run: x}\n",
        [(6, 18, "`steps.s` is empty")],
    ),
    "a job that is not needed": (
        with_jobs("b: {{J}}\na:\n  runs-on: x\n  steps: [{run: '${{ needs.b.result }}'}]"),
        [(6, 24, "`needs.b` is empty")],
    ),
    "an unknown key of the matrix": (
        with_job(
            "strategy: {matrix: {os: [a], include: [{v: 1}]}}\nname: ${{ matrix.os }}${{ matrix.v }}${{ matrix.x }}"
        ),
        [(7, 46, "`matrix.x` is no key")],
    ),
    "a matrix that there is not": (with_step("run: ${{ matrix.os }}"), [(6, 18, "`matrix.os` is no key")]),
    "an unknown input": (with_step("run: ${{ inputs.x }}"), [(6, 18, "`inputs.x` is no input")]),
    "in brackets": (with_step("run: ${{ steps['x'].outputs }}"), [(6, 18, "`steps.x` is empty")]),
    "in a bare if": (with_step("if: steps.x.outcome == 'y'\nrun: x"), [(6, 13, "`steps.x` is empty")]),
    "text around a condition": (
        with_step("if: ${{ github.ref == 'a' }} && true\nrun: x"),
        [(6, 13, "makes this always true")],
    ),
    "an empty run": (with_step("run:"), [(6, 13, "`run` is empty")]),
    "an unknown input of checkout": (
        with_step("uses: actions/checkout@v4\nwith: {fetch-dept: 0}"),
        [(7, 16, "no input `fetch-dept`; did you mean `fetch-depth`?")],
    ),
    "an empty list of branches": (with_on("push:\n  branches: []"), [(3, 15, "an empty list matches nothing")]),
    "a schedule of every minute": (
        with_on("schedule: [{cron: '* * * * *'}]"),
        [(2, 21, "every 5 minutes at most")],
    ),
    "a shell of Windows": (with_step("run: x\nshell: cmd"), [(7, 16, "fails on Linux")]),
    "a schedule that is only named": (minimal.replace("on: push", "on: [push, schedule]"), [(1, 12, "starts nothing")]),
    "a snapshot": (with_job("snapshot: x"), [(6, 15, "makes no image")]),
    "submodules": (
        with_step("uses: actions/checkout@v4\nwith: {submodules: true}"),
        [(7, 16, "the input `submodules`")],
    ),
    "submodules by an expression": (
        with_step("uses: actions/checkout@v4\nwith:\n  submodules: ${{ vars.x }}"),
        [(8, 11, "the input `submodules`")],
    ),
    "a timeout of zero": (with_job("timeout-minutes: 0"), [(6, 22, "should be above 0")]),
    "an endless timeout": (with_step("run: x\ntimeout-minutes: .inf"), [(7, 26, "should be above 0")]),
    "max-parallel zero": (with_strategy("max-parallel: 0"), [(7, 21, "should be at least 1")]),
    "nothing about a matrix of an expression": (
        with_job("strategy: {matrix: '${{ fromJSON(vars.m) }}'}\nname: ${{ matrix.anything }}"),
        [],
    ),
}


@pytest.mark.parametrize(("text", "expected"), warned.values(), ids=warned.keys())
def test_what_is_doubtful_is_a_warning_and_the_workflow_runs(text: str, expected: list[Place]) -> None:
    reading = read_workflow("w.yml", text.encode())

    assert reading.workflow is not None, [problem.render() for problem in reading.problems]
    assert [(problem.line, problem.column) for problem in reading.problems] == [place[:2] for place in expected]
    for problem, (_, _, words) in zip(reading.problems, expected, strict=True):
        assert problem.severity == "warning"
        assert words in problem.message
