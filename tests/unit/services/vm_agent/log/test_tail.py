"""The end of a step's output behind a full log is bounded, whatever is printed."""

from hypothesis import given
from hypothesis import strategies as st

from services.vm_agent.log.tail import LINE_CHARACTERS, TAIL_CHARACTERS, TAIL_LINES, Tail


def test_the_last_lines_are_kept() -> None:
    tail = Tail()
    tail.add([str(number) for number in range(150)])
    tail.add([str(number) for number in range(150, 1000)])
    assert tail.lines == [str(number) for number in range(1000 - TAIL_LINES, 1000)]
    assert tail.dropped == 1000 - TAIL_LINES


def test_a_long_line_is_shortened() -> None:
    tail = Tail()
    tail.add(["x" * 1_000_000, "end"])
    assert tail.lines == ["x" * LINE_CHARACTERS + "…", "end"]


@given(st.lists(st.lists(st.integers(0, 3 * LINE_CHARACTERS), max_size=60), max_size=8))
def test_bounds_hold_and_every_line_is_counted(batches: list[list[int]]) -> None:
    tail = Tail()
    for batch in batches:
        tail.add(["x" * length for length in batch])
    assert len(tail.lines) <= TAIL_LINES
    assert sum(map(len, tail.lines)) <= TAIL_CHARACTERS
    assert len(tail.lines) + tail.dropped == sum(map(len, batches))
    if batches and batches[-1]:
        assert tail.lines[-1][:10] == ("x" * batches[-1][-1])[:10]
