"""QEMU's arguments: what a template and its clones must have alike, and what keeps a guest in."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.contracts.size import Size
from services.vm_agent.sandbox.qemu.command_line import (
    KVM,
    TCG,
    Files,
    Jail,
    Kernel,
    Machine,
    arguments,
    kernel_arguments,
)

MACHINE = Machine(TCG, Size(1, 512), disk_bytes=1024, network=True, tsc_khz=2_445_404)
FILES = Files(channel=3, monitor=4, root=5, work=(6, 7), memory="/t/memory", tap="tap0")
JAIL = Jail(uid=2000, root="/s/root", version=(7, 2))
KERNEL = Kernel("/i/vmlinux", "/i/initrd")


def following(words: list[str], option: str) -> list[str]:
    """The values of an option that may come several times."""
    return [words[place + 1] for place, word in enumerate(words) if word == option]


def test_a_template_and_its_clones_have_the_same_machine_and_devices() -> None:
    template = arguments(MACHINE, with_changes(FILES, shared=True), JAIL, KERNEL)
    clone = arguments(MACHINE, FILES, JAIL, None)
    for option in ("-M", "-accel", "-cpu", "-smp", "-m", "-device", "-drive", "-netdev", "-bios"):
        assert following(template, option) == following(clone, option), option


def with_changes(files: Files, **changes: object) -> Files:
    return msgspec.structs.replace(files, **changes)


def test_only_a_template_writes_through_to_its_memory_file() -> None:
    clone = following(arguments(MACHINE, FILES, JAIL, None), "-object")
    template = following(arguments(MACHINE, with_changes(FILES, shared=True), JAIL, KERNEL), "-object")
    assert [it for it in clone if "mem-path=/t/memory" in it and "share=off" in it]
    assert [it for it in template if "mem-path=/t/memory" in it and "share=on" in it]


def test_without_a_file_memory_is_anonymous() -> None:
    objects = following(arguments(MACHINE, with_changes(FILES, memory=""), JAIL, KERNEL), "-object")
    assert [it for it in objects if it.startswith("memory-backend-ram,")]


def test_a_clone_waits_for_its_state_and_has_no_kernel() -> None:
    words = arguments(MACHINE, FILES, JAIL, None)
    assert following(words, "-incoming") == ["defer"]
    assert "-kernel" not in words
    booted = arguments(MACHINE, FILES, JAIL, KERNEL)
    assert "-incoming" not in booted
    assert following(booted, "-kernel") == ["/i/vmlinux"]


def test_a_guest_that_panics_ends_its_machine_and_knows_the_clocks_rate() -> None:
    said = kernel_arguments(MACHINE).split()
    assert {"panic=-1", "reboot=t", "tsc_early_khz=2445404", "tsc=reliable"} <= set(said)
    assert "-no-reboot" in arguments(MACHINE, FILES, JAIL, KERNEL)
    assert "tsc_early_khz" not in kernel_arguments(msgspec.structs.replace(MACHINE, accelerator=KVM))


@pytest.mark.parametrize(
    "change", [{"network": False}, {"size": Size(2, 512)}, {"size": Size(1, 1024)}, {"accelerator": KVM}]
)
def test_what_a_guest_can_see_is_in_the_identity(change: dict[str, object]) -> None:
    assert msgspec.structs.replace(MACHINE, **change).identity() != MACHINE.identity()


def test_the_clocks_rate_counts_as_far_as_two_measurements_agree() -> None:
    near, far = (msgspec.structs.replace(MACHINE, tsc_khz=MACHINE.tsc_khz + more) for more in (40, 5000))
    assert near.identity() == MACHINE.identity()
    assert far.identity() != MACHINE.identity()


def test_the_base_image_is_opened_read_only_and_no_network_means_no_card() -> None:
    words = arguments(msgspec.structs.replace(MACHINE, network=False), FILES, JAIL, None)
    root, work = following(words, "-drive")
    assert "read-only=on" in root
    assert "werror=stop" in work
    assert "-netdev" not in words
    assert not [device for device in following(words, "-device") if "net" in device]


def test_root_gives_up_its_rights_in_the_form_that_this_qemu_knows() -> None:
    old = arguments(MACHINE, FILES, JAIL, None)
    assert following(old, "-runas") == ["2000:2000"]
    assert following(old, "-chroot") == ["/s/root"]
    new = arguments(MACHINE, FILES, Jail(2000, "/s/ro,ot", (9, 1)), None)
    assert following(new, "-run-with") == ["chroot=/s/ro,,ot,user=2000:2000"]
    assert "-runas" not in new


def test_an_ordinary_user_can_get_no_more_rights() -> None:
    words = arguments(MACHINE, FILES, Jail(None, "/s/root", (7, 2)), None)
    (sandbox,) = following(words, "-sandbox")
    assert {"on", "spawn=deny", "elevateprivileges=deny", "resourcecontrol=deny"} <= set(sandbox.split(","))
    assert "-runas" not in words


@given(st.text(st.characters(blacklist_categories=["Cs", "Cc"]), min_size=1))
def test_no_path_becomes_another_option(path: str) -> None:
    (memory,) = [
        it
        for it in following(arguments(MACHINE, with_changes(FILES, memory=path), JAIL, None), "-object")
        if it.startswith("memory-backend-file")
    ]
    assert memory.replace(",,", "").split(",")[-1] == "share=off"
    assert memory.replace(",,", "").count(",") == 4
