"""A log masked with the secrets of a busy job: where none of them is in it, and where each block holds one."""

from __future__ import annotations

import base64
import hashlib
import time
from collections.abc import Callable
from pathlib import Path

from libs.workflow.runner.masking import Masker
from tests.bench.figures import Figure, median

SECRETS = tuple(base64.b64encode(hashlib.sha256(bytes([number])).digest()).decode() for number in range(50))
LINE = "2026-11-24T12:00:00Z a line of a long log with a few words, numbers 12345 and a path /usr/lib/python3\n"
BLOCK = (LINE * 700)[: 64 * 1024]
ROUNDS = 15
BLOCKS = 20
AIM = 100 / 60
"""Megabytes a second: the loudest logs are a hundred a minute."""


async def measure(folder: Path) -> list[Figure]:
    masker = Masker(SECRETS)
    dirty = BLOCK[:30_000] + SECRETS[7] + BLOCK[30_000:]
    assert SECRETS[7] not in masker.mask(dirty)
    clean: list[float] = []
    held: list[float] = []
    searched: list[float] = []
    for _ in range(ROUNDS):
        searched.append(_megabytes(lambda: any(secret in BLOCK for secret in SECRETS)))
        clean.append(_megabytes(lambda: masker.mask(BLOCK)))
        held.append(_megabytes(lambda: masker.mask(dirty)))
    limit, beside = median(searched), "looking for the 50 plain values"
    return [
        Figure("mask a log with 50 secrets, none in it", median(clean), "MB/s", "more", limit, beside, AIM),
        Figure("the same, one in each 64 KiB", median(held), "MB/s", "more", limit, beside, AIM),
    ]


def _megabytes(action: Callable[[], object]) -> float:
    began = time.process_time()
    for _ in range(BLOCKS):
        action()
    return BLOCKS * len(BLOCK) / 1e6 / (time.process_time() - began)
