"""`$GITHUB_ARTIFACTS` as GitHub's runner reads it: images by digest, files by their content, conflicts refused."""

from __future__ import annotations

import hashlib
import json
import re

import pytest

from libs.workflow.runner.artifacts import (
    ARTIFACTS_BYTES,
    BadArtifacts,
    Declared,
    DeclaredFile,
    Subject,
    listing,
    read_artifacts,
    with_declared,
)
from tests.e2e.vm_agent.conftest import RunJob
from tests.e2e.vm_agent.harness import order, step

pytestmark = pytest.mark.row("runner: GITHUB_ARTIFACTS")
A, B = "a" * 64, "b" * 96

READ: dict[str, tuple[str, list[tuple[int, Declared]]]] = {
    "nothing": ("", []),
    "comments and blank lines": ("\n# note\n   # note\n  \n", []),
    "an image": (
        f"registry.example/octo/app:1.0@sha256:{A}",
        [(1, Subject("registry.example/octo/app:1.0", f"sha256:{A}", "oci"))],
    ),
    "an image of another digest": (f"x/y@sha384:{B}\n", [(1, Subject("x/y", f"sha384:{B}", "oci"))]),
    "an image with a port": (
        f"\nlocalhost:5000/x:v1@sha256:{A}\r\n",
        [(2, Subject("localhost:5000/x:v1", f"sha256:{A}", "oci"))],
    ),
    "digits in upper case": (f"x@sha256:{A.upper()}", [(1, Subject("x", f"sha256:{A}", "oci"))]),
    "an image by its scheme": (f"OCI://x:1@sha256:{A}", [(1, Subject("x:1", f"sha256:{A}", "oci"))]),
    "a file": ("  dist/app \n", [(1, DeclaredFile("dist/app"))]),
    "a file by its scheme": (f"file:///w/x@sha256:{A}", [(1, DeclaredFile(f"/w/x@sha256:{A}"))]),
    "a digest that is too short is a file": (f"x@sha256:{A[1:]}", [(1, DeclaredFile(f"x@sha256:{A[1:]}"))]),
    "a digest in other letters is a file": ("x@sha256:" + "z" * 64, [(1, DeclaredFile("x@sha256:" + "z" * 64))]),
    "a byte order mark": ("\ufeffdist/app", [(1, DeclaredFile("dist/app"))]),
}
REFUSED = {
    "an equals sign": ("name=x", "line 1: entries containing '=' are reserved and not permitted"),
    "another scheme": ("# a\nhttps://x/y", "line 2: unsupported URI scheme"),
    "a scheme alone": ("file://", "line 1: file:// entries must include a path"),
    "an image without a digest": (
        "oci://x:1.0",
        "line 1: oci:// entries must include an @sha{256,384,512}:<hex> digest",
    ),
    "an image with a short digest": (
        f"oci://x@sha256:{A[1:]}",
        "line 1: digest 'sha256' must be 64 hex characters, got 63",
    ),
}


@pytest.mark.parametrize("name", READ)
def test_lines(name: str) -> None:
    text, expected = READ[name]
    assert read_artifacts(text.encode()) == expected


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused(name: str) -> None:
    text, words = REFUSED[name]
    with pytest.raises(BadArtifacts, match=re.escape(words)):
        read_artifacts(text.encode())


def test_a_file_is_bounded() -> None:
    with pytest.raises(BadArtifacts, match=re.escape("exceeds the maximum size of 1024 KiB (got 1025 KiB)")):
        read_artifacts(b"#" * (ARTIFACTS_BYTES + 1024))


def test_the_same_twice_is_one_and_another_digest_a_conflict() -> None:
    one, other = Subject("x", "sha256:1", "file"), Subject("x", "sha256:2", "file")
    assert with_declared({"x": one}, [(1, one)]) == {"x": one}
    with pytest.raises(BadArtifacts, match="line 3: Conflicting digest for artifact 'x'"):
        with_declared({"x": one}, [(3, other)])


def test_a_job_has_500() -> None:
    known = {str(number): Subject(str(number), "d", "oci") for number in range(500)}
    assert with_declared(known, [(1, known["7"])]) == known
    with pytest.raises(BadArtifacts, match="maximum of 500 declared artifacts"):
        with_declared(known, [(1, Subject("new", "d", "oci"))])


def test_the_list_is_sorted_json() -> None:
    assert listing({}) == b'{"version":1,"subjects":[]}'
    subjects = {name: Subject(name, "d", "oci") for name in ("b", "ä", "a")}
    assert [one["name"] for one in json.loads(listing(subjects))["subjects"]] == ["a", "b", "ä"]


async def test_steps_declare_and_later_ones_see(run_job: RunJob) -> None:
    ran = await run_job(
        order(
            step("cat $GITHUB_ARTIFACTS_LIST; mkdir dist; printf app > dist/app; ln -s app dist/link"),
            step(f"(echo dist/app; echo $PWD/dist/link; echo x@sha256:{A}) >> $GITHUB_ARTIFACTS"),
            step("cat $GITHUB_ARTIFACTS_LIST; echo junk > $GITHUB_ARTIFACTS_LIST"),
            step("cat $GITHUB_ARTIFACTS_LIST"),
        )
    )
    digest = "sha256:" + hashlib.sha256(b"app").hexdigest()
    assert ran.outcomes == ["success"] * 4
    assert ran.printed(0) == ['{"version":1,"subjects":[]}']
    assert ran.printed(1) == ["Captured 3 artifact subject(s) from this step (job total: 3)."]
    assert json.loads(ran.printed(2)[0])["subjects"] == [
        {"name": "app", "digest": digest, "kind": "file"},
        {"name": "link", "digest": digest, "kind": "file"},
        {"name": "x", "digest": f"sha256:{A}", "kind": "oci"},
    ]
    assert ran.printed(3) == ran.printed(2)


@pytest.mark.parametrize(
    ("declared", "words"),
    [
        ("none", "file 'none' does not exist (relative paths are resolved against the workspace root"),
        ("/none", "file '/none' does not exist"),
        ("/etc", "'/etc' is a directory, not a regular file"),
        ("pipe", "'pipe' is not a regular file"),
    ],
)
async def test_what_is_no_file_fails_the_step_and_none_counts(run_job: RunJob, declared: str, words: str) -> None:
    ran = await run_job(
        order(
            step(f"mkfifo pipe; echo x > a; echo a >> $GITHUB_ARTIFACTS; echo {declared} >> $GITHUB_ARTIFACTS"),
            step("cat $GITHUB_ARTIFACTS_LIST", if_="always()"),
        )
    )
    assert ran.outcomes == ["failure", "success"]
    assert ran.printed(0)[-2] == "##[error]Unable to process file command 'artifacts' successfully."
    assert f"line 2: {words}" in ran.printed(0)[-1]
    assert ran.printed(1) == ['{"version":1,"subjects":[]}']
