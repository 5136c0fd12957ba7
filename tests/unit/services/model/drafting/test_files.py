"""Files of other CIs, thirty kinds of them: what is carried over of each, word for word, and that the rest is named."""

# ruff: noqa: E501 - a row of a table is read as a line

from __future__ import annotations

import pytest

from services.model.drafting.draft import Draft, SourceFile
from services.model.drafting.finding import draft_of
from tests.unit.services.model.drafting.drafting import drafted, gaps, runs, written

GITLAB, TRAVIS, JENKINS, MAKE = ".gitlab-ci.yml", ".travis.yml", "Jenkinsfile", "Makefile"
FILES: dict[str, tuple[str, str, dict[str, list[str]], list[str]]] = {
    "gitlab: one job": (GITLAB, "test:\n  script: [make test]\n", {"test": ["make test"]}, []),
    "gitlab: a job's name is no id": (GITLAB, "'Unit: 3.12':\n  script: x\n", {"unit-3-12": ["x"]}, []),
    "gitlab: two names, one id": (GITLAB, "a b:\n  script: x\na-b:\n  script: y\n", {"a-b": ["x"], "a-b-2": ["y"]}, []),
    "gitlab: before and after": (
        GITLAB,
        "before_script: [pip install .]\nafter_script: [rm -r x]\nt:\n  script: [pytest, ruff check]\n",
        {"t": ["pip install .", "pytest\nruff check", "rm -r x"]},
        [],
    ),
    "gitlab: a shell that goes on": (
        GITLAB,
        "t:\n  before_script: [cd sub, export A=1]\n  script: [make]\n",
        {"t": ["cd sub\nexport A=1\nmake"]},
        [],
    ),
    "gitlab: lists in lists": (GITLAB, "t:\n  script:\n    - [a, b]\n    - c\n", {"t": ["a\nb\nc"]}, []),
    "gitlab: a block": (
        GITLAB,
        "t:\n  script:\n    - |\n      if x; then\n        y\n      fi\n",
        {"t": ["if x; then\n  y\nfi"]},
        [],
    ),
    "gitlab: templates": (
        GITLAB,
        ".b:\n  script: [b]\nt:\n  extends: .b\nu:\n  extends: [.b]\n  script: [c]\n",
        {"t": ["b"], "u": ["c"]},
        [],
    ),
    "gitlab: a merge key": (GITLAB, ".b: &b\n  script: [b]\nt:\n  <<: *b\n  stage: test\n", {"t": ["b"]}, []),
    "gitlab: a reference": (
        GITLAB,
        ".b:\n  script: [b]\nt:\n  script:\n    - !reference [.b, script]\n    - c\n",
        {"t": ["c"]},
        ["5: t: `!reference [.b, script]`"],
    ),
    "gitlab: rules and artifacts": (
        GITLAB,
        "t:\n  script: x\n  rules: [{if: $A}]\n  artifacts: {paths: [o]}\n",
        {"t": ["x"]},
        ["3: t: `rules`", "4: t: `artifacts`"],
    ),
    "gitlab: includes": (
        GITLAB,
        "include: other.yml\nt:\n  script: x\n",
        {"t": ["x"]},
        ["1: `include` of the whole file"],
    ),
    "gitlab: an expression of ours": (
        GITLAB,
        "t:\n  script: ['echo ${{ secrets.A }}', make]\n",
        {"t": ["make"]},
        ["2: t: a command that holds `${{`, which would be an expression here"],
    ),
    "gitlab: what extends itself": (GITLAB, ".a:\n  extends: .a\n  script: x\nt:\n  extends: .a\n", {"t": ["x"]}, []),
    "gitlab: a job that calls another pipeline": (GITLAB, "t:\n  trigger: a/b\n", {}, ["2: t: `trigger`"]),
    "gitlab: no YAML": (GITLAB, "a: [\n", {}, []),
    "gitlab: a list": (GITLAB, "- a\n", {}, ["0: the file is no mapping"]),
    "travis: a script": (TRAVIS, "script: make test\n", {"build": ["make test"]}, []),
    "travis: phases": (
        TRAVIS,
        "install: [a]\nbefore_script: [b]\nscript: [c, d]\nafter_failure: e\n",
        {"build": ["a", "b", "c\nd", "e"]},
        [],
    ),
    "travis: its defaults": (
        TRAVIS,
        "language: node_js\nnode_js: [18]\n",
        {"build": []},
        ["0: the default install and script of node_js, which the file leaves to Travis"],
    ),
    "travis: install is skipped": (
        TRAVIS,
        "language: go\ngo: '1.22'\ninstall: true\nscript: go test\n",
        {"build": ["go test"]},
        [],
    ),
    "travis: services and systems": (
        TRAVIS,
        "os: [linux, osx]\nservices: [redis]\nscript: x\n",
        {"build": ["x"]},
        ["2: `services`", "1: the system 'osx': the draft is for Linux"],
    ),
    "travis: a matrix of variables": (
        TRAVIS,
        "env:\n  - A=1\n  - A=2\nscript: x\n",
        {"build": ["x"]},
        ["2: `env` of several lines, which makes a job of each"],
    ),
    "travis: a language nobody installs": (
        TRAVIS,
        "language: rust\ninstall: []\nscript: cargo test\n",
        {"build": ["cargo test"]},
        ["0: the language 'rust', which Travis installs by itself"],
    ),
    "jenkins: stages": (
        JENKINS,
        "pipeline { stages { stage('A') { steps { sh 'a' } }\nstage('B') { steps { sh(script: \"b\", returnStatus: true) } } } }",
        {"build": ["a", "b"]},
        [],
    ),
    "jenkins: a block of lines": (
        JENKINS,
        "stage('A') { steps { sh '''\n   a\n   b 'c'\n''' } }",
        {"build": ["a\nb 'c'"]},
        [],
    ),
    "jenkins: what the program computes": (
        JENKINS,
        'stage("A") { sh "x ${env.Y}"\n sh cmd\n sh "plain" }',
        {"build": ["plain"]},
        ["1: a shell command with something of Groovy's in it", "2: a shell command that the file computes"],
    ),
    "jenkins: comments": (
        JENKINS,
        "// sh 'no'\n/* sh 'no' */ stage('A') { sh 'yes # // stays' }",
        {"build": ["yes # // stays"]},
        [],
    ),
    "jenkins: at the end": (
        JENKINS,
        "pipeline { post { always { sh 'z' } failure { sh 'f' } }\nstages { stage('A') { when { branch 'x' } steps { sh 'a' } } } }",
        {"build": ["a", "z", "f"]},
        ["2: `when`"],
    ),
    "jenkins: nothing in it": (JENKINS, "@Library('x') _\nbuildPlugin()\n", {}, []),
    "make: usual targets": (
        MAKE,
        ".PHONY: test\nall: build\nlint test:\n\t@echo\nbuild:\n\tcc\ninstall:\n\tcp\n",
        {"build": ["make install", "make lint", "make build", "make test"]},
        [
            "0: what `make` needs on the machine: the file does not say what has to be installed",
            "0: targets that are not called: all",
        ],
    ),
    "make: assignments are no targets": (MAKE, "A := b\nC ::= d\ntest = x\n", {}, []),
    "make: a pattern": (
        MAKE,
        "%.o: %.c\n\tcc\ncheck:\n\t./x\n",
        {"build": ["make check"]},
        ["0: what `make` needs on the machine: the file does not say what has to be installed"],
    ),
}


@pytest.mark.parametrize("name", FILES)
def test_what_is_carried_over_and_what_is_named(name: str) -> None:
    file, text, expected, named = FILES[name]
    draft = drafted(file, text)
    assert runs(draft) == expected
    if expected:
        assert gaps(draft) == named
    else:
        assert not named or gaps(draft) == named


@pytest.mark.parametrize("name", FILES)
def test_every_command_stands_in_the_file(name: str) -> None:
    file, text, _, _ = FILES[name]
    for commands in runs(drafted(file, text)).values():
        for line in "\n".join(commands).split("\n"):
            assert line.strip() in text or line.startswith("make ")


def test_stages_become_needs() -> None:
    text = "stages: [a, b, c]\none: {stage: a, script: x}\ntwo: {stage: a, script: x}\nend: {stage: c, script: x}\n"
    text += "own: {stage: c, needs: [one, {job: two}, gone], script: x}\nfirst: {stage: .pre, script: x}\n"
    needs = {job.id: job.needs for job in drafted(GITLAB, text).jobs}
    assert needs == {
        "first": (),
        "one": ("first",),
        "two": ("first",),
        "end": ("one", "two"),
        "own": ("one", "two"),
    }


def test_images_limits_and_conditions() -> None:
    text = "image: {name: 'python:3.12'}\nt: {script: x, allow_failure: true, timeout: 1h 30m, when: manual}\n"
    text += "u: {script: x, image: '$CI_REGISTRY/x'}\n"
    draft = drafted(GITLAB, text)
    one, other = draft.jobs
    assert (one.container, one.continue_on_error, one.timeout_minutes) == ("python:3.12", True, 90)
    assert (one.condition, draft.manual) == ("github.event_name == 'workflow_dispatch'", True)
    assert other.container == ""
    assert any("image" in gap for gap in gaps(draft))


def test_the_value_of_what_looks_like_a_secret_is_copied_nowhere() -> None:
    draft = drafted(
        GITLAB, "variables: {DB_PASSWORD: hunter2, MODE: fast}\nt: {script: x, variables: {A_TOKEN: abc123}}\n"
    )
    assert draft.env == (("DB_PASSWORD", "${{ secrets.DB_PASSWORD }}"), ("MODE", "fast"))
    assert draft.jobs[0].env == (("A_TOKEN", "${{ secrets.A_TOKEN }}"),)
    assert "hunter2" not in str(draft)
    assert "abc123" not in str(draft)


def test_what_the_other_ci_sets_is_set_here_where_it_is_known() -> None:
    text = "variables: {CACHE: $CI_PROJECT_DIR/c, ROOT: $HOME/x}\nt: {script: 'echo $CI_COMMIT_SHA ${CI_JOB_ID}'}\n"
    draft = drafted(GITLAB, text)
    assert ("CACHE", "${{ github.workspace }}/c") in draft.env
    assert ("CI_COMMIT_SHA", "${{ github.sha }}") in draft.env
    assert any("CI_JOB_ID" in gap for gap in gaps(draft))
    assert any("ROOT" in gap for gap in gaps(draft))


def test_versions_of_a_language_are_a_matrix() -> None:
    draft = drafted(
        TRAVIS, "language: python\npython: ['3.8', 3.10, '${{ x }}']\nscript: x\nbranches: {only: [main, /v.*/]}\n"
    )
    (job,) = draft.jobs
    assert job.matrix == (("python-version", ("3.8", "3.10")),)
    assert draft.branches == ("main",)
    assert [step.uses for step in job.steps if step.uses] == ["actions/checkout@v4", "actions/setup-python@v5"]


def test_too_much_is_left_out_and_said() -> None:
    draft = drafted(GITLAB, "".join(f"j{number}: {{script: x}}\n" for number in range(30)))
    assert len(draft.jobs) == 20
    assert gaps(draft) == ["0: 10 more jobs: a draft holds 20"]


def test_a_file_that_was_cut_is_named() -> None:
    draft = draft_of({MAKE: SourceFile(MAKE, "test:\n\tx\n", cut=True)}, MAKE)
    assert "only its first 9 characters" in gaps(draft)[0]


PROJECTS: dict[str, tuple[dict[str, str], list[str]]] = {
    "node": ({"package.json": '{"scripts": {"test": "jest", "build": "tsc"}}', "package-lock.json": ""}, ["npm ci", "npm run build", "npm run test"]),
    "node without tests": ({"package.json": '{"scripts": {"test": "echo \\"Error: no test specified\\" && exit 1"}}'}, ["npm install"]),
    "python": ({"pyproject.toml": "[build-system]\n[tool.pytest]\n"}, ["python3 -m pip install .", "python3 -m pip install pytest\npython3 -m pytest"]),
    "rust": ({"Cargo.toml": ""}, ["cargo build --all-targets", "cargo test"]),
    "go": ({"go.mod": "module x"}, ["go build ./...", "go test ./..."]),
    "java": ({"pom.xml": ""}, ["mvn --batch-mode verify"]),
    "broken": ({"package.json": "{"}, []),
    "nothing": ({}, []),
}  # fmt: skip


@pytest.mark.parametrize("name", PROJECTS)
def test_a_repository_without_any_ci(name: str) -> None:
    files, expected = PROJECTS[name]
    draft: Draft = draft_of({path: SourceFile(path, text) for path, text in files.items()})
    assert [run for each in runs(draft).values() for run in each] == expected
    if draft.jobs:
        written(draft)
