"""Secrets, in each form that GitHub's runner masks, printed anywhere and read in any pieces: none of it leaves."""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
import shlex
from collections.abc import Callable
from urllib.parse import quote, quote_plus
from xml.sax.saxutils import escape

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.workflow.runner.masking import Masker
from tests.conformance.runner.spoken import spoken

SECRETS = {
    "letters": "correcthorsebatterystaple",
    "symbols": "p@$$w0rd/with+all=kinds:of?signs#and%more",
    "quotes": 'he said "it\'s" and `that`',
    "markup": "<a href='x'>&amp;</a>",
    "backslashes": "C:\\Users\\me\\\\secret",
    "quoted": '"quoted-secret"',
    "ampersands": "first-part&second-part&third-part",
    "coloured ampersand": "first-part&+second-part-of-it",
    "other writings": "пароль-ключ-密码-🔑🔑",
    "spaces around": "  padded secret  ",
    "a token": "ghs_16C7e42F292c6912E7710c838347Ae178B4a",
    "JSON": '{"type": "service_account", "key": "-----BEGIN-----\\nabc\\n"}',
}


def base64_behind(before: bytes) -> Callable[[str], str]:
    """The digits that the secret alone decides, when something stands before and behind it."""

    def encode(secret: str) -> str:
        data = secret.encode()
        digits = base64.b64encode(before + data + b"::").decode()
        return digits[-(-len(before) * 8 // 6) : (len(before) + len(data)) * 8 // 6]

    return encode


def powershell(secret: str) -> str:
    """The first of the two pieces that an error message shows, or the whole."""
    at = secret.find("&+")
    return secret[: at + 2] if at >= 0 else secret[: secret.rfind("&") + 1] or secret


def powershell_rest(secret: str) -> str:
    at = secret.find("&+")
    return secret[at + 3 :] if at >= 0 else secret[secret.rfind("&") + 1 :]


def trimmed(secret: str) -> str:
    return secret[1:-1] if len(secret) > 8 and secret[0] == secret[-1] == '"' else secret


ENCODERS: dict[str, Callable[[str], str]] = {
    "itself": str,
    "base64": lambda secret: base64.b64encode(secret.encode()).decode(),
    "base64 behind one": base64_behind(b"u"),
    "base64 behind two": base64_behind(b"u:"),
    "base64 behind three": base64_behind(b"us:"),
    "base64 for URLs": lambda secret: base64.urlsafe_b64encode(secret.encode()).decode(),
    "command line": lambda secret: secret.replace('"', '\\"'),
    "expression": lambda secret: secret.replace("'", "''"),
    "JSON": lambda secret: json.dumps(secret, ensure_ascii=False)[1:-1],
    "JSON of ASCII": lambda secret: json.dumps(secret)[1:-1],
    "JSON for HTML": lambda secret: (
        json.dumps(secret, ensure_ascii=False)[1:-1]
        .replace("<", "\\u003c")
        .replace(">", "\\u003e")
        .replace("&", "\\u0026")
    ),
    "URI": lambda secret: quote(secret, safe=""),
    "URI of JavaScript": lambda secret: quote(secret, safe="!'()*"),
    "form": quote_plus,
    "XML": lambda secret: escape(secret, {'"': "&quot;", "'": "&apos;"}),
    "shell": lambda secret: shlex.quote(secret)[1:-1].replace("'\"'\"'", "'\\''") if "'" in secret else secret,
    "quotes trimmed": trimmed,
    "PowerShell before": powershell,
    "PowerShell behind": powershell_rest,
    "workflow command": lambda secret: secret.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A"),
}
PLACES: dict[str, str] = {
    "a line": "before {} behind",
    "alone": "{}",
    "twice": "{}{} {}",
    "an error": "::error::before {} behind",
    "a title": "::warning title={},file={}::x",
    "a group": "::group::{}",
    "an unknown command": "::unknown::{}",
    "a legacy command": "##[error]{}",
    "behind a legacy mark": "##[unknown {}",
    "a command that fails": "::set-output::{}",
    "a disabled command": "::set-env name=A::{}",
    "an echoed command": "::echo::on\n::endgroup::\n::group::{}",
}


@pytest.mark.row("runner: masking encodings")
@pytest.mark.parametrize("encoder", ENCODERS)
@pytest.mark.parametrize("name", SECRETS)
def test_every_encoding(name: str, encoder: str) -> None:
    secret = SECRETS[name]
    form = ENCODERS[encoder](secret)
    masked = Masker((secret,)).mask(f"before|{form}|behind")
    assert masked == "before|***|behind" or (len(form) < 6 and form in masked)


@pytest.mark.row("runner: masking")
@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("encoder", ["itself", "base64 behind one", "JSON", "URI"])
async def test_every_place(place: str, encoder: str) -> None:
    secret = SECRETS["a token"]
    form = ENCODERS[encoder](secret)
    done = await spoken(PLACES[place].replace("{}", form).encode(), secrets=(secret,), debug=True)
    assert "***" in done.everything
    assert form not in done.everything


@pytest.mark.row("runner: masking")
@pytest.mark.parametrize("cut", range(1, 60))
async def test_every_cut(cut: int) -> None:
    secret = SECRETS["a token"]
    data = f"one\nbefore {secret} behind\ntwo\n".encode()
    done = await spoken(data[:cut], data[cut:], secrets=(secret,))
    assert done.lines == ["one", "before *** behind", "two"]


@pytest.mark.row("runner: masking")
async def test_lines_of_a_secret() -> None:
    key = "-----BEGIN KEY-----\n  aGVsbG8gd29ybGQh\nQUJDREVGR0hJSg==\r\n-----END KEY-----\n"
    done = await spoken(key.encode() + b"aGVsbG8gd29ybGQh|QUJDREVGR0hJSg==", secrets=(key,))
    assert done.lines == ["***", "***", "***", "***", "***|***"]


@pytest.mark.row("runner: masking")
@pytest.mark.parametrize("blank", ["", " ", "\n", "\t \n"])
async def test_blank_is_no_secret(blank: str) -> None:
    assert (await spoken(b"a b\n \n", secrets=(blank,))).lines == ["a b", " "]


@pytest.mark.row("runner: masking")
async def test_short_secrets_and_overlaps() -> None:
    assert (await spoken(b"1 7 27\n", secrets=("7",))).lines == ["1 *** 2***"]
    assert (await spoken(b"xabcdefx\n", secrets=("abcd", "cdef"))).lines == ["x***x"]


@pytest.mark.row("runner: masking")
async def test_a_mask_is_of_the_lines_behind_it() -> None:
    done = await spoken(
        b"v4lue-1\n::add-mask::v4lue-1\nv4lue-1\n::error::v4lue-1\n", written={"step_summary": b"v4lue-1"}
    )
    assert done.lines == ["v4lue-1", "***", "##[error]***"]
    assert done.summary == "***"


characters = st.sampled_from("abcXYZ019 \"'`<>&%\\/+=:,;#[]{}$é密🔑\t")
long_secrets = st.text(characters, min_size=9, max_size=24).filter(lambda secret: len(secret.strip()) >= 8)
noise = st.text(st.sampled_from("ab \"'<&%\\:#[]\n\r"), max_size=12)


@pytest.mark.row("runner: masking", "runner: masking encodings")
@settings(max_examples=150, deadline=None)
@given(
    secret=long_secrets,
    encoder=st.sampled_from(sorted(set(ENCODERS) - {"PowerShell behind", "PowerShell before", "shell"})),
    place=st.sampled_from(sorted(PLACES)),
    around=st.tuples(noise, noise),
    cuts=st.lists(st.integers(0, 200), max_size=4),
)
def test_nothing_leaves(secret: str, encoder: str, place: str, around: tuple[str, str], cuts: list[int]) -> None:
    form = ENCODERS[encoder](secret)
    data = (around[0] + "\n" + PLACES[place].replace("{}", form) + "\n" + around[1]).encode()
    ends = [0, *sorted(cuts), len(data)]
    pieces = [data[first:last] for first, last in itertools.pairwise(ends)]
    done = asyncio.run(spoken(*pieces, secrets=(secret,), written={"step_summary": form.encode()}))
    shown = done.everything.replace("\\\\", "\\")
    assert form not in done.everything
    assert secret not in shown
