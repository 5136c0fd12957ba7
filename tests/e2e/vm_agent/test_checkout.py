"""The built-in actions/checkout: which source is asked for, and what lies in the workspace then."""

from __future__ import annotations

import io
import tarfile
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from libs.sources import Source, SourceMissing, SourceRefused, Wanted
from tests.e2e.vm_agent.conftest import RunJob
from tests.e2e.vm_agent.harness import REPOSITORY, SHA, order, step

OTHER_SHA = "2" * 40
FILES = {"README.md": b"hello\n", "src/run.sh": b"#!/bin/sh\necho ran\n", ".git/HEAD": b"ref: refs/heads/main\n"}
EVENT = Wanted(REPOSITORY, SHA, "refs/heads/main", 1)


def archive(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, data in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(data), 0o755 if name.endswith(".sh") else 0o644
            tar.addfile(entry, io.BytesIO(data))
    return buffer.getvalue()


async def chunks(data: bytes) -> AsyncIterator[bytes]:
    for place in range(0, len(data), 1000):
        yield data[place : place + 1000]


@dataclass
class FakeSources:
    """Knows one repository's event commit and its branch `dev`; everything else is missing or not allowed."""

    files: dict[str, bytes] = field(default_factory=lambda: dict(FILES))
    gives: str | None = None
    asked: list[Wanted] = field(default_factory=list[Wanted])

    @asynccontextmanager
    async def checkout(self, wanted: Wanted) -> AsyncGenerator[Source]:
        self.asked.append(wanted)
        if wanted.repository.full_name == "octo/secret":
            raise SourceRefused("octo/secret is not allowed here")
        known = {SHA: SHA, "dev": OTHER_SHA, OTHER_SHA: OTHER_SHA, None: OTHER_SHA}
        name = wanted.commit or wanted.ref
        if name not in known:
            raise SourceMissing(f"{name} is not in {wanted.repository.full_name}")
        yield Source(self.gives or known[name], wanted.ref or "", chunks(archive(self.files)))


def checkout(**given: object) -> dict[str, object]:
    return {"uses": "actions/checkout@v4", "with": given, "id": "co"}


async def test_the_events_commit_is_asked_for_exactly(run_job: RunJob) -> None:
    sources = FakeSources()
    outputs = "${{ steps.co.outputs.commit }} ${{ steps.co.outputs.ref }}"
    ran = await run_job(
        order(checkout(), step(f"cat README.md; src/run.sh; cat .git/HEAD; echo {outputs}")), sources=sources
    )
    assert ran.outcomes == ["success", "success"]
    assert sources.asked == [EVENT]
    assert ran.printed(1) == ["hello", "ran", "ref: refs/heads/main", f"{SHA} refs/heads/main"]
    assert ran.record.steps[0].name == "Run actions/checkout@v4"


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ({"ref": "dev"}, Wanted(REPOSITORY, None, "dev", 1)),
        ({"ref": OTHER_SHA.upper()}, Wanted(REPOSITORY, OTHER_SHA, None, 1)),
        ({"fetch-depth": 0}, Wanted(REPOSITORY, SHA, "refs/heads/main", 0)),
        ({"Fetch-Depth": "7"}, Wanted(REPOSITORY, SHA, "refs/heads/main", 7)),
        ({"fetch-depth": "many"}, Wanted(REPOSITORY, SHA, "refs/heads/main", 0)),
        ({"fetch-depth": "-3"}, Wanted(REPOSITORY, SHA, "refs/heads/main", 0)),
        ({"fetch-tags": True}, Wanted(REPOSITORY, SHA, "refs/heads/main", 0)),
        ({"fetch-tags": "false", "filter": "blob:none"}, EVENT),
        ({"github-server-url": "https://github.com/"}, EVENT),
        ({"repository": "OCTO/demo"}, EVENT),
        ({"persist-credentials": False, "submodules": "false", "token": "x"}, EVENT),
    ],
)
async def test_inputs(run_job: RunJob, given: dict[str, object], wanted: Wanted) -> None:
    sources = FakeSources()
    ran = await run_job(order({"uses": "actions/checkout@v4", "with": given}), sources=sources)
    assert ran.outcomes == ["success"]
    assert sources.asked == [wanted]


async def test_another_repository_has_its_own_address(run_job: RunJob) -> None:
    sources = FakeSources()
    ran = await run_job(order(checkout(repository="octo/tools", path="tools"), step("ls tools")), sources=sources)
    assert ran.outcomes == ["success", "success"]
    assert sources.asked[0].repository.clone_url == "https://github.com/octo/tools.git"
    assert (sources.asked[0].commit, sources.asked[0].ref) == (None, None)
    assert ran.printed(1) == ["README.md", "src"]


async def test_another_server(run_job: RunJob) -> None:
    sources = FakeSources()
    await run_job(order(checkout(**{"github-server-url": "https://git.example.org"})), sources=sources)
    assert sources.asked[0].repository.clone_url == "https://git.example.org/octo/demo.git"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"path": "../outside"}, "is not within the workspace"),
        ({"path": "/etc"}, "is not within the workspace"),
        ({"repository": "nonsense"}, "Invalid repository 'nonsense'"),
        ({"repository": "octo/secret"}, "is not allowed here"),
        ({"ref": "gone"}, "gone is not in octo/demo"),
        ({"submodules": "recursive"}, "'submodules' is not run yet"),
        ({"clean": "perhaps"}, "'clean' must be true or false"),
        ({"ref": "${{ fromJSON('{') }}"}, "with: "),
    ],
)
async def test_the_workflows_mistakes_fail_the_step(run_job: RunJob, given: dict[str, object], words: str) -> None:
    ran = await run_job(order({"uses": "actions/checkout@v4", "with": given}), sources=FakeSources())
    assert ran.outcomes == ["failure"]
    assert words in ran.record.steps[0].why


@pytest.mark.parametrize("sources", [None, FakeSources(gives=OTHER_SHA)])
async def test_without_the_events_commit_the_job_is_an_error(run_job: RunJob, sources: FakeSources | None) -> None:
    ran = await run_job(order(checkout(), step("echo x", if_="always()")), sources=sources)
    assert ran.outcomes == ["error", "skip"]
    assert ran.end.conclusion == "error"
    assert SHA in ran.end.why


async def test_a_file_of_the_jobs_own_in_the_way_fails_the_step_and_blames_no_host(run_job: RunJob) -> None:
    steps = (step("echo x > taken"), checkout(path="taken/below"), step("echo on", if_="failure()"))
    ran = await run_job(order(*steps), sources=FakeSources())
    assert ran.outcomes == ["success", "failure", "success"]
    assert ran.end.conclusion == "failure"
    assert "could not be put into the workspace" in ran.record.steps[1].why


async def test_a_hostile_archive_is_refused(run_job: RunJob) -> None:
    ran = await run_job(order(checkout()), sources=FakeSources(files={"../escape": b"x"}))
    assert ran.end.conclusion == "error"


async def test_a_second_checkout_cleans(run_job: RunJob) -> None:
    ran = await run_job(order(checkout(), step("touch left"), checkout(), step("ls")), sources=FakeSources())
    assert ran.printed(3) == ["README.md", "src"]


async def test_without_clean_files_stay(run_job: RunJob) -> None:
    ran = await run_job(order(step("touch left"), checkout(clean=False), step("ls")), sources=FakeSources())
    assert ran.printed(2) == ["README.md", "left", "src"]
