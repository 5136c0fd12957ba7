"""Masking: secrets and `add-mask` values become `***` before a line, an output or an error goes anywhere.

Overlapping and adjacent finds become one mask, as in GitHub's runner. Each form is searched by itself: that runs at
memory speed, where one pattern of many alternatives tries each of them at each character. A text without a find comes
back as it is, and that is the fast path: most logs hold no secret.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from libs.workflow.runner.encodings import forms, parts

MASK = "***"
ADDED_LINES = 1_000
"""Of all values that the steps of one job add: each line is looked for in every block of its log."""
ADDED_CHARACTERS = 256 * 1024
"""Of the same: in all its forms a value takes fifty times its size. More fails the step that adds it."""
GRAM_CHARACTERS = 4
GRAM_SIGNS = 256
"""With more signs than this, the text is first cut into all its pieces of four characters: a sign whose own are not
among them need not be looked for, and a thousand secrets cost little more than a hundred."""
GRAM_PART_CHARACTERS = 64 * 1024
RUN_CHARACTERS = 4
"""A shorter run of letters and digits is in so many texts that looking for it first would save nothing."""
_RUN = re.compile(r"[A-Za-z0-9]+")


class TooManyMasks(Exception):
    """The job wants more masked than can be: what it prints next could not be kept secret."""


class _Value(NamedTuple):
    """`signs`: where none of them is, none of the forms is."""

    signs: tuple[str, ...]
    forms: tuple[str, ...]


class Masker:
    """One job's secrets. Values may be added at any time and count from the next text on.

    `values` are those that the job was given, however many; what a job adds by itself is bounded.
    """

    def __init__(self, values: tuple[str, ...] = ()) -> None:
        self._values: dict[str, _Value] = {}
        self._signs = self._added_lines = self._added_characters = 0
        self.longest = 0
        """Characters of the longest form: as much of a cut text's end may be the beginning of a secret."""
        for value in values:
            self._keep(value)

    def add(self, value: str) -> None:
        """Any value that is not blank, however short, as in the runner. Raises TooManyMasks."""
        if value in self._values:
            return
        self._added_lines += len(value.splitlines())
        self._added_characters += len(value)
        if self._added_lines > ADDED_LINES:
            raise TooManyMasks(f"more than {ADDED_LINES} lines to mask in one job: mask fewer, longer values")
        if self._added_characters > ADDED_CHARACTERS:
            raise TooManyMasks(
                f"more than {ADDED_CHARACTERS // 1024} KiB to mask in one job: mask what is secret of it"
            )
        self._keep(value)

    def _keep(self, value: str) -> None:
        for part in parts(value) - self._values.keys():
            all_forms = forms(part)
            signs = _signs(part, all_forms)
            self._values[part] = _Value(tuple(signs), tuple(all_forms))
            self._signs += len(signs)
            self.longest = max(self.longest, *map(len, all_forms))

    def holds_secret(self, text: str) -> bool:
        return bool(self._present(text))

    def mask(self, text: str) -> str:
        present = self._present(text)
        return _replaced(text, present, len(text)) if present else text

    def mask_cut(self, text: str, characters: int) -> str:
        """The first `characters` of a text, masked; a secret that begins in them is masked whole.

        To be sure of that, the text must go on for `longest` characters behind the cut, or end before.
        """
        return _replaced(text, self._present(text), characters)

    def _present(self, text: str) -> list[str]:
        """The forms that the text holds; two values may share some."""
        if self._signs <= GRAM_SIGNS:
            candidates = [value for value in self._values.values() if any(sign in text for sign in value.signs)]
        else:
            candidates = self._candidates(text)
        return [form for value in candidates for form in value.forms if form in text]

    def _candidates(self, text: str) -> list[_Value]:
        """In bounded parts: the pieces of a line of a megabyte would take a hundred."""
        found: dict[str, _Value] = {}
        for start in range(0, len(text), GRAM_PART_CHARACTERS):
            part = range(start, min(len(text), start + GRAM_PART_CHARACTERS))
            grams = {text[place : place + GRAM_CHARACTERS] for place in part}
            found |= {name: value for name, value in self._values.items() if _may_be(value, text, grams)}
        return list(found.values())


def _may_be(value: _Value, text: str, grams: set[str]) -> bool:
    return any(
        (len(sign) < GRAM_CHARACTERS or sign[:GRAM_CHARACTERS] in grams) and sign in text for sign in value.signs
    )


def _signs(value: str, all_forms: set[str]) -> list[str]:
    """Few texts of which every form holds at least one: where none of them is, no form is.

    A run of letters and digits is the same in most escapes, and a shorter form stands for the longer ones around it.
    """
    run = max(_RUN.findall(value), key=len, default="")
    signs: list[str] = []
    for candidate in sorted({*all_forms, run} if len(run) >= RUN_CHARACTERS else all_forms, key=len):
        if not any(sign in candidate for sign in signs):
            signs.append(candidate)
    return signs


def _replaced(text: str, present: list[str], end: int) -> str:
    """Overlapping and touching finds are one mask; one that begins before `end` is masked whole."""
    covered = _covered(text, present)
    parts: list[str] = []
    place = 0
    while 0 <= (first := covered.find(1, place)) < end:
        parts += (text[place:first], MASK)
        last = covered.find(0, first)
        place = last if last >= 0 else len(text)
    parts.append(text[place:end])
    return "".join(parts)


def _covered(text: str, present: list[str]) -> bytearray:
    """A one for each character that is in any find of any form, overlapping ones too.

    Longest first, and only finds that cover something new: a job may mask a thousand values of which each is found
    everywhere, and a plain list of all finds would then take the agent minutes.
    """
    covered = bytearray(len(text))
    for form in sorted(present, key=len, reverse=True):
        size, place, bare = len(form), 0, covered.find(0)
        while bare >= 0 and (first := text.find(form, max(place, bare - size + 1))) >= 0:
            last = _last_of_row(text, form, first)
            start, end = max(first, bare), last + size
            covered[start:end] = b"\1" * (end - start)
            place, bare = last + 1, covered.find(0, end)
    return covered


def _last_of_row(text: str, form: str, first: int) -> int:
    """Where the last of those finds begins that follow the one at `first` without a gap, each as far behind the one
    before: a row of them is looked at once, not once a find."""
    size = len(form)
    second = text.find(form, first + 1, first + 2 * size)
    if second < 0:
        return first
    distance = second - first
    same = _same(text, first, second, size)
    return first + (same + distance - size) // distance * distance


def _same(text: str, one: int, other: int, known: int) -> int:
    """How many characters from the two places on are the same; so many are known to be."""
    same, step = known, known
    growing = True
    while step:
        left, right = text[one + same : one + same + step], text[other + same : other + same + step]
        if len(right) == step and left == right:
            same += step
            step = step * 2 if growing else step // 2
        else:
            growing = False
            step //= 2
    return same
