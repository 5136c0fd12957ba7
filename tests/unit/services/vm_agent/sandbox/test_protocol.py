"""Small promises of the protocol's own values, and of choosing a driver."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

from services.vm_agent.sandbox import drivers
from services.vm_agent.sandbox.premises import Premises
from services.vm_agent.sandbox.protocol import Driver, SandboxId, SandboxSpec


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "../x", ".hidden", "a b", "a\n", "x" * 101, "ü"])
def test_an_id_that_is_no_name_of_a_folder_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="no sandbox id"):
        SandboxSpec(id=SandboxId(name))


@pytest.mark.parametrize("name", ["a", "run-1.build~1a2b3c4d.1", "x" * 100])
def test_an_id_of_a_job_is_taken(name: str) -> None:
    assert SandboxSpec(id=SandboxId(name)).id == name


async def test_a_driver_that_does_not_exist_is_named_with_those_that_do(tmp_path: Path) -> None:
    with pytest.raises(drivers.NoDriver, match=r"'qemo'; there are auto, .*bubblewrap, host"):
        await drivers.choose("qemo", Premises(tmp_path, tmp_path / "images"))


async def test_host_is_used_when_it_is_named(tmp_path: Path) -> None:
    assert (await drivers.choose("host", Premises(tmp_path, tmp_path / "images"))).name == "host"


async def test_auto_never_falls_to_host(tmp_path: Path) -> None:
    chosen: Driver | None = None
    with contextlib.suppress(drivers.NoDriver):
        chosen = await drivers.choose("auto", Premises(tmp_path, tmp_path / "images"))
    assert chosen is None or chosen.takes_forks
