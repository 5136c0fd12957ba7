"""Programs that are told what to do by their next words, and which of them test or install."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

TRIVIAL: Final = 0
_OTHER, _INSTALL, _TEST = 2, 3, 4

_ONE_WORD_TEXT: Final = """
    ansible-galaxy apk apt apt-get apt-cache aptitude bazel bazelisk brew buf buildah bun bundle bundler cargo
    choco cmake composer conan conda corepack dart deno dnf docker-compose dotnet dpkg earthly fly flutter
    gcloud gem gh git go golangci-lint goreleaser gradle ./gradlew gradlew hatch helm invoke just lein lerna
    make gmake mamba micromamba mix mvn ./mvnw mvnw meson nerdctl netlify ninja nix npm nx npx bunx pacman pdm
    pip pip3 pipenv pipx pixi pnpm pnpx pod podman poetry pre-commit pulumi rails rake rebar3 ruff rush rustup
    rye sbt serverless snap stack swift systemctl task terraform terragrunt tofu turbo uv uvx vagrant vcpkg
    vercel wrangler yarn yum zypper ng expo firebase skaffold kubectl kind k3d docker aws az xcodebuild fastlane
    cypress playwright service nox
"""
_ONE_WORD: Final = frozenset(_ONE_WORD_TEXT.split())
"""Whose first word that is no option says what they do."""
_TWO_WORDS: Final = {
    "npm run": 1, "npm run-script": 1, "npm exec": 1, "pnpm run": 1, "pnpm exec": 1, "pnpm dlx": 1, "yarn run": 1,
    "yarn workspace": 2, "yarn workspaces": 1, "bun run": 1, "deno task": 1, "uv run": 1, "uv pip": 1,
    "uv tool": 1, "poetry run": 1, "pipenv run": 1, "pdm run": 1, "hatch run": 1, "rye run": 1, "pipx run": 1,
    "bundle exec": 1, "go mod": 1, "go tool": 1, "go run": 1, "docker compose": 1, "docker buildx": 1,
    "docker image": 1, "podman compose": 1, "cargo nextest": 1, "composer run": 1, "composer run-script": 1,
    "gh release": 1, "gh pr": 1, "gh run": 1, "gh workflow": 1, "flutter pub": 1, "dart pub": 1,
    "rustup target": 1, "rustup component": 1, "rustup toolchain": 1, "conda env": 1, "aws s3": 1, "aws ecr": 1,
    "aws ecs": 1, "az acr": 1, "git submodule": 1, "dotnet tool": 1, "npx playwright": 1, "npx cypress": 1,
    "npx nx": 1, "npx lerna": 1, "npx turbo": 1,
}  # fmt: skip
"""How many more words."""
_VALUED_TEXT: Final = """
    -C -f -w -n -p -F --prefix --file --cwd --dir --directory --filter --workspace --namespace --project
    --manifest-path --package --python --extra --group --with --context --env-file --build-file --project-dir
    --profile --jobs --output-on-failure
"""
_VALUED: Final = frozenset(_VALUED_TEXT.split())
"""Options that take the next word, of the tools above."""
_PYTHON: Final = re.compile(r"(?:python|pypy)[\d.]*w?|py")
_WORD: Final = re.compile(r"[A-Za-z@][\w.:/@+-]{0,39}")
_INTERPRETERS: Final = frozenset(
    {"node", "ruby", "perl", "php", "Rscript", "lua", "bash", "sh", "dash", "zsh", "tsx", "ts-node"}
)

_TRIVIAL_TEXT: Final = """
    echo printf cd ls mkdir rmdir export set cat true false : source . pwd env which type sleep test exit date
    whoami uname df du free read return shift eval trap unset wait ulimit umask alias pushd popd tee grep egrep
    cp mv rm ln chmod chown touch head tail sort uniq wc cut tr sed awk xargs find hostname id printenv basename
    dirname realpath readlink shopt break continue kill jobs disown hash command bash sh zsh jq yq nproc lscpu
    uptime ps diff file stat lsb_release Write-Host Write-Output git_config
"""
_TRIVIAL: Final = frozenset(_TRIVIAL_TEXT.split())
_TESTS: Final = re.compile(
    r"""(?:.*\s)?(?:
      pytest|py\.test|unittest|nose2?|tox|nox|jest|vitest|mocha|ava|karma|rspec|minitest|phpunit|pest|ctest|gotestsum|behave
    | bats|cypress|playwright\stest|cucumber|robot|testem|tap|newman|k6
    )(?:\s.*)?$
    | (?:npm|pnpm|yarn|bun|deno|cargo|go|dotnet|mix|swift|flutter|dart|make|gmake|just|task|rake|sbt|bazel|hatch
      |composer|meson|ninja|nx|turbo|lein|stack|rails|mvn|\./mvnw|mvnw|gradle|\./gradlew|gradlew|xcodebuild)\s
      (?:(?:run|run-script|exec|nextest|workspace)\s)*
      (?:t|(?:[\w./-]+:)*(?:test|tests|check|verify|e2e|integration)[\w:.-]*)(?:\s.*)?$
    | cargo\snextest\srun$
    """,
    re.VERBOSE,
)
_INSTALLS: Final = re.compile(
    r"""
      (?:npm\s(?:ci|i|install|install-test)|pnpm\s(?:i|install|fetch)|yarn(?:\sinstall)?|bun\s(?:i|install))$
    | (?:uv\s)?(?:pip3?|pipx|conda|mamba|micromamba|gem|brew|apt|apt-get|aptitude|dnf|yum|apk|choco|snap|zypper|pod|go
      |pacman)\s(?:install|add|sync|download|wheel|-S)$
    | (?:uv|poetry|pipenv|pdm|rye|pixi|hatch)\s(?:sync|install|lock|add|env)$
    | (?:bundle|bundler|composer|cargo)\s(?:install|fetch|update)$
    | go\smod\s(?:download|tidy|vendor)$
    | (?:npx\s)?playwright\sinstall$ | mix\sdeps\.get$ | dotnet\srestore$ | (?:flutter|dart)\spub\sget$
    """,
    re.VERBOSE,
)


def classed(words: Sequence[str]) -> str:
    """Of a simple command's words, the program first."""
    program, rest = _program(words[0]), list(words[1:])
    if _PYTHON.fullmatch(program):
        return _python(rest)
    if program in _INTERPRETERS:
        return _interpreted(program, rest)
    if program not in _ONE_WORD:
        return program
    told = _told(program, rest)
    found = [program, *(word for word in [next(told, "")] if word)]
    more = _TWO_WORDS.get(" ".join(found), 0) if len(found) > 1 else 0
    if more and found[-1] in ("run", "exec", "dlx") and program in ("uv", "poetry", "pipenv", "pdm", "bundle", "hatch"):
        return _within(" ".join(found), list(told))
    return " ".join([*found, *(word for word, _ in zip(told, range(more), strict=False))])


def weight(found: str) -> int:
    """How much a class says of what its step is for."""
    if found.split(" ", 1)[0] in _TRIVIAL:
        return TRIVIAL
    if _TESTS.match(found):
        return _TEST
    return _INSTALL if _INSTALLS.match(found) else _OTHER


def _program(word: str) -> str:
    """A tool by its name, wherever it is installed; a script of the repository by its path."""
    name = re.sub(r"\.(?:exe|cmd|bat)$", "", word)
    if name.startswith(("/", "~")) or re.search(r"(?:^|/)\.?bin/[^/]+$", name):
        return name.rpartition("/")[2]
    return name


def _told(program: str, rest: Sequence[str]) -> Iterator[str]:
    """The words that are no options, no assignments and no values of options; `clean` counts where nothing follows."""
    words = _words(program, rest)
    if program.rpartition("/")[2] in ("mvn", "mvnw", "gradle", "gradlew"):
        found = list(words)
        words = iter([word for word in found if word != "clean"] or found)
    yield from words


def _words(program: str, rest: Sequence[str]) -> Iterator[str]:
    skip = False
    for word in rest:
        if skip:
            skip = False
        elif word.startswith(("-", "+")):
            skip = word in _VALUED
        elif "=" in word:
            continue
        elif _WORD.fullmatch(word):
            yield word
        elif word.startswith((":", "./", ".")) and program.rpartition("/")[2] in ("gradlew", "gradle", "uv", "poetry"):
            yield word.lstrip(":")
        else:
            return


def _within(by: str, words: Sequence[str]) -> str:
    if not words:
        return by
    return f"{by} {classed(words) if _PYTHON.fullmatch(words[0]) is None else words[0]}"


def _python(rest: Sequence[str]) -> str:
    for place, word in enumerate(rest):
        if word == "-m" and place + 1 < len(rest):
            return classed([rest[place + 1].split(".")[0], *rest[place + 2 :]])
        if word == "-c":
            return "python -c"
        if not word.startswith("-"):
            return f"python {word}" if _WORD.fullmatch(word) or word.startswith("./") else "python"
    return "python"


def _interpreted(program: str, rest: Sequence[str]) -> str:
    for word in rest:
        if word in ("-e", "-c", "--eval", "-r"):
            return f"{program} {word}"
        if not word.startswith(("-", "+")):
            shell = program in ("bash", "sh", "dash", "zsh")
            return program if not re.fullmatch(r"[\w./@+-]{1,60}", word) else word if shell else f"{program} {word}"
    return program
