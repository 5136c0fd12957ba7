"""Text to tokens. Knows which characters make a token, not where a token may stand: that is the parser's.

Follows the lexers of GitHub's runner and of its editor extension, down to what counts as one wrong symbol.
"""

import math
import re
from typing import Literal, NamedTuple

from libs.workflow.expressions.errors import ExpressionError, shortened
from libs.workflow.expressions.values import normal_number, parse_number, whitespace

max_expression_characters = 21_000
"""GitHub's limit on the length of one expression."""

TokenKind = Literal[
    "(", ")", "[", "]", ",", ".", "*", "!", "==", "!=", "<", "<=", ">", ">=", "&&", "||", "literal", "name", "end"
]  # fmt: skip


class Token(NamedTuple):
    kind: TokenKind
    text: str
    column: int
    value: bool | int | float | str | None = None


_boundary = rf"()\[\],.!><=&|{whitespace}"
_token = re.compile(
    rf"(?P<space>[{whitespace}]+)"
    r"|(?P<operator>[()\[\],*]|!=|!|==|<=|<|>=|>|&&|\|\|)"
    r"|(?P<string>'[^']*(?:''[^']*)*'(?!'))"
    rf"|(?P<word>[^.\-+0-9'*{_boundary}][^{_boundary}]*)"
    rf"|(?P<number>[-+0-9](?:[^{_boundary}]|\.)*)"
    r"|(?P<dot>\.)"
)
_fraction = re.compile(rf"\.(?:[^{_boundary}]|\.)*")
_wrong_symbol = re.compile(rf".[^{_boundary}]*", re.DOTALL)
_name = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_keywords = {"true": True, "false": False, "null": None, "NaN": math.nan, "Infinity": math.inf}
_before_dereference = frozenset(("name", ")", "]", "*"))


def tokenize(text: str) -> list[Token]:
    """The tokens, an "end" last. Raises ExpressionError of kind "lexing"."""
    if len(text) > max_expression_characters:
        reason = f"Exceeded max expression length {max_expression_characters}"
        raise ExpressionError("lexing", reason, max_expression_characters + 1)
    tokens: list[Token] = []
    position = 0
    while position < len(text):
        match = _token.match(text, position)
        if match is None:
            raise _unexpected(text, position)
        if match.lastgroup == "dot" and (not tokens or tokens[-1].kind not in _before_dereference):
            match = _fraction.match(text, position) or match
        if match.lastgroup != "space":
            tokens.append(_token_of(match, tokens, text))
        position = match.end()
    tokens.append(Token("end", "", tokens[-1].column if tokens else 1))
    return tokens


def _token_of(match: re.Match[str], tokens: list[Token], text: str) -> Token:
    lexeme, column = match[0], match.start() + 1
    match match.lastgroup:
        case "operator" | "dot":
            return Token(lexeme, lexeme, column)  # pyright: ignore[reportArgumentType] - the pattern lists the kinds.
        case "string":
            return Token("literal", lexeme, column, lexeme[1:-1].replace("''", "'"))
        case "word":
            return _word(lexeme, column, tokens, text)
        case _:
            number = parse_number(lexeme)
            if math.isnan(number):
                raise ExpressionError("lexing", f"Unexpected symbol: '{shortened(lexeme)}'", column, text)
            return Token("literal", lexeme, column, normal_number(number))


def _word(lexeme: str, column: int, tokens: list[Token], text: str) -> Token:
    if not _name.fullmatch(lexeme):
        raise _unexpected(text, column - 1)
    if lexeme in _keywords and not (tokens and tokens[-1].kind == "."):
        return Token("literal", lexeme, column, _keywords[lexeme])
    return Token("name", lexeme, column)


def _unexpected(text: str, position: int) -> ExpressionError:
    if text[position] == "'":
        return ExpressionError("lexing", f"Unexpected symbol: '{shortened(text[position:])}'", position + 1, text)
    match = _wrong_symbol.match(text, position)
    lexeme = match[0] if match else text[position]
    hint = " (strings are written in single quotes)" if lexeme.startswith('"') else ""
    return ExpressionError("lexing", f"Unexpected symbol: '{shortened(lexeme)}'{hint}", position + 1, text)
