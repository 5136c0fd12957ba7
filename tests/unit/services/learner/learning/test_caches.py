"""Which caches are suggested, and when none is."""

from __future__ import annotations

import pytest

from libs.workflow.lockfiles import LOCKFILES
from services.learner.learning.caches import TOOLS, is_cache, saved_ms, suggest

COMMANDS = {
    "uv": "uv sync --frozen",
    "poetry": "poetry install",
    "pipenv": "pipenv sync",
    "pip": "python -m pip install -r requirements.txt",
    "npm": "npm ci",
    "pnpm": "pnpm install --frozen-lockfile",
    "yarn": "yarn --immutable",
    "cargo": "cargo test --all",
    "go": "go test ./...",
    "maven": "./mvnw -B verify",
    "gradle": "./gradlew :app:build",
    "bundler": "bundle install",
    "composer": "composer install",
}


@pytest.mark.parametrize("tool", TOOLS)
def test_every_tool_is_known_by_its_lockfile_and_its_install(tool: str) -> None:
    for lockfile in LOCKFILES[tool]:
        (made,) = suggest([lockfile], {COMMANDS[tool]: 60_000.0}, False)
        assert (made.tool, made.lockfile, made.install_ms) == (tool, lockfile, 60_000)
        assert made.key == f"${{{{ runner.os }}}}-{tool}-${{{{ hashFiles('**/{lockfile}') }}}}"
        assert made.path
        assert made.saving_ms == 60_000 * 0.6 - 5_000


@pytest.mark.parametrize(
    "command", ["yarn build", "uv run-something", "echo npm-ci", "cargo-deny check", "gopher build", "pip list"]
)
def test_what_only_looks_like_an_install_is_none(command: str) -> None:
    everything = [LOCKFILES[tool][0] for tool in TOOLS]
    assert suggest(everything, {command: 60_000.0}, False) == ()


def test_a_short_install_needs_no_cache() -> None:
    assert suggest(["uv.lock"], {"uv sync": 20_000.0}, False) == ()


def test_neither_does_one_without_a_lockfile_or_with_a_cache() -> None:
    assert suggest(["README.md"], {"npm ci": 60_000.0}, False) == ()
    assert suggest(["package-lock.json"], {"npm ci": 60_000.0}, True) == ()


def test_the_dearest_comes_first_and_the_nearest_lockfile_is_named() -> None:
    made = suggest(
        ["a/b/package-lock.json", "web/package-lock.json", "go.sum"],
        {"npm ci": 30_000.0, "go build ./...": 90_000.0},
        False,
    )
    assert [(each.tool, each.lockfile) for each in made] == [("go", "go.sum"), ("npm", "web/package-lock.json")]


def test_a_lockfiles_path_gets_into_no_expression() -> None:
    (made,) = suggest(["x') }} ${{ secrets.A }}/package-lock.json"], {"npm ci": 60_000.0}, False)
    assert "secrets" not in made.key


def test_a_cache_is_worth_what_it_saves() -> None:
    assert saved_ms([60.0, 70.0, 80.0], [20.0, 30.0], 10.0) == 70 - 25 - 10
    assert saved_ms([20.0], [20.0], 10.0) == -10
    assert saved_ms([20.0], [], 10.0) is None


def test_an_action_that_keeps_what_it_installs_is_a_cache() -> None:
    assert is_cache("actions/setup-node (cache)")
    assert is_cache("actions/cache")
    assert not is_cache("actions/setup-node")
