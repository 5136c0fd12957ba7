"""Runs matchers over the lines of a step: GitHub's state machine, one pattern after the other over successive lines.

A job's matchers hold for all its steps; what a matcher has seen of a problem of several lines is one step's. The newest
matcher is asked first, and one that finds a problem makes the others forget what they had begun.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from libs.workflow.runner.matchers.configuration import (
    GROUPS,
    BadMatchers,
    Matcher,
    Pattern,
    checked,
    group_of,
    read_matchers,
    written,
)
from libs.workflow.runner.matchers.finding import Finding, is_problem
from libs.workflow.runner.matchers.regular_expression import BadPattern, Regular, compile_pattern

MATCHERS = 100
"""Of one job: the busiest known have a dozen, and each sees each line."""
PATTERNS = 20
"""Of one matcher."""


class PatternRefused(Exception):
    """A pattern that cannot be run here: the matcher is left out, and nobody's fault is made of it."""


class TooSlow(Exception):
    """Raised into a search from outside, by whoever watches the time."""


@dataclass(frozen=True, slots=True)
class Compiled:
    matcher: Matcher
    expressions: tuple[Regular, ...]


def compiled(matcher: Matcher) -> Compiled:
    """Raises BadMatchers where a property names a group that is not there, PatternRefused."""
    if len(matcher.patterns) > PATTERNS:
        raise PatternRefused(f"Matcher '{matcher.owner}' has {len(matcher.patterns)} patterns, {PATTERNS} are run")
    return Compiled(matcher, tuple(_expression(matcher, pattern) for pattern in matcher.patterns))


def _expression(matcher: Matcher, pattern: Pattern) -> Regular:
    try:
        regular = compile_pattern(pattern.regexp)
    except BadPattern as error:
        raise PatternRefused(
            f"Matcher '{matcher.owner}': the pattern '{pattern.regexp}' cannot be run: {error}"
        ) from None
    for name in GROUPS:
        number = group_of(pattern, name)
        if number is not None and not 0 <= number < len(regular.numbers):
            raise BadMatchers(f"The property '{written(name)}' is set to {number} which is out of range")
    return regular


@dataclass(slots=True)
class Running:
    """One matcher within one step."""

    compiled: Compiled
    _begun: list[Finding | None] = field(default_factory=list["Finding | None"])

    @property
    def owner(self) -> str:
        return self.compiled.matcher.owner

    def reset(self) -> None:
        self._begun = [None] * (len(self.compiled.expressions) - 1)

    def match(self, line: str) -> Finding | None:
        """From the last pattern to the first, so that a line is not taken for two of them in a row. Raises TooSlow."""
        if len(self._begun) != len(self.compiled.expressions) - 1:
            self.reset()
        last = len(self.compiled.expressions) - 1
        for place in range(last, -1, -1):
            before = self._begun[place - 1] if place > 0 else None
            if place > 0 and before is None:
                continue
            found = self._found(place, line, before)
            if place < last:
                self._begun[place] = found
            elif found is not None:
                return self._whole(found, before)
            elif place > 0:
                self._begun[place - 1] = None
        return None

    def _whole(self, found: Finding, before: Finding | None) -> Finding:
        """The last pattern of a loop stays ready for its next line."""
        self.reset()
        if self.compiled.matcher.patterns[-1].loop:
            self._begun[-1] = before
        matcher = self.compiled.matcher
        return replace(
            found,
            severity=found.severity or matcher.severity or None,
            from_path=found.from_path or matcher.from_path or None,
        )

    def _found(self, place: int, line: str, before: Finding | None) -> Finding | None:
        """What this pattern finds, on top of what was found before it."""
        regular, pattern = self.compiled.expressions[place], self.compiled.matcher.patterns[place]
        match = regular.search(line)
        if match is None:
            return None
        values: dict[str, str | None] = {}
        for name in GROUPS:
            number = group_of(pattern, name)
            known = getattr(before, name) if before is not None else None
            values[name] = known if known is not None or number is None else regular.group(match, number)
        return Finding(**values)


class StepMatching:
    """The matchers of one step, the newest first."""

    def __init__(self, matchers: Sequence[Compiled]) -> None:
        self._running = [Running(one) for one in matchers]

    def add(self, compiled: Compiled) -> None:
        self.remove(compiled.matcher.owner)
        self._running.insert(0, Running(compiled))

    def remove(self, owner: str) -> None:
        self._running = [one for one in self._running if one.owner.lower() != owner.lower()]

    def match(self, line: str) -> Iterator[Finding | str]:
        """What the line, without colours, says: nothing or one finding; before it the owner of each matcher that was
        too slow, and is gone."""
        for running in list(self._running):
            try:
                found = running.match(line)
            except TooSlow:
                self._running.remove(running)
                yield running.owner
                continue
            if found is None:
                continue
            for other in self._running:
                if other is not running:
                    other.reset()
            if is_problem(found):
                yield found
                return


class JobMatching:
    """The matchers of a job. `step` gives those of one step, which see what is added later too."""

    def __init__(self) -> None:
        self._compiled: list[Compiled] = []
        self._steps: dict[int, StepMatching] = {}

    def add(self, text: str) -> list[str]:
        """The owners of the file's matchers. Raises BadMatchers, PatternRefused, and then adds none."""
        new = [compiled(matcher) for matcher in checked(read_matchers(text))]
        owners = {one.matcher.owner.lower() for one in new}
        kept = [one for one in self._compiled if one.matcher.owner.lower() not in owners]
        if len(new) + len(kept) > MATCHERS:
            raise PatternRefused(f"{len(new) + len(kept)} problem matchers in one job, {MATCHERS} are run")
        self._compiled = new + kept
        for step in self._steps.values():
            for one in new:
                step.add(one)
        return [one.matcher.owner for one in new]

    def remove(self, owners: Sequence[str]) -> list[str]:
        """Those that there were."""
        named = {owner.lower() for owner in owners}
        removed = [one.matcher.owner for one in self._compiled if one.matcher.owner.lower() in named]
        self._compiled = [one for one in self._compiled if one.matcher.owner.lower() not in named]
        for step in self._steps.values():
            for owner in removed:
                step.remove(owner)
        return removed

    def step(self, number: int) -> StepMatching:
        if number not in self._steps:
            self._steps[number] = StepMatching(self._compiled)
        return self._steps[number]

    def end(self, number: int) -> None:
        self._steps.pop(number, None)
