"""Masking: no form of a secret is left, and nothing else is touched."""

import base64
import json
import re
import shlex
import time
from urllib.parse import quote, quote_plus
from xml.sax.saxutils import escape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.workflow.runner import masking
from libs.workflow.runner.masking import Masker, TooManyMasks

SECRET = "Pa$$w0rd \"q'<&>/é+x"


def test_without_secrets_text_is_the_same_object() -> None:
    text = "nothing to hide"
    assert Masker().mask(text) is text
    assert Masker(("other",)).mask(text) is text


@pytest.mark.parametrize(
    "shown",
    [
        SECRET,
        json.dumps(SECRET),
        json.dumps(SECRET, ensure_ascii=False),
        quote(SECRET, safe=""),
        quote_plus(SECRET),
        escape(SECRET, {'"': "&quot;", "'": "&apos;"}),
        SECRET.replace("'", "''"),
        SECRET.replace('"', '\\"'),
        shlex.quote(SECRET).replace("'\"'\"'", "'\\''"),
    ],
)
def test_encodings_are_masked(shown: str) -> None:
    masked = Masker((SECRET,)).mask(f"before {shown} behind")
    assert masked.startswith("before ")
    assert masked.endswith(" behind")
    assert "w0rd" not in masked
    assert "***" in masked


@pytest.mark.parametrize("before", ["", "u", "us", "use", "user:"])
@pytest.mark.parametrize("behind", ["", ":", "::", ":::"])
@pytest.mark.parametrize("secret", ["hunter2hunter2", "hunter2hunter2x", "hunter2hunter2xy", "\x7f\xff\xfe>?>?~~~"])
def test_base64_at_any_place_is_masked(before: str, behind: str, secret: str) -> None:
    data = (before + secret + behind).encode()
    for encoded in (base64.b64encode(data).decode(), base64.urlsafe_b64encode(data).decode()):
        masked = Masker((secret,)).mask(encoded)
        left = masked.replace("***", "")
        assert "***" in masked
        assert len(left) <= 12 + len(before) * 2


def test_overlapping_and_adjacent_finds_become_one_mask() -> None:
    masker = Masker(("abcd", "cdef"))
    assert masker.mask("xabcdefx") == "x***x"
    assert masker.mask("abcdabcd") == "***"
    assert Masker(("aa",)).mask("aaa") == "***"


def test_lines_of_a_value_are_masked_one_by_one() -> None:
    masker = Masker(("-----BEGIN-----\nabcdefgh\r\n-----END-----\n",))
    assert masker.mask("x abcdefgh y") == "x *** y"
    assert masker.mask("-----BEGIN-----") == "***"


@pytest.mark.parametrize("value", ["", " ", "\n\t"])
def test_blank_values_are_no_secret(value: str) -> None:
    assert Masker((value,)).mask("a b") == "a b"


def test_short_values_are_masked_as_in_the_runner() -> None:
    assert Masker(("7",)).mask("1 7 27") == "1 *** 2***"


def test_quotes_are_trimmed() -> None:
    assert Masker(('"quoted-secret"',)).mask("quoted-secret") == "***"


def test_powershell_pieces() -> None:
    masker = Masker(("secretpart1&secretpart2&secretpart3",))
    assert masker.mask("secretpart1&secretpart2& ~ secretpart3") == "*** ~ ***"
    assert Masker(("secretpart1&+secretpart2",)).mask("secretpart1&+ ~ ecretpart2") == "*** ~ ***"


def test_what_a_job_adds_is_bounded() -> None:
    masker = Masker()
    for number in range(masking.ADDED_LINES):
        masker.add(f"value-{number:06}")
    masker.add("value-000007")
    with pytest.raises(TooManyMasks, match="more than 1000 lines"):
        masker.add("one more")
    with pytest.raises(TooManyMasks, match="more than 1000 lines"):
        Masker().add("a\n" * (masking.ADDED_LINES + 1))
    with pytest.raises(TooManyMasks, match="more than 256 KiB"):
        Masker().add("x" * (masking.ADDED_CHARACTERS + 1))


def test_what_a_job_was_given_is_not() -> None:
    masker = Masker(tuple(f"value-{number:06}" for number in range(masking.ADDED_LINES + 5)))
    masker.add("one more")
    assert masker.mask("one more value-001004") == "*** ***"


def test_values_that_are_found_everywhere_cost_no_more_than_others() -> None:
    masker = Masker()
    for length in range(1, 600):
        masker.add("a" * length)
    for value in ("b" * 20_000, "ab" * 10_000, "c" * 9_999 + "d"):
        masker.add(value)
    began = time.process_time()
    assert masker.mask("a" * 1_000_000) == "***"
    assert masker.mask("b" * 1_000_000) == "***"
    assert masker.mask("ab" * 500_000) == "***"
    assert masker.mask(("c" * 9_999 + "d") * 100 + "c" * 100_000) == "***" + "c" * 100_000
    assert time.process_time() - began < 5


def test_many_values_are_found_as_few_are() -> None:
    values = tuple(f"value-{number:04}-{chr(97 + number % 26)}" for number in range(400))
    masker = Masker(values)
    text = ("x" * 70_000).join(values[::50]) + "val value-0"
    assert masker.mask(text) == ("x" * 70_000).join(["***"] * 8) + "val value-0"
    assert masker.holds_secret(values[7])
    assert not masker.holds_secret("value-0")
    assert Masker((*values, "7", "ab")).mask("1 7 ab") == "1 *** ***"


texts = st.text(alphabet=st.sampled_from("ab\"'<>& %\\/é\U0001f600=+-\n"), max_size=30)
secrets = st.text(alphabet=st.sampled_from("abc\"'<>&%\\/é+\U0001f600"), min_size=1, max_size=12)


@given(values=st.lists(secrets, min_size=1, max_size=4), parts=st.lists(texts, min_size=2, max_size=5))
def test_no_secret_is_left(values: list[str], parts: list[str]) -> None:
    masker = Masker(tuple(values))
    text = parts[0]
    for place, part in enumerate(parts[1:]):
        text += values[place % len(values)] + part
    masked = masker.mask(text)
    for value in values:
        if value.strip():
            assert all(value not in piece for piece in masked.split("***"))


@given(
    values=st.lists(st.text(alphabet="ab", min_size=1, max_size=5), max_size=6),
    text=st.text(alphabet="abc", max_size=40),
)
def test_every_find_is_masked_and_nothing_else(values: list[str], text: str) -> None:
    """Beside the plain way: every place of every value."""
    hidden = [False] * len(text)
    for value in values:
        for first in range(len(text)):
            if text.startswith(value, first):
                hidden[first : first + len(value)] = [True] * len(value)
    expected = re.sub("\0+", "***", "".join("\0" if hide else shown for hide, shown in zip(hidden, text, strict=True)))
    assert masking._replaced(text, values, len(text)) == expected  # pyright: ignore[reportPrivateUsage]


@given(value=secrets, before=texts, behind=texts, cut=st.integers(0, 60))
def test_a_cut_text_shows_no_part_of_a_secret(value: str, before: str, behind: str, cut: int) -> None:
    masker = Masker((value,))
    text = before + value + behind
    shown = masker.mask_cut(text, cut)
    assert masker.mask(text).startswith(shown.removesuffix("***"))
    assert not any(piece and value in piece for piece in shown.split("***"))
    whole = masker.mask(text)
    assert shown == masker.mask_cut(text, len(text))[: len(shown)] or shown in whole
