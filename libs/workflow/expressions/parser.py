"""Tokens to a syntax tree: recursive descent, lowest precedence first.

Everything that can be known without values is an error here: unknown names, names that the key may not use, wrong
numbers of arguments. Which names there are is the Availability's business.
"""

from functools import lru_cache
from typing import cast

from libs.workflow.expressions.availability import Availability, everywhere
from libs.workflow.expressions.errors import ExpressionError, shortened
from libs.workflow.expressions.lexer import Token, TokenKind, tokenize
from libs.workflow.expressions.names import (
    arity_problem,
    context_named,
    function_named,
    unknown_context,
    unknown_function,
)
from libs.workflow.expressions.nodes import (
    Binary,
    BinaryOperator,
    Call,
    Context,
    Filter,
    Index,
    Literally,
    Logical,
    LogicalOperator,
    Node,
    Not,
    depth_of,
)

max_expression_depth = 50
"""GitHub's limit on the levels of an expression. It also bounds the recursion of this parser and the evaluator."""

cached_expressions = 2048
"""Enough for every expression of a large workflow, which an agent evaluates again and again."""

max_cached_characters = 500
"""Longer expressions are parsed anew each time, so that hostile ones cannot fill the memory through the cache."""


def parse(text: str, availability: Availability = everywhere) -> Node:
    """The tree of an expression without its `${{ }}`. Raises ExpressionError of kind "lexing" or "parsing"."""
    if len(text) > max_cached_characters:
        return parse_uncached(text, availability)
    return _parse_cached(text, availability)


def parse_uncached(text: str, availability: Availability) -> Node:
    """The same for a text that will not come again. Raises as `parse`."""
    return _Parser(text, availability).parse()


_parse_cached = lru_cache(maxsize=cached_expressions)(parse_uncached)


class _Parser:
    """One parse; `depth` counts the open brackets, parentheses and `!`, each of which is a level of recursion."""

    def __init__(self, text: str, availability: Availability) -> None:
        self.text = text
        self.availability = availability
        self.tokens = tokenize(text)
        self.index = 0
        self.depth = 0

    def parse(self) -> Node:
        if len(self.tokens) == 1:
            raise self.error("An expression was expected", 1)
        node = self.expression()
        self.expect("end")
        # A tree of n levels takes at least n tokens, so that a short expression need not be measured.
        if len(self.tokens) > max_expression_depth and depth_of(node) > max_expression_depth:
            raise self.too_deep(self.tokens[0])
        return node

    def expression(self) -> Node:
        self.deepen()
        node = self.logical_or()
        self.depth -= 1
        return node

    def logical_or(self) -> Node:
        first = self.logical_and()
        if self.current.kind != "||":
            return first
        column, operands = self.current.column, [first]
        while self.accept("||"):
            operands.append(self.logical_and())
        return _logical("||", operands, column)

    def logical_and(self) -> Node:
        first = self.equality()
        if self.current.kind != "&&":
            return first
        column, operands = self.current.column, [first]
        while self.accept("&&"):
            operands.append(self.equality())
        return _logical("&&", operands, column)

    def equality(self) -> Node:
        node = self.comparison()
        while self.current.kind in ("==", "!="):
            operator = self.advance()
            node = Binary(cast(BinaryOperator, operator.kind), node, self.comparison(), operator.column)
        return node

    def comparison(self) -> Node:
        node = self.unary()
        while self.current.kind in ("<", "<=", ">", ">="):
            operator = self.advance()
            node = Binary(cast(BinaryOperator, operator.kind), node, self.unary(), operator.column)
        return node

    def unary(self) -> Node:
        if self.current.kind != "!":
            return self.postfix()
        operator = self.advance()
        self.deepen()
        node = Not(self.unary(), operator.column)
        self.depth -= 1
        return node

    def postfix(self) -> Node:
        if self.current.kind == "literal":
            token = self.advance()
            return Literally(token.value, token.column)
        node = self.primary()
        while self.current.kind in (".", "["):
            token = self.advance()
            node = self.dereference(node, token) if token.kind == "." else self.subscript(node, token)
        return node

    def dereference(self, target: Node, dot: Token) -> Node:
        if self.accept("*"):
            return Filter(target, dot.column)
        name = self.expect("name")
        return Index(target, Literally(name.text, name.column), dot.column)

    def subscript(self, target: Node, bracket: Token) -> Node:
        if self.accept("*"):
            self.expect("]")
            return Filter(target, bracket.column)
        key = self.expression()
        self.expect("]")
        return Index(target, key, bracket.column)

    def primary(self) -> Node:
        if self.accept("("):
            node = self.expression()
            self.expect(")")
            return node
        name = self.expect("name")
        if self.current.kind == "(":
            return self.call(name)
        context = context_named(name.text, self.availability)
        if context is None:
            raise self.error(unknown_context(name.text, self.availability), name.column)
        return Context(context, name.column)

    def call(self, name: Token) -> Node:
        function = function_named(name.text, self.availability)
        if function is None:
            raise self.error(unknown_function(name.text, self.availability), name.column)
        self.expect("(")
        arguments: list[Node] = []
        if not self.accept(")"):
            arguments.append(self.expression())
            while self.accept(","):
                arguments.append(self.expression())
            self.expect(")")
        problem = arity_problem(function, name.text, len(arguments), self.availability)
        if problem is not None:
            raise self.error(problem, name.column)
        return Call(function.name, tuple(arguments), name.column)

    @property
    def current(self) -> Token:
        return self.tokens[self.index]

    def advance(self) -> Token:
        token = self.tokens[self.index]
        self.index += 1
        return token

    def accept(self, kind: TokenKind) -> bool:
        if self.tokens[self.index].kind != kind:
            return False
        self.index += 1
        return True

    def expect(self, kind: TokenKind) -> Token:
        if self.current.kind != kind:
            raise self.unexpected()
        return self.advance()

    def deepen(self) -> None:
        self.depth += 1
        if self.depth > max_expression_depth:
            raise self.too_deep(self.current)

    def unexpected(self) -> ExpressionError:
        token = self.current
        if token.kind != "end":
            return self.error(f"Unexpected symbol: '{shortened(token.text)}'", token.column)
        last = self.tokens[self.index - 1]
        return self.error(f"Unexpected end of expression: '{shortened(last.text)}'", last.column)

    def too_deep(self, token: Token) -> ExpressionError:
        return self.error(f"Exceeded max expression depth {max_expression_depth}", token.column)

    def error(self, reason: str, column: int) -> ExpressionError:
        return ExpressionError("parsing", reason, column, self.text)


def _logical(operator: LogicalOperator, operands: list[Node], column: int) -> Node:
    """Chains in parentheses are one chain with the chain around them, as in GitHub's runner."""
    flat: list[Node] = []
    for operand in operands:
        if isinstance(operand, Logical) and operand.operator == operator:
            flat.extend(operand.operands)
        else:
            flat.append(operand)
    return Logical(operator, tuple(flat), column)
