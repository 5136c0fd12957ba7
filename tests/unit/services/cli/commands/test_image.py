"""`firebreak image` as a script sees it: exit codes, JSON, and words for people."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest

from services.cli.__main__ import main
from services.vm_agent.image.store import MANIFEST, ROOT, Store
from tests.unit.services.vm_agent.image.made import made, spoil


class Ended(NamedTuple):
    code: int
    stdout: str
    stderr: str


Firebreak = Callable[..., Ended]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "images")


@pytest.fixture
def firebreak(store: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Firebreak:
    """The program itself, on the images of this test."""
    monkeypatch.setenv("FIREBREAK_IMAGES", str(store.folder))

    def called(*arguments: str) -> Ended:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ending:
            main(["image", *arguments])
        printed = capsys.readouterr()
        return Ended(int(ending.value.code or 0), printed.out, printed.err)

    return called


def test_verify_of_whole_images_is_0(store: Store, firebreak: Firebreak) -> None:
    image = made(store)
    for arguments in ((), ("minimal",), (image.id[:6],)):
        result = firebreak("verify", *arguments)
        assert (result.code, result.stdout) == (0, f"minimal ({image.id}): whole\n")


def test_verify_without_an_image_is_2_and_says_what_to_do(store: Store, firebreak: Firebreak) -> None:
    for arguments in ((), ("minimal",)):
        result = firebreak("verify", *arguments)
        assert result.code == 2
        assert "firebreak image build" in result.stderr


def test_verify_of_a_damaged_file_is_1_and_names_it(store: Store, firebreak: Firebreak) -> None:
    image = made(store)
    made(store, "standard", root=b"more")
    spoil(image, ROOT, b"r00t")
    result = firebreak("verify")
    assert result.code == 1
    assert (
        f"minimal ({image.id}): image minimal ({image.id}): the content of root.squashfs has changed" in result.stdout
    )
    assert "whole" in result.stdout


@pytest.mark.parametrize("named", [(), ("minimal",)])
def test_verify_does_not_pass_over_a_manifest_that_cannot_be_read(
    store: Store, firebreak: Firebreak, named: tuple[str, ...]
) -> None:
    image = made(store)
    made(store, "standard", root=b"more")
    spoil(image, MANIFEST, b"{")
    result = firebreak("verify", "--json", *named)
    assert result.code == 1
    told = msgspec.json.decode(result.stdout)
    broken = {one["id"] for one in told if not one["whole"]}
    assert broken == ({"minimal"} if named else {"minimal", image.id})
    assert "manifest cannot be read" in told[-1]["why"]


def test_ls_says_what_an_image_alone_has_and_what_all_have(store: Store, firebreak: Firebreak) -> None:
    old = made(store)
    new = made(store, root=b"new root", share=old)
    rows = msgspec.json.decode(firebreak("ls", "--json").stdout)
    assert {row["id"]: (row["names"], row["own_bytes"]) for row in rows} == {old.id: ([], 4), new.id: (["minimal"], 8)}
    assert "2 images, 46 bytes on the disk" in firebreak("ls").stderr


def test_ls_shows_what_is_damaged(store: Store, firebreak: Firebreak) -> None:
    spoil(made(store), MANIFEST, b"{")
    result = firebreak("ls")
    assert result.code == 0
    assert "damaged: image" in result.stderr


def test_ls_of_none_says_how_to_build_one(store: Store, firebreak: Firebreak) -> None:
    result = firebreak("ls")
    assert (result.code, "firebreak image build" in result.stderr) == (0, True)


def test_show_tells_files_and_packages(store: Store, firebreak: Firebreak) -> None:
    image = made(store)
    text = firebreak("show", "minimal").stdout
    assert f"minimal ({image.id}), bookworm, kernel 6.1.0-1-cloud-amd64" in text
    assert "  bash 5.2" in text
    assert msgspec.json.decode(firebreak("show", "minimal", "--json").stdout)["id"] == image.id


def test_show_of_what_is_not_there_is_2_and_of_what_is_damaged_1(store: Store, firebreak: Firebreak) -> None:
    assert firebreak("show", "minimal").code == 2
    spoil(made(store), MANIFEST, b"{")
    assert firebreak("show", "minimal").code == 1


def test_rm_removes_the_one_that_is_named(store: Store, firebreak: Firebreak) -> None:
    image = made(store)
    result = firebreak("rm", "minimal", "--json")
    assert (result.code, msgspec.json.decode(result.stdout)) == (0, {"removed": [image.id]})
    assert firebreak("rm", "minimal").code == 2


def test_rm_unused_keeps_what_a_name_stands_for(store: Store, firebreak: Firebreak) -> None:
    old, new = made(store), made(store, root=b"new")
    result = firebreak("rm", "--unused", "--json")
    assert (result.code, msgspec.json.decode(result.stdout)) == (0, {"removed": [old.id]})
    assert [image.id for image in store.ls()] == [new.id]
    assert "nothing to remove" in firebreak("rm", "--unused").stderr


@pytest.mark.parametrize("arguments", [("rm",), ("rm", "minimal", "--unused")])
def test_rm_wants_one_of_both(store: Store, firebreak: Firebreak, arguments: tuple[str, ...]) -> None:
    made(store)
    assert firebreak(*arguments).code == 2
    assert len(store.ls()) == 1
