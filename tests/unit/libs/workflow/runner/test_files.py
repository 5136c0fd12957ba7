"""Runner files, as GitHub's runner on Linux reads them."""

import pytest

from libs.workflow.runner.files import ENTRIES, blocked_name, prepend_paths, read_pairs, read_paths

READABLE = {
    "nothing": (b"", []),
    "one": (b"NAME=value\n", [("NAME", "value")]),
    "no line end": (b"NAME=value", [("NAME", "value")]),
    "empty value": (b"NAME=\n", [("NAME", "")]),
    "equals in the value": (b"A=b=c==\n", [("A", "b=c==")]),
    "spaces are kept": (b" A = b \n", [(" A ", " b ")]),
    "empty lines": (b"\n\nA=1\n\nB=2\n\n", [("A", "1"), ("B", "2")]),
    "twice": (b"A=1\nA=2\n", [("A", "1"), ("A", "2")]),
    "heredoc": (b"A<<EOF\none\ntwo\nEOF\n", [("A", "one\ntwo")]),
    "heredoc without a last line end": (b"A<<EOF\none\nEOF", [("A", "one")]),
    "empty heredoc": (b"A<<EOF\nEOF\n", [("A", "")]),
    "heredoc of one empty line": (b"A<<EOF\n\nEOF\n", [("A", "")]),
    "heredoc of two empty lines": (b"A<<EOF\n\n\nEOF\n", [("A", "\n")]),
    "delimiter within a line is text": (b"A<<EOF\nxEOF\nEOFx\n EOF\nEOF\n", [("A", "xEOF\nEOFx\n EOF")]),
    "delimiter with equals": (b"A<<E=F\nx\nE=F\n", [("A", "x")]),
    "heredoc mark in a value": (b"A=b<<c\n", [("A", "b<<c")]),
    "equals in a heredoc": (b"A<<EOF\nB=1\nEOF\nC=2\n", [("A", "B=1"), ("C", "2")]),
    "delimiter of spaces": (b"A<< \nx\n \n", [("A", "x")]),
    "carriage returns belong to the line": (b"A=1\r\n", [("A", "1\r")]),
    "a heredoc all in CRLF": (b"A<<E\r\nx\r\nE\r\n", [("A", "x\r")]),
    "byte order mark": (b"\xef\xbb\xbfA=1\n", [("A", "1")]),
    "no UTF-8": (b"A=\xff\n", [("A", "\ufffd")]),
    "other languages": ("Ä=ö\n".encode(), [("Ä", "ö")]),
}
BROKEN = {
    "no equals": (b"NAME\n", [], "Invalid format 'NAME'"),
    "empty name": (b"=value\n", [], "Name must not be empty"),
    "empty heredoc name": (b"<<EOF\nx\nEOF\n", [], "Name must not be empty and delimiter"),
    "empty delimiter": (b"A<<\nx\n", [], "delimiter must not be empty"),
    "no end": (b"A<<EOF\nx\n", [], "Matching delimiter not found 'EOF'"),
    "nothing behind": (b"A<<EOF\n", [], "Matching delimiter not found 'EOF'"),
    "nothing behind, no line end": (b"A<<EOF", [], "Matching delimiter not found 'EOF'"),
    "last line is text": (b"A<<EOF\nx", [], "Invalid value. EOF marker missing new line."),
    "spaces around the delimiter": (b"A<<EOF\nx\n EOF \n", [], "Matching delimiter not found 'EOF'"),
    "what was read counts": (b"A=1\nB\nC=3\n", [("A", "1")], "Invalid format 'B'"),
}


@pytest.mark.parametrize("name", READABLE)
def test_pairs(name: str) -> None:
    data, expected = READABLE[name]
    result = read_pairs(data)
    assert (list(result.pairs), result.error) == (expected, None)


@pytest.mark.parametrize("name", BROKEN)
def test_broken_pairs_say_what_is_wrong(name: str) -> None:
    data, expected, words = BROKEN[name]
    result = read_pairs(data)
    assert list(result.pairs) == expected
    assert words in (result.error or "")


def test_paths_are_lines() -> None:
    assert read_paths(b"/a\n\n/b c\r\n/d").paths == ("/a", "/b c", "/d")


def test_a_path_added_again_moves_to_the_front() -> None:
    assert prepend_paths(("/a", "/b"), ("/c", "/a")) == ("/b", "/c", "/a")


@pytest.mark.parametrize(
    ("name", "blocked"),
    [
        ("NODE_OPTIONS", "NODE_OPTIONS"),
        ("node_options", "NODE_OPTIONS"),
        ("NODE", None),
        ("CI", None),
        ("GITHUB_OWN", None),
        ("RUNNER_OWN", None),
    ],
)
def test_blocked(name: str, blocked: str | None) -> None:
    assert blocked_name(name) == blocked


def test_entries_are_bounded_and_those_before_count() -> None:
    pairs, paths = read_pairs(b"a=1\n" * (ENTRIES + 1)), read_paths(b"/a\n" * (ENTRIES + 1))
    assert "more than 50000 entries" in (pairs.error or "")
    assert "more than 50000 entries" in (paths.error or "")
    assert len(paths.paths) == ENTRIES


def test_many_paths_are_put_in_front_in_no_time() -> None:
    added = tuple(f"/{number}" for number in range(ENTRIES))
    assert prepend_paths(("/7", "/x"), added) == ("/x", *added)


def test_a_wrong_line_is_shown_in_part() -> None:
    assert len(read_pairs(b"x" * 1_000_000).error or "") < 1_100
