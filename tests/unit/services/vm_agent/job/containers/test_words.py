"""Words are parted as GitHub's runner parts them, and options as people write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.vm_agent.job.containers.words import argument_words, option_words


@pytest.mark.row("actions: docker://")
@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", []),
        ("  ", []),
        ("a b", ["a", "b"]),
        ("The push event triggered this step.", ["The", "push", "event", "triggered", "this", "step."]),
        ('echo "two words"', ["echo", "two words"]),
        ("it's here", ["it's", "here"]),
        ('a"b c"d', ["ab cd"]),
        ('""', [""]),
        (r"a\b", [r"a\b"]),
        (r"a\"b", ['a"b']),
        (r'"a\\"', ["a\\"]),
        (r"a\\\"b c", ['a\\"b', "c"]),
        ('"say ""hi"""', ['say "hi"']),
        ("one\ntwo\tthree\r\n", ["one", "two", "three"]),
        ("ends\\", ["ends\\"]),
    ],
)
def test_arguments_are_parted_by_the_runners_rules(text: str, words: list[str]) -> None:
    assert argument_words(text) == words


@pytest.mark.row("containers: options")
@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("--cpus 1", ["--cpus", "1"]),
        (
            '--health-cmd "redis-cli ping" --health-retries 5',
            ["--health-cmd", "redis-cli ping", "--health-retries", "5"],
        ),
        ("--health-cmd='pg_isready -U it'", ["--health-cmd=pg_isready -U it"]),
        ("--label it's", ["--label", "it's"]),
        ("--a\n--b\n", ["--a", "--b"]),
    ],
)
def test_options_are_parted_as_by_a_shell(text: str, words: list[str]) -> None:
    assert option_words(text) == words


@given(st.text(alphabet="ab \"\\\n'", max_size=30))
def test_no_text_breaks_them_and_no_letter_is_lost(text: str) -> None:
    option_words(text)
    kept = "".join(argument_words(text))
    assert [letter for letter in kept if letter in "ab'"] == [letter for letter in text if letter in "ab'"]


@given(st.lists(st.text(alphabet="ab'", min_size=1, max_size=5), max_size=5))
def test_quoted_words_come_back(words: list[str]) -> None:
    assert argument_words(" ".join(f'"{word}"' for word in words)) == words
