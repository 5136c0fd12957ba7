"""What is built already is not built again; what is damaged is never taken over; what is missing is said."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.vm_agent.image import initrd
from services.vm_agent.image.build import HOSTS_OWN, CannotBuild, Made, Wish, ensure
from services.vm_agent.image.recipe import RECIPES
from services.vm_agent.image.store import BOOT, ROOT, Image, Store, own_bytes, verify
from tests.unit.services.vm_agent.image.made import BUILT, made, spoil

MINIMAL = RECIPES["minimal"]


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """On a host that has no program to build with."""
    monkeypatch.setenv("PATH", str(tmp_path))
    return Store(tmp_path / "images")


def ensured(store: Store, wish: Wish = HOSTS_OWN) -> tuple[Image, Made]:
    return ensure(store, MINIMAL, lambda what, part: None, wish)


def present(store: Store, built: str = BUILT) -> Image:
    return made(store, recipe=MINIMAL.digest, guest=initrd.guest_digest(), built=built)


def test_the_image_of_the_same_recipe_with_our_present_files_is_taken(store: Store) -> None:
    image = present(store)
    assert ensured(store) == (image, "already there")


def test_its_name_stands_for_it_again(store: Store) -> None:
    image = present(store)
    made(store, root=b"of another recipe")
    assert ensured(store)[0].id == image.id == store.names()["minimal"]


def test_one_with_our_former_files_is_refreshed_and_shares_the_rest(store: Store) -> None:
    old = made(store, recipe=MINIMAL.digest)
    new, done = ensured(store)
    assert done == "refreshed"
    verify(new)
    assert store.names() == {"minimal": new.id}
    assert (new.manifest.guest, new.manifest.built) == (initrd.guest_digest(), old.manifest.built)
    assert own_bytes(new) == new.manifest.files["initrd"].bytes
    begin = Path(old.folder, BOOT).read_bytes()
    assert Path(new.initrd).read_bytes() == begin + initrd.guest_archive()


def test_what_is_damaged_gets_no_new_hash(store: Store) -> None:
    spoil(made(store, recipe=MINIMAL.digest), ROOT, b"r00t")
    with pytest.raises(CannotBuild):
        ensured(store)


def test_an_older_whole_one_is_taken_before_a_newer_damaged_one(store: Store) -> None:
    old = present(store, built="2026-01-01T00:00:00+00:00")
    new = made(store, root=b"newer", recipe=MINIMAL.digest, guest=initrd.guest_digest())
    spoil(new, ROOT, b"")
    assert ensured(store) == (old, "already there")


@pytest.mark.parametrize("wish", [Wish(anew=True), Wish(suite="trixie")])
def test_another_suite_or_todays_packages_are_built(store: Store, wish: Wish) -> None:
    present(store)
    with pytest.raises(CannotBuild, match=r"apt-get install apt dpkg mmdebstrap squashfs-tools"):
        ensured(store, wish)


def test_a_folder_that_cannot_be_is_said(store: Store) -> None:
    store.folder.write_text("a file")
    with pytest.raises(CannotBuild, match="images"):
        ensured(store)
