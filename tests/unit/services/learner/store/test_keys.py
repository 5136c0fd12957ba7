"""Integer keys: the same name is the same number, for ever, whatever memory has let go."""

from __future__ import annotations

from services.learner.store import keys
from services.learner.store.keys import KnownKeys, Label, Labels


class Table:
    """What the file has."""

    def __init__(self) -> None:
        self.rows: dict[str, int] = {}
        self.asked: list[list[str]] = []

    def find(self, names: list[str]) -> dict[str, int]:
        self.asked.append(names)
        return {name: self.rows[name] for name in names if name in self.rows}


def test_a_name_keeps_its_number() -> None:
    table = Table()
    known = KnownKeys({}, table.find, next_kid=1, complete=True)
    assert [known.kid(name) for name in "abab"] == [1, 2, 1, 2]
    assert known.added == [("a", 1), ("b", 2)]
    assert table.asked == []


def test_what_memory_let_go_is_looked_up_and_not_numbered_anew() -> None:
    table = Table()
    known = KnownKeys({}, table.find, next_kid=1, complete=True)
    for number in range(keys.KEPT + 10):
        known.kid(str(number))
    table.rows.update(known.added)
    known.batch_done()
    known.prepare(["0", "new"])
    assert (known.kid("0"), known.kid("new")) == (1, keys.KEPT + 11)
    assert known.added == [("new", keys.KEPT + 11)]
    assert [sorted(asked) for asked in table.asked] == [["0", "new"]]


def test_a_label_is_written_when_it_changes() -> None:
    labels = Labels({1: ("octo/old", "CI")})
    labels.call(Label(1, 10, "octo/old", "CI"))
    assert labels.added == []
    labels.call(Label(1, 11, "octo/new", "CI"))
    labels.call(Label(1, 12, "octo/new", "CI"))
    assert labels.added == [Label(1, 11, "octo/new", "CI")]
