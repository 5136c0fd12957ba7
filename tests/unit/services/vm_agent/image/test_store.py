"""The images of a host: found by name and id, checked before use, published whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import pytest

from services.vm_agent.image.store import (
    FILES,
    MANIFEST,
    ROOT,
    DamagedImage,
    NoImage,
    Store,
    check,
    on_disk_bytes,
    own_bytes,
    verify,
)
from tests.unit.services.vm_agent.image.made import made, spoil


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "images")


def test_an_image_is_found_by_its_name_its_id_and_the_beginning_of_its_id(store: Store) -> None:
    image = made(store)
    assert [store.find(name).id for name in ("minimal", image.id, image.id[:4])] == [image.id] * 3


@pytest.mark.parametrize("name", ["standard", "0000", "", "..", "../images", "a/b", "-x", "MINIMAL", "x" * 99])
def test_what_is_not_there_is_said_with_what_to_do(store: Store, name: str) -> None:
    with pytest.raises(NoImage, match="firebreak image build"):
        store.find(name)


def test_an_ambiguous_or_short_beginning_finds_nothing(store: Store) -> None:
    image = made(store)
    with pytest.raises(NoImage):
        store.find(image.id[:3])


def test_without_a_name_standard_is_taken_before_minimal(store: Store) -> None:
    minimal = made(store)
    assert store.find().id == minimal.id
    standard = made(store, "standard", root=b"more")
    assert store.find().id == standard.id


def test_the_same_files_have_the_same_id_and_others_another(store: Store, tmp_path: Path) -> None:
    first, other = made(store), made(store, root=b"other")
    assert made(Store(tmp_path / "elsewhere"), built="2030-01-01T00:00:00+00:00").id == first.id
    assert other.id != first.id


def test_a_whole_image_passes(store: Store) -> None:
    image = made(store)
    check(image)
    verify(image)


@pytest.mark.parametrize("name", FILES)
def test_a_truncated_or_missing_file_is_found_before_a_machine_starts(store: Store, name: str) -> None:
    image = made(store)
    spoil(image, name, b"")
    with pytest.raises(DamagedImage, match=f"{name} has 0 bytes.*image build --size minimal"):
        check(image)
    os.unlink(f"{image.folder}/{name}")
    with pytest.raises(DamagedImage, match=f"{name}: No such file"):
        check(image)


@pytest.mark.parametrize("name", FILES)
def test_a_flipped_byte_is_found_by_verify(store: Store, name: str) -> None:
    image = made(store)
    content = Path(image.folder, name).read_bytes()
    spoil(image, name, bytes([content[0] ^ 1]) + content[1:])
    check(image)
    with pytest.raises(DamagedImage, match=f"content of {name} has changed"):
        verify(image)


def test_a_manifest_that_was_made_to_fit_other_files_does_not_pass(store: Store) -> None:
    image = made(store)
    other = made(store, root=b"other")
    spoil(image, ROOT, b"other")
    spoil(image, MANIFEST, msgspec.json.encode(msgspec.structs.replace(other.manifest, id=image.id)))
    with pytest.raises(DamagedImage, match="another image's"):
        verify(store.find(image.id))


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b'{"id": 1}', b"\xff\xfe"])
def test_a_manifest_that_cannot_be_read_is_said(store: Store, text: bytes) -> None:
    image = made(store)
    spoil(image, MANIFEST, text)
    with pytest.raises(DamagedImage, match="manifest cannot be read"):
        store.find("minimal")
    assert store.ls() == []
    assert set(store.unreadable()) == {"minimal", image.id}


def test_a_manifest_of_another_image_is_said(store: Store) -> None:
    image, other = made(store), made(store, root=b"other")
    spoil(image, MANIFEST, Path(other.folder, MANIFEST).read_bytes())
    with pytest.raises(DamagedImage, match="another image's"):
        store.find(image.id)


def test_a_name_without_its_image_is_said(store: Store) -> None:
    store.folder.mkdir()
    (store.folder / "minimal").symlink_to("0123456789abcdef")
    with pytest.raises(NoImage):
        store.find("minimal")
    assert set(store.unreadable()) == {"minimal"}


def test_a_name_moves_to_the_newer_image_and_the_older_one_stays(store: Store) -> None:
    old = made(store, built="2026-01-01T00:00:00+00:00")
    new = made(store, root=b"new", built="2026-02-01T00:00:00+00:00")
    assert store.names() == {"minimal": new.id}
    assert [image.id for image in store.ls()] == [new.id, old.id]


def test_links_and_folders_that_are_made_just_now_are_neither_names_nor_images(store: Store) -> None:
    image = made(store)
    (store.folder / ".minimal.123").symlink_to(image.id)
    (store.folder / ".building-x").mkdir()
    assert store.names() == {"minimal": image.id}
    assert (len(store.ls()), store.unreadable()) == (1, {})


def test_publishing_the_same_again_keeps_the_older_manifest(store: Store) -> None:
    first = made(store, built="2026-01-01T00:00:00+00:00")
    again = made(store, built="2026-02-01T00:00:00+00:00")
    assert again == first
    assert sorted(os.listdir(store.folder)) == sorted([first.id, "minimal"])


@pytest.mark.parametrize("name", [ROOT, MANIFEST])
def test_publishing_over_a_damaged_image_replaces_it(store: Store, name: str) -> None:
    image = made(store)
    spoil(image, name, b"broken")
    verify(made(store))
    assert sorted(os.listdir(store.folder)) == sorted([image.id, "minimal"])


def test_publishing_over_a_file_in_its_place_replaces_that(store: Store) -> None:
    image = made(store)
    store.rm(image)
    (store.folder / image.id).write_text("no image")
    verify(made(store))


def test_a_published_image_cannot_be_written_by_accident(store: Store) -> None:
    image = made(store)
    assert {os.stat(f"{image.folder}/{name}").st_mode & 0o777 for name in (*FILES, MANIFEST)} == {0o444}


def test_a_removed_image_takes_its_names_with_it(store: Store) -> None:
    image, standard = made(store), made(store, "standard", root=b"more")
    store.rm(image)
    assert store.names() == {"standard": standard.id}
    assert sorted(os.listdir(store.folder)) == sorted([standard.id, "standard"])


def test_only_images_without_a_name_are_unused(store: Store) -> None:
    old, new = made(store), made(store, root=b"new")
    assert [image.id for image in store.unused()] == [old.id]
    store.rm(new)
    assert [image.id for image in store.unused()] == [old.id]


def test_an_image_that_a_process_has_open_is_used(store: Store) -> None:
    old = made(store)
    made(store, root=b"new")
    with open(old.root, "rb"):
        assert store.unused() == []
    assert store.unused() != []


def test_what_images_share_is_counted_once(store: Store, tmp_path: Path) -> None:
    old = made(store)
    new = made(store, root=b"longer", share=old)
    shared = old.size_bytes - len(b"root")
    assert (own_bytes(old), own_bytes(new)) == (len(b"root"), len(b"longer"))
    assert on_disk_bytes([old, new]) == shared + len(b"root") + len(b"longer")
