"""A repository without any CI: what its own files say about building and testing, by the conventions of their tools."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from services.model.drafting.draft import CHECKOUT, Draft, Gap, Job, SourceFile, Step, kept

FILES = ("package.json", "package-lock.json", "pyproject.toml", "requirements.txt", "tox.ini", "Cargo.toml", "go.mod")
FILES_TOO = ("pom.xml", "build.gradle", "gradlew", "Gemfile", "composer.json", "mix.exs", "CMakeLists.txt", "README.md")
READ = ("package.json", "pyproject.toml", "README.md", "Cargo.toml", "go.mod", "tox.ini")
"""Of these the content is looked at; of the others, that they are there."""
_SCRIPTS = ("lint", "typecheck", "build", "test")
_PYTHON_GAP = "which version of Python it takes, and what it needs besides its own package"


class _Manifest(msgspec.Struct, frozen=True):
    """Of package.json."""

    scripts: dict[str, object] = {}


def read(files: Mapping[str, SourceFile]) -> Draft:
    """By name at the top of the repository."""
    steps: list[Step] = []
    gaps: list[Gap] = []
    for look in (_node, _python, _rust, _go, _others):
        found, about = look(files)
        steps += found
        gaps += about
    return Draft("", (Job("build", (CHECKOUT, *steps)),) if steps else (), tuple(gaps))


def _node(files: Mapping[str, SourceFile]) -> tuple[list[Step], list[Gap]]:
    manifest = files.get("package.json")
    if manifest is None:
        return [], []
    try:
        scripts = msgspec.json.decode(manifest.text.encode(), type=_Manifest).scripts
    except msgspec.MsgspecError:
        return [], [Gap("package.json, which cannot be read")]
    install = "npm ci" if "package-lock.json" in files else "npm install"
    steps = [Step("Install", install)]
    steps += [Step(f"Run {name}", f"npm run {name}") for name in _SCRIPTS if _is_script(scripts.get(name))]
    return steps, [Gap("which version of Node.js it takes")]


def _is_script(script: object) -> bool:
    """npm writes one for `test` into every new package, which always fails."""
    return isinstance(script, str) and not kept(script) and "no test specified" not in script


def _python(files: Mapping[str, SourceFile]) -> tuple[list[Step], list[Gap]]:
    if "tox.ini" in files:
        return [Step("Run tox", "python3 -m pip install tox\npython3 -m tox")], [Gap(_PYTHON_GAP)]
    manifest = files.get("pyproject.toml")
    steps = [Step("Install what it needs", "python3 -m pip install -r requirements.txt")]
    steps = steps if "requirements.txt" in files else []
    if manifest is not None and "[build-system]" in manifest.text:
        steps.append(Step("Install the package", "python3 -m pip install ."))
    if manifest is not None and "pytest" in manifest.text:
        steps.append(Step("Run pytest", "python3 -m pip install pytest\npython3 -m pytest"))
    return steps, [Gap(_PYTHON_GAP)] if steps else []


def _rust(files: Mapping[str, SourceFile]) -> tuple[list[Step], list[Gap]]:
    if "Cargo.toml" not in files:
        return [], []
    steps = [Step("Build", "cargo build --all-targets"), Step("Test", "cargo test")]
    return steps, [Gap("which toolchain of Rust it takes")]


def _go(files: Mapping[str, SourceFile]) -> tuple[list[Step], list[Gap]]:
    if "go.mod" not in files:
        return [], []
    setup = Step("Set up Go", uses="actions/setup-go@v5", with_=(("go-version-file", "go.mod"),), by="engine")
    return [setup, Step("Build", "go build ./..."), Step("Test", "go test ./...")], []


def _others(files: Mapping[str, SourceFile]) -> tuple[list[Step], list[Gap]]:
    steps: list[Step] = []
    if "gradlew" in files:
        steps.append(Step("Build and test", "./gradlew build"))
    elif "pom.xml" in files:
        steps.append(Step("Build and test", "mvn --batch-mode verify"))
    if "CMakeLists.txt" in files:
        steps.append(Step("Build", "cmake -B build\ncmake --build build"))
        steps.append(Step("Test", "ctest --test-dir build --output-on-failure"))
    gaps = [Gap(f"how {name} is built and tested") for name in ("Gemfile", "composer.json", "mix.exs") if name in files]
    return steps, gaps + [Gap("what these tools need on the machine")] * bool(steps)
