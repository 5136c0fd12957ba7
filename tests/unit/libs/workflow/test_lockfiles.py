"""Lockfiles are known by their names at a repository's root."""

from itertools import permutations

from libs.workflow.lockfiles import LOCKFILES, lockfiles_among


def test_every_known_name_is_found_and_belongs_to_one_tool() -> None:
    names = [name for tool in LOCKFILES.values() for name in tool]
    assert len(names) == len(set(names))
    assert lockfiles_among(names) == tuple(sorted(names))


def test_the_order_of_the_files_does_not_matter() -> None:
    files = ("uv.lock", "README.md", "Cargo.lock", "package-lock.json")
    assert {lockfiles_among(order) for order in permutations(files)} == {("Cargo.lock", "package-lock.json", "uv.lock")}


def test_other_names_are_none() -> None:
    near = ("UV.LOCK", "uv.lock.bak", "package.json", "go.mod", "requirements-dev.txt", "src/uv.lock", "", "cargo.lock")
    assert lockfiles_among(near) == ()
