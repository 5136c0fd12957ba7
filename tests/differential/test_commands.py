"""What GitHub's own `@actions/core` says to its runner, read by ours: nothing is lost on the way."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
from pathlib import Path

import pytest

from libs.contracts.attempt import Annotation
from libs.workflow.runner.commands import CommandReader
from libs.workflow.runner.effects import AddMask, Annotate, Debug, Print
from libs.workflow.runner.files import read_pairs, read_paths
from tests.differential.oracle import NPM

CALLS = 3_000
SEED = 20261124
ALPHABET = "abcXYZ019 :,;=%]['\"<>&\\/\n\r\t#é密🔑"
pytestmark = pytest.mark.row("runner: workflow commands")


@pytest.fixture(scope="module")
def spoken(tmp_path_factory: pytest.TempPathFactory) -> Speaker:
    if shutil.which("node") is None or not (NPM / "node_modules" / "@actions" / "core").is_dir():
        why = f"GitHub's own @actions/core is not installed: install Node 20 and run `npm ci` in {NPM}"
        if os.environ.get("NO_SKIPS"):
            pytest.fail(why)
        pytest.skip(why)
    return Speaker(tmp_path_factory.mktemp("files"))


class Speaker:
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def say(self, calls: list[list[object]], **files: str) -> str:
        environment = {"PATH": os.environ["PATH"], **{name: str(self._folder / file) for name, file in files.items()}}
        for file in files.values():
            (self._folder / file).write_bytes(b"")
        done = subprocess.run(
            ["node", "commands.mjs"],
            cwd=NPM,
            input=json.dumps(calls),
            env=environment,
            capture_output=True,
            check=True,
            encoding="utf-8",
            timeout=60,
        )
        return done.stdout

    def file(self, name: str) -> bytes:
        return (self._folder / name).read_bytes()


def texts(generator: random.Random, longest: int = 20) -> str:
    return "".join(generator.choices(ALPHABET, k=generator.randrange(longest)))


def property_text(generator: random.Random) -> str:
    """The runner trims the properties, and takes no equals sign in front of a value."""
    return texts(generator).strip().strip("=").strip()


def test_annotations(spoken: Speaker) -> None:
    generator = random.Random(SEED)
    calls: list[list[object]] = []
    expected: list[Annotation] = []
    for _ in range(CALLS):
        level = generator.choice(["notice", "warning", "error"])
        message, title, file = texts(generator), property_text(generator), property_text(generator)
        line, column = generator.randrange(1, 900), generator.randrange(1, 200)
        properties = {"title": title, "file": file, "startLine": line, "startColumn": column}
        calls.append([level, message, properties])
        expected.append(Annotation(level, message, title=title, file=file, line=line, column=column))  # pyright: ignore[reportArgumentType]
    reader = CommandReader(environment={})
    read = [effect for line in spoken.say(calls).split("\n") for effect in reader.read(line) or []]
    assert [effect.annotation for effect in read if isinstance(effect, Annotate)] == expected


def test_other_commands(spoken: Speaker) -> None:
    generator = random.Random(SEED)
    calls: list[list[object]] = []
    expected: list[object] = []
    for _ in range(CALLS):
        text = texts(generator)
        match generator.choice(["debug", "setSecret", "startGroup", "endGroup"]):
            case "debug":
                calls.append(["debug", text])
                expected.append(Debug(text))
            case "setSecret" if text.strip():
                calls.append(["setSecret", text])
                expected.append(AddMask(text))
            case "startGroup":
                calls.append(["startGroup", text])
                expected.append(Print(f"##[group]{text}"))
            case _:
                calls.append(["endGroup"])
                expected.append(Print("##[endgroup]"))
    reader = CommandReader(environment={})
    assert [effect for line in spoken.say(calls).split("\n") for effect in reader.read(line) or []] == expected


@pytest.mark.row("runner: heredocs", "runner: GITHUB_OUTPUT", "runner: GITHUB_ENV", "runner: GITHUB_STATE")
def test_files(spoken: Speaker) -> None:
    generator = random.Random(SEED)
    pairs = [(f"name-{number}", texts(generator, 60)) for number in range(CALLS)]
    paths = [f"/{number}/{property_text(generator)}".replace("\n", "").replace("\r", "") for number in range(100)]
    calls: list[list[object]] = [
        [name, *pair] for name in ("setOutput", "exportVariable", "saveState") for pair in pairs
    ]
    calls += [["addPath", path] for path in paths]
    spoken.say(calls, GITHUB_OUTPUT="output", GITHUB_ENV="env", GITHUB_STATE="state", GITHUB_PATH="path")
    for name in ("output", "env", "state"):
        read = read_pairs(spoken.file(name))
        assert (list(read.pairs), read.error) == (pairs, None)
    assert list(read_paths(spoken.file("path")).paths) == paths
