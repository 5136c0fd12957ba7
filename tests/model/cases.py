"""What a real model is asked: 20 actions that cannot be had, 10 failed steps, 5 files of other CIs. All our own."""

# ruff: noqa: E501 - a row of a table is read as a line

from __future__ import annotations

import json
from typing import NamedTuple

from libs.contracts.model import ProposalPlace, TriageCategory
from services.model.needs import Need

ACTIONS: tuple[tuple[str, dict[str, str]], ...] = (
    ("octo/setup-just@v2", {"just-version": "1.36"}),
    ("octo/shellcheck@v1", {"scandir": "scripts"}),
    ("octo/setup-terraform@v3", {"terraform_version": "1.9.5"}),
    ("octo/zip-folder@v1", {"folder": "dist", "name": "site.zip"}),
    ("octo/wait-for-port@v1", {"port": "5432", "seconds": "30"}),
    ("octo/create-env-file@v1", {"path": ".env", "content": "MODE=test"}),
    ("octo/markdown-lint@v4", {"globs": "docs/*.md"}),
    ("octo/git-auto-tag@v1", {"prefix": "v"}),
    ("octo/hadolint@v3", {"dockerfile": "Dockerfile"}),
    ("octo/pip-audit@v1", {"inputs": "requirements.txt"}),
    ("octo/yamllint@v3", {"file_or_dir": "config"}),
    ("octo/replace-text@v1", {"file": "VERSION", "find": "dev", "replace": "1.0.0"}),
    ("octo/free-disk-space@v1", {"docker-images": "true"}),
    ("octo/setup-zig@v1", {"version": "0.13.0"}),
    ("octo/compress-images@v1", {"path": "assets"}),
    ("octo/make@v1", {"target": "release", "jobs": "2"}),
    ("octo/cargo-deny@v2", {"command": "check licenses"}),
    ("octo/copy-files@v1", {"from": "build/*.js", "to": "public"}),
    ("octo/check-links@v1", {"folder": "site"}),
    ("octo/count-lines@v1", {"extensions": "py,md"}),
)


class Failure(NamedTuple):
    """`also` are categories that are right, too; `cause` is a line that shows why, from 0."""

    category: TriageCategory
    lines: tuple[str, ...]
    cause: int
    also: tuple[TriageCategory, ...] = ()


FAILURES: tuple[Failure, ...] = (
    Failure(
        "test failure",
        ("collected 12 items", "tests/test_cart.py F", "E   AssertionError: assert 3 == 4", "1 failed, 11 passed in 0.4s"),
        2,
    ),
    Failure("compile error", ("gcc -c main.c", "main.c:7:5: error: unknown type name 'strng'", "make: *** [main.o] Error 1"), 1),
    Failure("style", ("src/app.py:3:1: F401 `os` imported but unused", "Found 1 error.", "[*] 1 fixable with `--fix`."), 0),
    Failure(
        "dependency",
        ("Collecting flask==9.9", "ERROR: Could not find a version that satisfies the requirement flask==9.9"),
        1,
    ),
    Failure("permission", ("installing", "cp: cannot create regular file '/usr/bin/tool': Permission denied"), 1),
    Failure(
        "configuration",
        ("reading settings", "Error: missing required environment variable DATABASE_URL", "exit"),
        1,
    ),
    Failure("test failure", ("--- FAIL: TestSum (0.00s)", "    sum_test.go:9: got 5, want 4", "FAIL"), 0),
    Failure("compile error", ("error[E0308]: mismatched types", " --> src/main.rs:4:18", "error: could not compile `app`"), 0),
    Failure("dependency", ("npm error code ERESOLVE", "npm error ERESOLVE unable to resolve dependency tree"), 0),
    Failure(
        "configuration",
        ("loading config.yml", "yaml.scanner.ScannerError: mapping values are not allowed here", "  in \"config.yml\", line 3"),
        1,
        ("style",),
    ),
)  # fmt: skip

FILES: tuple[tuple[str, str], ...] = (
    (".travis.yml", "language: rust\nrust: stable\nservices: [redis]\nscript:\n  - cargo test --all\n"),
    (
        ".gitlab-ci.yml",
        "build:\n  script: [make dist]\n  artifacts:\n    paths: [dist/]\ntest:\n  script: [make test]\n  cache: {paths: [.cache]}\n",
    ),
    (
        "Jenkinsfile",
        "pipeline { agent any\n stages { stage('Test') { steps { sh 'mvn test'\n junit 'target/*.xml' } }\n"
        " stage('Pack') { when { branch 'main' } steps { sh \"mvn package -Drev=${env.BUILD_ID}\" } } } }\n",
    ),
    ("Makefile", "test:\n\tpytest\ndocs:\n\tsphinx-build docs out\n"),
    (".travis.yml", "language: python\npython: '3.11'\ninstall: pip install tox\n"),
)  # fmt: skip


def need(uses: str, inputs: dict[str, str]) -> Need:
    asked = json.dumps({"uses": uses, "with": inputs}, indent=1)
    place = ProposalPlace(".github/workflows/ci.yml", "0" * 40, "build", 1, line=8)
    return Need("uses", uses, "the action that this step uses cannot be had", place, asked, asked, "own")
