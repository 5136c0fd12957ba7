"""How a host's memory and processors are shared by its slots."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from libs.contracts.size import LEAST_MEMORY_MIB, Size
from services.vm_agent.capacity import Capacity, capacity, elsewhere, host_memory_mib

sizes = st.none() | st.builds(Size, st.integers(1, 999), st.integers(LEAST_MEMORY_MIB, 10**6))


def test_slots_share_what_the_host_has() -> None:
    assert capacity(8, 16 * 1024, 4) == Capacity(Size(2, 3584), Size(8, 14_592), 14_592)


def test_a_large_host_gives_no_job_all_of_it_unasked() -> None:
    assert capacity(64, 256 * 1024, 1).usual == Size(4, 4096)
    assert capacity(64, 256 * 1024, 1).largest.cpus == 64


def test_the_operator_decides_within_what_there_is() -> None:
    made = capacity(2, 8192, 2, usual=Size(2, 2048), largest=Size(4, 4096))
    assert (made.usual, made.largest) == (Size(2, 2048), Size(4, 4096))
    assert capacity(2, 8192, 2, largest=Size(4, 999_999)).largest.memory_mib <= 8192


def test_a_small_host_with_many_slots_still_makes_machines_that_boot() -> None:
    assert capacity(1, 1024, 16).usual == Size(1, LEAST_MEMORY_MIB)


def test_machines_of_one_size_elsewhere_take_nothing_of_this_host() -> None:
    assert elsewhere(Size(2, 4096), 3) == Capacity(Size(2, 4096), Size(2, 4096), 12_288)


@given(st.integers(1, 256), st.integers(1, 10**7), st.integers(1, 1024), sizes, sizes)
def test_the_usual_is_never_over_the_largest_nor_that_over_the_host(
    cpus: int, memory_mib: int, slots: int, usual: Size | None, largest: Size | None
) -> None:
    made = capacity(cpus, memory_mib, slots, usual=usual, largest=largest)
    assert made.usual.fits(made.largest)
    assert made.largest.memory_mib <= made.memory_mib
    assert made.memory_mib >= LEAST_MEMORY_MIB


def test_the_kernel_says_what_there_is() -> None:
    assert 128 < host_memory_mib() < 10**8
