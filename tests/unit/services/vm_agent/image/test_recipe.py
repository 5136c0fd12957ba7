"""Recipes are known by what is in them."""

from __future__ import annotations

import hashlib
from pathlib import Path

import msgspec
import pytest

from services.vm_agent.image.customize import customize
from services.vm_agent.image.recipe import BOOT_MODULES, BUILDER_VERSION, RECIPES

MINIMAL = RECIPES["minimal"]


@pytest.mark.parametrize(
    "change",
    [
        {"packages": (*MINIMAL.packages, "jq")},
        {"modules": False},
        {"nodes": ("20.18.0",)},
        {"name": "other"},
    ],
)
def test_each_change_of_a_recipe_changes_its_digest(change: dict[str, object]) -> None:
    assert msgspec.structs.replace(MINIMAL, **change).digest != MINIMAL.digest


def test_another_way_of_building_is_another_version() -> None:
    """Where this fails, raise BUILDER_VERSION too: it is what makes hosts build their images anew."""
    way = "".join(customize(recipe, Path("/w")) for recipe in RECIPES.values())
    assert (BUILDER_VERSION, hashlib.sha256(way.encode()).hexdigest()[:16]) == (3, "3cb0983584b2df3d")


def test_the_same_recipe_has_the_same_digest() -> None:
    assert msgspec.structs.replace(MINIMAL).digest == MINIMAL.digest


def test_recipes_are_known_by_their_own_names() -> None:
    assert {name: recipe.name for name, recipe in RECIPES.items()} == {"minimal": "minimal", "standard": "standard"}


def test_standard_has_all_that_minimal_has() -> None:
    assert set(MINIMAL.packages) < set(RECIPES["standard"].packages)


def test_rings_are_loaded_before_what_needs_them() -> None:
    order = {name: number for number, name in enumerate(BOOT_MODULES)}
    assert order["virtio_ring"] < order["virtio"] < order["virtio_mmio"] < order["virtio_blk"]
    assert order["rng-core"] < order["virtio-rng"]
    assert order["failover"] < order["net_failover"] < order["virtio_net"]
    assert order["vsock"] < order["vmw_vsock_virtio_transport_common"] < order["vmw_vsock_virtio_transport"]
