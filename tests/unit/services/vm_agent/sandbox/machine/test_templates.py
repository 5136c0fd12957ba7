"""Templates: a saved memory is known by its content, whatever of it is a hole; which of them go, and which stay."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.contracts.size import Size
from services.vm_agent.sandbox.machine.template import (
    BLOCK_BYTES,
    KEPT_TEMPLATES,
    MANIFEST,
    MEMORY,
    STATE,
    DamagedTemplate,
    Template,
    Templates,
    check,
    memory_digest,
)
from services.vm_agent.sandbox.protocol import Shape

GIB = 1024**3
SMALL = Shape(Size(1, 512), "own", network=True, disk_bytes=1)


def sparse(path: Path, length: int, *places: tuple[int, bytes]) -> str:
    with path.open("wb") as file:
        file.truncate(length)
        for place, data in places:
            os.pwrite(file.fileno(), data, place)
    return str(path)


def test_four_gib_of_holes_are_not_read(tmp_path: Path) -> None:
    path = sparse(tmp_path / "memory", 4 * GIB, (5, b"low"), (3 * GIB + 7, b"high"))
    began = time.process_time()
    memory_digest(path)
    assert time.process_time() - began < 0.5


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 6 * BLOCK_BYTES), st.binary(min_size=1, max_size=70_000)), max_size=4),
    st.integers(0, 6 * BLOCK_BYTES),
)
def test_holes_and_written_zeros_are_the_same(
    tmp_path_factory: object, writes: list[tuple[int, bytes]], place: int
) -> None:
    folder = Path(tmp_path_factory.mktemp("m"))  # type: ignore[attr-defined]
    length = 8 * BLOCK_BYTES
    one = sparse(folder / "one", length, *writes)
    content = Path(one).read_bytes()
    written = folder / "written"
    written.write_bytes(content)
    assert memory_digest(str(written)) == memory_digest(one)
    flipped = bytearray(content)
    flipped[place] ^= 1
    written.write_bytes(bytes(flipped))
    assert memory_digest(str(written)) != memory_digest(one)


def test_a_shorter_file_is_another(tmp_path: Path) -> None:
    assert memory_digest(sparse(tmp_path / "a", GIB)) != memory_digest(sparse(tmp_path / "b", GIB - 1))


def saved(templates: Templates, shape: Shape, image: str) -> Template:
    identity = [image, repr(shape)]
    with templates.building("x") as building:
        (building / MEMORY).write_bytes(b"m")
        (building / STATE).write_bytes(b"s")
        return templates.publish(building, identity, image, shape)


def test_a_new_template_takes_the_place_of_the_older_ones_of_its_shape_alone(tmp_path: Path) -> None:
    templates = Templates(tmp_path)
    old = saved(templates, SMALL, "image-1")
    other = saved(templates, Shape(SMALL.size, "fork", network=True, disk_bytes=1), "image-1")
    new = saved(templates, SMALL, "image-2")
    assert templates.remove_others(new) == [old.key]
    assert templates.find(old.key) is None
    assert templates.find(other.key) is not None
    assert templates.find(new.key) is not None


def test_the_least_used_templates_go_beyond_what_a_disk_should_hold(tmp_path: Path) -> None:
    templates = Templates(tmp_path)
    made = [saved(templates, SMALL, f"image-{number}") for number in range(KEPT_TEMPLATES + 2)]
    for age, template in enumerate(made):
        os.utime(f"{template.folder}/{MANIFEST}", (1000 + age, 1000 + age))
    templates.used(made[0])
    assert sorted(templates.sweep()) == sorted([made[1].key, made[2].key])
    assert templates.find(made[0].key) is not None


def test_a_half_made_template_goes_unless_it_is_just_being_made(tmp_path: Path) -> None:
    templates = Templates(tmp_path)
    with templates.building("x") as building:
        assert templates.sweep(building=True) == []
        assert templates.sweep() == [building.name]


def test_a_memory_that_was_written_to_is_another_even_with_its_old_time(tmp_path: Path) -> None:
    template = saved(Templates(tmp_path), SMALL, "image-1")
    check(template)
    before = os.stat(template.memory)
    Path(template.memory).write_bytes(b"w")
    os.utime(template.memory, ns=(before.st_atime_ns, before.st_mtime_ns))
    with pytest.raises(DamagedTemplate, match="was written to"):
        check(template)


def test_a_template_that_is_given_out_by_links_stays_whole(tmp_path: Path) -> None:
    """A link changes the file's change time, and so does its end."""
    template = saved(Templates(tmp_path / "templates"), SMALL, "image-1")
    os.link(template.memory, tmp_path / "jail")
    check(template, linked=True)
    os.unlink(tmp_path / "jail")
    check(template, linked=True)
    os.utime(template.memory, ns=(0, 0))
    with pytest.raises(DamagedTemplate, match="was written to"):
        check(template, linked=True)


def test_a_state_may_be_read_by_a_machines_own_user_and_written_by_none(tmp_path: Path) -> None:
    template = saved(Templates(tmp_path), SMALL, "image-1")
    assert os.stat(template.state).st_mode & 0o777 == 0o444
