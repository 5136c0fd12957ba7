"""What the doctor concludes from the drivers' probes: of KVM only what a guest showed, and what `auto` takes."""

from __future__ import annotations

import pytest

from libs import settings
from services.cli.checks.drivers import Device, Tried, kvm, taken
from services.vm_agent.sandbox.drivers import AUTO, DRIVERS
from services.vm_agent.sandbox.protocol import Probe


def tried(name: str, *, works: bool, assisted: bool | None = None) -> Tried:
    return Tried(name, Probe(works=works, why=f"why of {name}"), f"isolation of {name}", True, assisted)


def by_name(*drivers: Tried) -> dict[str, Tried]:
    return {each.name: each for each in drivers}


def test_every_driver_that_a_setting_can_name_is_tried() -> None:
    assert {AUTO, *DRIVERS} == set(settings.DRIVERS)


def test_kvm_works_where_a_guest_booted_with_it() -> None:
    assert kvm([tried("qemu", works=True, assisted=True)], device="open").state == "works"


@pytest.mark.parametrize(
    ("device", "assisted", "says"),
    [
        ("none", False, "there is no /dev/kvm"),
        ("closed", False, "this user may not open it"),
        ("open", False, "opens, and no guest boots with it"),
        ("open", None, "opens, which proves nothing"),
    ],
)
def test_a_device_alone_is_no_kvm(device: Device, assisted: bool | None, says: str) -> None:
    found = kvm([tried("qemu", works=assisted is not None, assisted=assisted)], device=device)
    assert found.state == "optional"
    assert says in found.says


def test_auto_takes_the_first_that_works() -> None:
    found = taken(
        "auto", by_name(tried("qemu", works=False), tried("bubblewrap", works=True), tried("host", works=True))
    )
    assert (found.what, found.state) == ("driver auto", "works")
    assert "takes bubblewrap: isolation of bubblewrap" in found.says


def test_auto_never_takes_host() -> None:
    found = taken("auto", by_name(tried("qemu", works=False), tried("host", works=True)))
    assert found.state == "missing"
    assert "--driver host" in found.says


def test_a_driver_that_is_named_and_does_not_work_is_missing_with_its_reason() -> None:
    found = taken("qemu", by_name(tried("qemu", works=False), tried("bubblewrap", works=True)))
    assert (found.what, found.state) == ("FIREBREAK_DRIVER=qemu", "missing")
    assert "why of qemu" in found.says


def test_a_driver_that_is_named_and_works_is_what_jobs_run_under() -> None:
    found = taken("host", by_name(tried("qemu", works=True), tried("host", works=True)))
    assert (found.state, found.says) == ("works", "jobs run under host: isolation of host")
