"""Lines from bytes, however the bytes are cut."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from services.vm_agent.log.cutting import LINE_BYTES, Block, CutLine, LineCutter

pieces = st.lists(st.sampled_from([b"a", b"bc", b"\n", b"\r", b"\r\n", b"\xc3\xa4", b"\xff", b"\0"]), max_size=30)


def lines_of(chunks: list[bytes]) -> list[str]:
    cutter = LineCutter(lambda: 0)
    parts = [part for chunk in chunks for part in cutter.take(chunk)] + cutter.end()
    return [line for part in parts for line in (part.text.split("\n") if isinstance(part, Block) else [part.text])]


@given(pieces=pieces, cuts=st.lists(st.integers(0, 60), max_size=6))
def test_the_cuts_do_not_matter(pieces: list[bytes], cuts: list[int]) -> None:
    data = b"".join(pieces)
    places = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    chunks = [data[first:last] for first, last in itertools.pairwise(places)]
    expected = [line.decode("utf-8", "replace").replace("\0", "") for line in data.splitlines()]
    assert lines_of(chunks) == expected


def test_a_line_over_the_bound_comes_once_and_the_next_is_whole() -> None:
    cutter = LineCutter(lambda: 10)
    parts = [part for _ in range(40) for part in cutter.take(b"x" * 65536)]
    parts += cutter.take(b"x\nnext\n")
    cut, block = parts
    assert isinstance(cut, CutLine)
    assert LINE_BYTES < len(cut.text) <= LINE_BYTES + 65536 + 40
    assert cut.unsure == 10
    assert block == Block("next")


def test_no_line_end_at_the_end() -> None:
    assert lines_of([b"a\nb"]) == ["a", "b"]
    assert lines_of([b"a\n"]) == ["a"]
    assert lines_of([b"\n"]) == [""]
    assert lines_of([]) == []
