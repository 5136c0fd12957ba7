"""How bytes are wrapped for one call, and that a few of the guest's cannot become a flood."""

from __future__ import annotations

import base64
import os
import zlib

import pytest

from services.vm_agent.sandbox.fcctl.requests import BadAnswer
from services.vm_agent.sandbox.fcctl.tunnel import (
    PULLED_BYTES,
    PUSHED_BYTES,
    TAKEN_BYTES,
    packed_front,
    unpacked,
)

ARGUMENT_BYTES = 128 * 1024
"""What Linux takes as one argument of a program."""


@pytest.mark.parametrize("data", [b"x", b"\0" * TAKEN_BYTES, os.urandom(TAKEN_BYTES), os.urandom(1000)])
def test_the_front_of_the_bytes_fits_into_one_argument(data: bytes) -> None:
    count, packed = packed_front(data)
    assert 0 < count <= len(data)
    assert zlib.decompress(packed) == data[:count]
    assert len(packed) <= PUSHED_BYTES
    assert len(base64.encodebytes(packed)) < ARGUMENT_BYTES * 3 // 4


def test_what_compresses_goes_in_one_call() -> None:
    assert packed_front(b"line\n" * 100_000)[0] == 500_000


def test_what_comes_is_unpacked() -> None:
    assert unpacked(base64.b64encode(zlib.compress(b"hello")).decode()) == b"hello"
    assert unpacked(base64.b64encode(zlib.compress(b"")).decode()) == b""


@pytest.mark.parametrize(
    "text",
    ["", "-", "!!!!", base64.b64encode(b"no zlib").decode(), base64.b64encode(zlib.compress(b"x")[:-2]).decode()],
)
def test_what_is_no_compressed_bytes_is_refused(text: str) -> None:
    with pytest.raises(BadAnswer):
        unpacked(text)


def test_a_few_bytes_that_would_become_a_flood_are_refused() -> None:
    flood = zlib.compress(b"\0" * (PULLED_BYTES + 1))
    with pytest.raises(BadAnswer, match="more than"):
        unpacked(base64.b64encode(flood).decode())
