"""Bytes to nodes: the types of scalars, and what a hostile file may cost."""

import pytest

from libs.workflow.nodes import Mapping, Node, Scalar
from libs.workflow.problems import Problems
from libs.workflow.source import nesting_levels, place, read_document, workflow_bytes


def read(content: bytes) -> tuple[Node | None, list[str]]:
    problems = Problems("w.yml")
    document = read_document(content, problems)
    return document.root, [problem.render() for problem in problems.sorted()]


def value_of(text: str) -> object:
    root, problems = read(f"a: {text}\n".encode())
    assert problems == []
    assert isinstance(root, Mapping)
    value = root.entries[0].value
    assert isinstance(value, Scalar)
    return value.value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("~", None),
        ("null", None),
        ("Null", None),
        ("NULL", None),
        ("nULL", "nULL"),
        ("true", True),
        ("True", True),
        ("TRUE", True),
        ("tRUE", "tRUE"),
        ("false", False),
        ("yes", "yes"),
        ("no", "no"),
        ("on", "on"),
        ("off", "off"),
        ("y", "y"),
        ("'true'", "true"),
        ('"1"', "1"),
        ("1", 1),
        ("-1", -1),
        ("+1", 1),
        ("012", 12),
        ("0o14", 12),
        ("0o8", "0o8"),
        ("0x1F", 31),
        ("0X1F", "0X1F"),
        ("-0x1F", "-0x1F"),
        ("0b1", "0b1"),
        ("1_000", "1_000"),
        ("1.0", 1.0),
        ("3.10", 3.1),
        ("1.", 1.0),
        (".5", 0.5),
        ("1e3", 1000.0),
        ("1E-2", 0.01),
        ("1e", "1e"),
        (".inf", float("inf")),
        ("-.Inf", float("-inf")),
        ("1:30", "1:30"),
        ("2026-01-01", "2026-01-01"),
        ("1.2.3", "1.2.3"),
        ("--", "--"),
        ("9007199254740993", 9007199254740992.0),
        ("9" * 500, "9" * 500),
    ],
)
def test_a_scalar_has_the_type_that_github_gives_it(text: str, value: object) -> None:
    found = value_of(text)

    assert found == value
    assert type(found) is type(value)


def test_not_a_number_is_a_number() -> None:
    found = value_of(".NaN")

    assert isinstance(found, float)
    assert found != found


def test_positions_count_characters_from_one() -> None:
    root, _ = read("é: 1\nb:\n  - 'ü'\n".encode())

    assert isinstance(root, Mapping)
    assert [(entry.key.line, entry.key.column) for entry in root.entries] == [(1, 1), (2, 1)]
    assert (root.entries[0].value.line, root.entries[0].value.column) == (1, 4)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"a: \xff\n", "w.yml:1:4: the byte 0xFF is not valid UTF-8; save the file as UTF-8"),
        ("é: 1\nb: ".encode() + b"\x80", "w.yml:2:4: the byte 0x80 is not valid UTF-8; save the file as UTF-8"),
        ("a: 1".encode("utf-16"), "w.yml:1:1: the byte 0xFF is not valid UTF-8; save the file as UTF-8"),
        (b"a: b\x00c", "w.yml:1:5: the control character U+0000 is not allowed in YAML; remove it"),
        ("a: \ufeffb".encode(), "w.yml:1:4: the control character U+FEFF is not allowed in YAML; remove it"),
        (b"a" * (workflow_bytes + 1), "w.yml:1:1: the file has 1048577 bytes; a workflow may have 1048576 at most"),
        (b"[" * 200_000, f"w.yml:1:{nesting_levels + 1}: nested more than {nesting_levels} levels deep"),
        (b"[" * 50_000 + b"]" * 50_000, f"w.yml:1:{nesting_levels + 1}: nested more than {nesting_levels} levels deep"),
        (b"- " * 50_000, f"w.yml:1:{2 * nesting_levels + 1}: nested more than {nesting_levels} levels deep"),
    ],
)
def test_a_file_that_cannot_be_read_says_where(content: bytes, problem: str) -> None:
    root, problems = read(content)

    assert root is None
    assert problems == [problem]


def test_a_bomb_of_aliases_is_refused_without_following_it() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 30)]

    root, problems = read("\n".join(lines).encode())

    assert root is None
    assert problems == ["w.yml:5:25: more than 50000 values once aliases are followed"]


def test_an_alias_that_contains_itself_is_refused() -> None:
    root, problems = read(b"a: &a\n  b: &b\n    - *a\n")

    assert root is None
    assert problems == ["w.yml:3:7: this alias stands inside of its own anchor"]


def test_a_byte_order_mark_and_line_ends_of_windows_do_not_move_positions() -> None:
    _, problems = read("\ufeffa: 1\r\nb: 2\r\nA: 3\r\n".encode())

    assert problems == ["w.yml:3:1: the key `A` is already defined on line 1 (case is ignored)"]


@pytest.mark.parametrize(
    ("offset", "expected"), [(0, (1, 1)), (1, (1, 2)), (2, (1, 3)), (3, (2, 1)), (4, (3, 1)), (5, (3, 2))]
)
def test_an_offset_has_a_line_and_a_column(offset: int, expected: tuple[int, int]) -> None:
    assert place("ab\n\nc", offset) == expected
