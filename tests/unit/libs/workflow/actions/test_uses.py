"""What `uses:` of a step may name, and what it may not."""

from __future__ import annotations

import pytest

from libs.workflow.actions.uses import BadUses, Image, Local, Reference, Remote, Same, parse_uses

SHA = "8f4b7f84864484a7bf31766abe9204da3cbe65b3"


@pytest.mark.row("actions: uses of every form")
@pytest.mark.parametrize(
    ("text", "reference"),
    [
        ("actions/checkout@v4", Remote("actions", "checkout", "", "v4")),
        ("owner/repo/path/to/action@main", Remote("owner", "repo", "path/to/action", "main")),
        ("owner/repo/@v1", Remote("owner", "repo", "", "v1")),
        ("owner/repo@feature/x", Remote("owner", "repo", "", "feature/x")),
        ("Owner_1/re.po-2@refs/tags/v1", Remote("Owner_1", "re.po-2", "", "refs/tags/v1")),
        (f"owner/repo@{SHA}", Remote("owner", "repo", "", SHA)),
        ("./", Local(".")),
        (".", Local(".")),
        ("./.github/actions/build", Local(".github/actions/build")),
        ("./a//b/../c", Local("a/c")),
        ("./../../_actions/x", Local("../../_actions/x")),
        ("../sibling", Local("../sibling")),
        ("$/", Same("")),
        ("$/.github/actions/build", Same(".github/actions/build")),
        ("docker://alpine:3.20", Image("alpine:3.20")),
        ("docker://ghcr.io/a/b@sha256:0123", Image("ghcr.io/a/b@sha256:0123")),
    ],
)
def test_a_reference_is_read(text: str, reference: Reference) -> None:
    assert parse_uses(text) == reference


@pytest.mark.row("actions: uses of every form")
@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("actions/checkout", "needs a version"),
        ("actions/checkout@", "must be"),
        ("checkout@v4", "must be"),
        ("", "must be"),
        ("@v1", "must be"),
        ("/@v1", "must be"),
        ("a/b@c@d", "must be"),
        ("a b/c@v1", "no name of a repository"),
        ("a/..@v1", "no name of a repository"),
        ("a/b/../../../etc@v1", "leads out"),
        ("$/../other", "leads out"),
        ("a/b@-x", "no tag"),
        ("a/b@--upload-pack=x", "no tag"),
        ("a/b@v1 v2", "no tag"),
        ("a/b@a..b", "no tag"),
        ("docker://", "names no image"),
        ("docker://a b", "names no image"),
        ("a/b@" + "x" * 2000, "1000 characters"),
    ],
)
def test_what_is_no_reference_is_refused(text: str, why: str) -> None:
    with pytest.raises(BadUses, match=why):
        parse_uses(text)


def test_only_a_whole_commit_is_a_pin() -> None:
    pinned = parse_uses(f"a/b@{SHA.upper()}")
    assert isinstance(pinned, Remote)
    assert pinned.commit == SHA
    short = parse_uses("a/b@8f4b7f8")
    assert isinstance(short, Remote)
    assert short.commit is None
