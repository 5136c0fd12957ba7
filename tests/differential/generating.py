"""What the expression language is asked: expressions from its grammar, bent towards its edges, and soups of its tokens.

Hypothesis gives the randomness and nothing else: it would draw each choice itself, and then offer small changes of what
it drew before, where 20,000 different questions are wanted. What fails is made short by `shortened` instead.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import TypeVar

from hypothesis import strategies as st

from libs.workflow.expressions import Value
from libs.workflow.expressions.values import parse_number
from tests.differential import traits

Question = tuple[str, dict[str, Value]]
Drawn = TypeVar("Drawn")

NAMES = ("github", "steps", "matrix", "env", "job")
"""The contexts that are always there; any other name is an error."""

STRANGERS = ("secrets", "githubb", "true1", "_", "x-y", "insert", "NULL", "nan", "INFINITY", "True")

PIECES = json.loads((Path(__file__).parent / "pieces.json").read_text())
"""Numbers, texts, symbols, and what is nested in what: the edges at which evaluators differ."""

NUMBERS: list[str] = PIECES["numbers"]
TEXTS: list[str] = PIECES["texts"]
SYMBOLS: list[str] = PIECES["symbols"]
NESTS: list[tuple[str, str]] = [(before, after) for before, after in PIECES["nests"]]

PROPERTIES = ("a", "a", "A", "b", "ref", "REF", "length", "0", "1", "outputs", "toString", "constructor", "", "é", "É")
OPERATORS = ("==", "!=", "<", "<=", ">", ">=", "&&", "||")
STATUSES = ("always", "success", "failure", "cancelled")
ARGUMENTS = {
    "contains": 2, "startsWith": 2, "endsWith": 2, "join": 2, "case": 3, "toJSON": 1, "fromJSON": 1, "hashFiles": 1,
    "format": 3, **dict.fromkeys(STATUSES, 0),
}  # fmt: skip
FUNCTIONS = (*ARGUMENTS, *ARGUMENTS, "Contains", "TOJSON", "fromjson", "sucess", "foo")
SPACES = ("", "", "", "", " ", " ", "  ", "\t", "\n", "\r\n")
ODD_SPACES = ("\xa0", "\x85", "\ufeff", "\u2003", "\v", "\0")
FLOATS = (0, 1, -1, 2, 0.5, -0.0, 1e15, 1e16, 1e21, 1e-7, 0.1, 0.1 + 0.2, 1 / 3, 2**53, 2**53 + 2, 5e-324, 1e308, 255)


FIRST: dict[str, Callable[[str], bool]] = {
    "format": lambda text: "{" in text or "}" in text,
    "fromjson": lambda text: text[:1] in ("[", "{", '"', " ", "1", "0", "-", "n", "t", "f"),
}
"""What the first argument of a function mostly looks like, so that it gets beyond its first character."""


class Asker:
    """Draws questions. `room` bounds how much one expression may still grow, so that it ends.

    Three of four questions keep off what is known to differ (`odd`), lest one difference hide another.
    """

    def __init__(self, random: Random) -> None:
        self.random = random
        self.room = 0
        self.odd = False

    def question(self) -> Question:
        self.room = self.random.choice((1, 2, 3, 4, 6, 9, 14))
        self.odd = not self.random.randrange(4)
        draw = self.random.choices((self.expression, self.soup, self.nest), (12, 2, 1))[0]
        return draw(), self.contexts()

    def expression(self) -> str:
        if self.room <= 0 or not self.random.randrange(5):
            return self.leaf()
        self.room -= 1
        rare = (self.negation, self.group, self.property, self.index, self.filter)
        return self.random.choice((*rare, *(self.binary,) * 3, *(self.call,) * 3))()

    def leaf(self) -> str:
        return self.one_of(self.quoted, self.quoted, self.number, self.keyword, self.reference, self.reference)

    def quoted(self, looks: Callable[[str], bool] | None = None) -> str:
        while True:
            written = "'" + self.text(looks).replace("'", "''") + "'"
            if self.odd or written[1:-1].count("''") < 2:
                return written

    def text(self, looks: Callable[[str], bool] | None = None) -> str:
        while True:
            text = self.any_text() if looks is None else self.random.choice(list(filter(looks, TEXTS)))
            if looks is not None and not self.random.randrange(3):
                text = self.edited(text)
            if self.odd or traits.is_plain(text):
                return text

    def edited(self, text: str) -> str:
        """A character more, less, or twice."""
        at = self.random.randrange(len(text) + 1)
        return self.random.choice(
            (text[:at] + text[at + 1 :], text[:at] + self.random.choice('{}0:,[]"1 ') + text[at:])
        )

    def any_text(self) -> str:
        kind = self.random.randrange(10)
        if kind < 5:
            return self.random.choice(TEXTS)
        if kind < 8:
            return self.random.choice(NUMBERS)
        return "".join(chr(self.random.choice(BLOCKS) + self.random.randrange(128)) for _ in range(self.small()))

    def number(self) -> str:
        while True:
            written = self.any_number()
            if self.odd or not (traits.has_odd_prefix(written) or traits.is_odd_number(parse_number(written))):
                return written

    def any_number(self) -> str:
        if self.random.randrange(3):
            return self.random.choice(NUMBERS)
        return f"{self.random.gauss(0, 10.0 ** self.random.randrange(20)):.{self.random.choice((1, 3, 6, 15, 17))}g}"

    def keyword(self) -> str:
        return self.random.choice(("true", "false", "null", "NaN", "Infinity", "-Infinity"))

    def reference(self) -> str:
        name = self.random.choice(NAMES if self.random.randrange(12) else STRANGERS)
        return name if self.random.randrange(6) else name.upper()

    def binary(self) -> str:
        left, operator = self.expression(), self.random.choice(OPERATORS)
        return f"{left}{self.space()}{operator}{self.space()}{self.expression()}"

    def negation(self) -> str:
        return f"!{self.space()}{self.expression()}"

    def group(self) -> str:
        return f"({self.space()}{self.expression()}{self.space()})"

    def target(self) -> str:
        """What a property is taken of: mostly something that may have one."""
        return self.one_of(self.reference, self.reference, self.call, self.group, self.property, self.filter, self.leaf)

    def property(self) -> str:
        self.room -= 1
        target = self.one_of(self.expression, self.target) if self.room > 0 else self.reference()
        return f"{target}{self.space()}.{self.space()}{self.random.choice(PROPERTIES)}"

    def index(self) -> str:
        target = self.target() if self.room > 0 else self.reference()
        key = self.one_of(self.key, self.key, self.expression)
        return f"{target}[{self.space()}{key}{self.space()}]"

    def key(self) -> str:
        return self.random.choice(
            (f"'{self.random.choice(PROPERTIES)}'", "0", "1", "-1", "1.9", "'1'", "'0x1'", "true", "null")
        )

    def filter(self) -> str:
        self.room -= 1
        target = self.target() if self.room > 0 else self.reference()
        return target + self.random.choice((".*", "[*]", "[ * ]", ". *", ".*.a", ".*[0]", ".*.*", "[*].a.b", ".*['A']"))

    def call(self) -> str:
        name = self.random.choice(FUNCTIONS)
        count = ARGUMENTS.get(name, 1) if self.random.randrange(12) else self.random.randrange(5)
        arguments = [self.expression() for _ in range(count)]
        if arguments and name.lower() in FIRST and self.random.randrange(4):
            arguments[0] = self.quoted(FIRST[name.lower()])
        end = self.random.choice((*(")",) * 60, ",)", "", "))"))
        return f"{name}{self.space()}({self.space()}{f'{self.space()},{self.space()}'.join(arguments)}{end}"

    def soup(self) -> str:
        """Tokens without a grammar."""
        words = (*NAMES, *STRANGERS, *ARGUMENTS, *PROPERTIES, *NUMBERS)
        pieces = (
            self.text,
            self.quoted,
            self.space,
            lambda: self.random.choice(SYMBOLS),
            lambda: self.random.choice(words),
        )
        if self.odd:
            pieces = (*pieces, *pieces, lambda: self.random.choice(ODD_SPACES))
        return "".join(self.one_of(*pieces) for _ in range(self.random.randrange(12)))

    def nest(self) -> str:
        """Levels around the limit of fifty."""
        before, after = self.random.choice(NESTS)
        count = self.random.choice((1, 2, 10, 24, 25, 26, *range(46, 54)))
        return before * count + self.leaf() + after * count

    def contexts(self) -> dict[str, Value]:
        found = {name: self.value(3) for name in NAMES[:-1]}
        status = self.random.choice((None, "success", "failure", "cancelled"))
        return {**found, "job": {} if status is None else {"status": status}}

    def value(self, levels: int) -> Value:
        kind = self.random.randrange(10)
        if levels > 0 and kind < 4:
            return {name: self.value(levels - 1) for name in self.names()}
        if levels > 0 and kind < 7:
            return [self.value(levels - 1) for _ in range(self.small())]
        return self.one_of(self.text, self.float, self.float, lambda: self.random.choice((None, True, False)))

    def names(self) -> tuple[str, ...]:
        while True:
            names = tuple(self.random.sample(PROPERTIES, self.small()))
            if self.odd or traits.has_plain_names(names):
                return names

    def float(self) -> Value:
        while True:
            number = self.random.choice(
                (*FLOATS, round(self.random.uniform(-1e6, 1e6), 3), self.random.randrange(-3, 300))
            )
            if self.odd or not traits.is_odd_number(number):
                return number

    def small(self) -> int:
        return self.random.choice((0, 1, 1, 2, 2, 3, 4))

    def space(self) -> str:
        return self.random.choice(SPACES)

    def one_of(self, *drawers: Callable[[], Drawn]) -> Drawn:
        return self.random.choice(drawers)()


BLOCKS = (0, 0, 0, 0x80, 0x100, 0x180, 0x370, 0x400, 0x1E00, 0x1F80, 0x2000, 0xD800, 0xFB00, 0xFF00, 0x10400, 0x1F600)
"""Where the characters of drawn text come from: scripts with case, odd spaces, lone surrogates, beyond 16 bits."""

questions: st.SearchStrategy[Question] = st.randoms(use_true_random=True).map(lambda random: Asker(random).question())


def shortened(question: Question, fails: Callable[[Question], bool], tries: int = 2_000) -> Question:
    """A shorter question that still fails: the expression without pieces, then without what its contexts hold."""
    expression, contexts = question
    size = max(len(expression) // 2, 1)
    while size and tries > 0:
        for start in range(0, len(expression), size):
            tries -= 1
            candidate = expression[:start] + expression[start + size :]
            if fails((candidate, contexts)):
                expression = candidate
                break
        else:
            size //= 2
    for name in contexts:
        emptied = {**contexts, name: None}
        if fails((expression, emptied)):
            contexts = emptied
    return expression, contexts
