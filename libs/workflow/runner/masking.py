"""Masking: secrets and `add-mask` values become `***` before a line, an output or an error goes anywhere.

Overlapping and adjacent finds become one mask, as in GitHub's runner. Each form is searched by itself: that runs at
memory speed, where one pattern of many alternatives tries each of them at each character. A text without a find comes
back as it is, and that is the fast path: most logs hold no secret.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from libs.workflow.runner.encodings import forms

MASK = "***"
MASKED_VALUES = 1_000
"""Values of one job; one more fails the step that adds it: each costs a few microseconds on every 64 KiB of log."""
GRAM_CHARACTERS = 4
GRAM_SIGNS = 256
"""With more signs than this, the text is first cut into all its pieces of four characters: a sign whose own are not
among them need not be looked for, and a thousand secrets cost little more than a hundred."""
GRAM_PART_CHARACTERS = 64 * 1024
RUN_CHARACTERS = 4
"""A shorter run of letters and digits is in so many texts that looking for it first would save nothing."""
_RUN = re.compile(r"[A-Za-z0-9]+")


class TooManyMasks(Exception):
    """The job wants more values masked than can be: what it prints next could not be kept secret."""

    def __init__(self) -> None:
        super().__init__(f"more than {MASKED_VALUES} values to mask in one job: mask fewer, longer values")


class _Value(NamedTuple):
    """`signs`: where none of them is, none of the forms is."""

    signs: tuple[str, ...]
    forms: tuple[str, ...]


class Masker:
    """One job's secrets. Values may be added at any time and count from the next text on."""

    def __init__(self, values: tuple[str, ...] = ()) -> None:
        self._values: dict[str, _Value] = {}
        self._signs = 0
        self.longest = 0
        """Characters of the longest form: as much of a cut text's end may be the beginning of a secret."""
        for value in values:
            self.add(value)

    def add(self, value: str) -> None:
        """Any value that is not blank, however short, as in the runner. Raises TooManyMasks."""
        if not value.strip() or value in self._values:
            return
        if len(self._values) >= MASKED_VALUES:
            raise TooManyMasks
        all_forms = forms(value)
        signs = _signs(value, all_forms)
        self._values[value] = _Value(tuple(signs), tuple(sorted(all_forms)))
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

    A run of letters and digits is the same in every escape, and a shorter form stands for the longer ones around it.
    """
    runs = [max(_RUN.findall(line), key=len, default="") for line in value.splitlines()]
    candidates = {run for run in runs if len(run) >= RUN_CHARACTERS} | all_forms
    signs: list[str] = []
    for candidate in sorted(candidates, key=len):
        if not any(sign in candidate for sign in signs):
            signs.append(candidate)
    return signs


def _replaced(text: str, present: list[str], end: int) -> str:
    parts: list[str] = []
    place = 0
    for first, last in _joined(sorted(_finds(text, present))):
        if first >= end:
            break
        parts += (text[place:first], MASK)
        place = last
    parts.append(text[place:end])
    return "".join(parts)


def _finds(text: str, present: list[str]) -> list[tuple[int, int]]:
    """Every place of every form, those that overlap themselves too."""
    finds: list[tuple[int, int]] = []
    for form in present:
        first = text.find(form)
        while first >= 0:
            finds.append((first, first + len(form)))
            first = text.find(form, first + 1)
    return finds


def _joined(finds: list[tuple[int, int]]) -> list[tuple[int, int]]:
    joined: list[tuple[int, int]] = []
    for first, last in finds:
        if joined and first <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], last))
        else:
            joined.append((first, last))
    return joined
