"""What kind of command a step is, by what its workflow says."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from libs.failures.commands import COMMAND_CHARACTERS, UNKNOWN, command_class

SCRIPTS = (
    ("npm ci", "npm ci"),
    ("npm i", "npm i"),
    ("npm install --no-audit", "npm install"),
    ("npm run test", "npm run test"),
    ("npm run test:unit -- --ci", "npm run test:unit"),
    ("npm --prefix web ci", "npm ci"),
    ("npm test", "npm test"),
    ("npx jest --ci", "npx jest"),
    ("yarn", "yarn"),
    ("yarn install --frozen-lockfile", "yarn install"),
    ("pnpm install", "pnpm install"),
    ("pnpm run build", "pnpm run build"),
    ("uv sync --frozen", "uv sync"),
    ("uv run pytest -q", "uv run pytest"),
    ("uv pip install -r requirements.txt", "uv pip install"),
    ("pip install -e .", "pip install"),
    ("pip3 install --upgrade pip", "pip3 install"),
    ("python -m pip install -U pip", "pip install"),
    ("python3.11 -m pytest tests", "pytest"),
    ("python -m unittest discover", "unittest"),
    ("python scripts/check.py --all", "python scripts/check.py"),
    ("python -c 'import x'", "python -c"),
    (".venv/bin/pytest -x", "pytest"),
    ("poetry install", "poetry install"),
    ("poetry run pytest", "poetry run pytest"),
    ("pytest", "pytest"),
    ("tox -e py311", "tox"),
    ("make", "make"),
    ("make test", "make test"),
    ("make -C sub -j4 VERBOSE=1 check", "make check"),
    ("docker build -t app .", "docker build"),
    ("docker compose -f ci.yml up -d", "docker compose up"),
    ("cargo test --all", "cargo test"),
    ("cargo +nightly build", "cargo build"),
    ("cargo nextest run", "cargo nextest run"),
    ("go test ./...", "go test"),
    ("go mod download", "go mod download"),
    ("./gradlew build", "./gradlew build"),
    ("./gradlew --no-daemon clean :app:test", "./gradlew app:test"),
    ("mvn -B -f sub/pom.xml clean verify", "mvn verify"),
    ("mvn clean", "mvn clean"),
    ("bundle install --jobs 4", "bundle install"),
    ("bundle exec rspec spec", "bundle exec rspec"),
    ("composer install", "composer install"),
    ("dotnet test -c Release", "dotnet test"),
    ("sudo apt-get update && sudo apt-get install -y jq", "apt-get install"),
    ("sudo -u app -E env A=1 npm ci", "npm ci"),
    ("CI=true FORCE_COLOR=1 npm test", "npm test"),
    ("time timeout 60 pytest", "pytest"),
    ("timeout -k 5 10m ./run.sh", "./run.sh"),
    ("xvfb-run -a npm run e2e", "npm run e2e"),
    ("set -euo pipefail\ncd web && npm ci", "npm ci"),
    ("# install everything, don't ask\nnpm ci # really\necho done", "npm ci"),
    ("echo hello", "echo"),
    ("echo building\n./build.sh prod", "./build.sh"),
    ("/usr/local/bin/deploy --all", "deploy"),
    ("bash ./scripts/ci.sh", "./scripts/ci.sh"),
    ("bash -euxc 'npm ci && npm test'", "npm test"),
    ("sh -c \"bash -c 'pytest'\"", "pytest"),
    ("npm ci\nnpm run build\nnpm test", "npm test"),
    ("npm run lint && npm ci", "npm ci"),
    ("curl -sSL https://example.org/x.sh | bash", "curl"),
    ("if ! git diff --quiet; then exit 1; fi", "git diff"),
    ("for f in *.py; do\n  flake8 $f\ndone", "flake8"),
    ("cat <<EOF > x\nnpm test\nEOF\nruff check .", "ruff check"),
    ("npm \\\n  ci", "npm ci"),
    ("check() {\n  pytest\n}\ncheck", "pytest"),
    ("x=$(git rev-parse HEAD)", "git rev-parse"),
    ("pytest > out.txt 2>&1", "pytest"),
    ("> out.txt pytest", "pytest"),
    ("export A=1", "export"),
    ("${{ inputs.command }} --all", UNKNOWN),
    ("$RUNNER test", UNKNOWN),
    ("$GITHUB_WORKSPACE/ci/run.sh", "run.sh"),
    ("echo ${{ secrets.T }}; npm ${{ matrix.script }}", "npm"),
    ("./deploy.sh ${{ secrets.TOKEN }}", "./deploy.sh"),
    ("deploy --token=abcdef0123456789 staging", "deploy"),
    ("", ""),
    ("\n\n# nothing\n", ""),
    ("'", ""),
    ("echo it's fine\nnpm ci", "npm ci"),
    ("((", ""),
    ("\x1b[31mnpm ci", ""),
)

ACTIONS = (
    ("actions/checkout@v4", {}, "actions/checkout"),
    ("github/codeql-action/init@v3", {}, "github/codeql-action/init"),
    ("./.github/actions/build", {}, "./.github/actions/build"),
    ("docker://alpine:3.20", {}, "docker://alpine"),
    ("docker://ghcr.io:443/octo/tool@sha256:0123", {}, "docker://ghcr.io:443/octo/tool"),
    ("docker://", {}, "docker://"),
    ("actions/setup-node@v4", {"node-version": 24}, "actions/setup-node"),
    ("actions/setup-node@v4", {"cache": "npm"}, "actions/setup-node (cache)"),
    ("actions/setup-node@v4", {"cache": "${{ inputs.cache }}"}, "actions/setup-node (cache)"),
    ("actions/setup-java@v4", {"cache": ""}, "actions/setup-java"),
    ("ruby/setup-ruby@v1", {"bundler-cache": True}, "ruby/setup-ruby (cache)"),
    ("astral-sh/setup-uv@v5", {"enable-cache": "false"}, "astral-sh/setup-uv"),
    ("actions/setup-go@v5", {}, "actions/setup-go (cache)"),
    ("actions/setup-go@v5", {"cache": False}, "actions/setup-go"),
    ("actions/setup-go@v3", {}, "actions/setup-go"),
    ("octo/deploy@v1", {"cache": "yes"}, "octo/deploy"),
    ("${{ matrix.action }}", {}, UNKNOWN),
    ("octo/\x1b[31mred\n::error::x@v1", {}, "octo/?[31mred?::error::x"),
    ("", {}, ""),
)


@pytest.mark.parametrize(("script", "found"), SCRIPTS)
def test_a_script_is_called_by_what_it_is_for(script: str, found: str) -> None:
    assert command_class(script, None) == found


@pytest.mark.parametrize(("uses", "inputs", "found"), ACTIONS)
def test_an_action_is_called_by_its_name_and_whether_it_caches(
    uses: str, inputs: dict[str, object], found: str
) -> None:
    assert command_class(None, uses, inputs=inputs) == found


@pytest.mark.parametrize(
    ("shell", "found"),
    [
        (None, "npm ci"),
        ("bash -e {0}", "npm ci"),
        ("/bin/sh", "npm ci"),
        ("pwsh", "npm ci"),
        ("python", "python (script)"),
        ("/usr/bin/perl {0}", "perl (script)"),
        ("${{ matrix.shell }}", UNKNOWN),
        ("  ", "npm ci"),
    ],
)
def test_another_shell_is_what_a_script_is(shell: str | None, found: str) -> None:
    assert command_class("npm ci", None, shell) == found


def test_a_step_that_does_nothing_has_no_class() -> None:
    assert command_class(None, None) == ""


@given(st.text(), st.booleans(), st.text(max_size=20))
@example("'" * 50, False, "")
@example("bash -c " * 50, False, "")
@example("<<A\n" * 50, False, "'")
def test_any_text_gives_a_short_printable_class(text: str, is_action: bool, shell: str) -> None:
    found = command_class(None, text) if is_action else command_class(text, None, shell)
    assert len(found) <= COMMAND_CHARACTERS
    assert found.isascii()
    assert found.isprintable()


def test_what_an_expression_holds_is_never_said() -> None:
    script = "deploy ${{ secrets.A }} && ${{ secrets.B }}/bin/x && npm run ${{ github.event.x }}"
    assert not set(command_class(script, None)) & set("${}")
