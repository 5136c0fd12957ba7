"""A syntax tree and its contexts to a value. Synchronous and pure: whatever needs a file or a clock arrives as data.

Whatever the tree and the contexts, evaluation ends in a value, an ExpressionError or HashFilesWanted: nothing else.
"""

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType

import msgspec

from libs.workflow.expressions.errors import ExpressionError, FunctionFailure, HashFilesWanted
from libs.workflow.expressions.functions import functions, option_problem
from libs.workflow.expressions.nodes import (
    Binary,
    BinaryOperator,
    Call,
    Context,
    Filter,
    Index,
    Literally,
    Logical,
    Node,
    Not,
)
from libs.workflow.expressions.status import Status
from libs.workflow.expressions.values import (
    Filtered,
    Value,
    is_less,
    is_truthy,
    loosely_equal,
    property_of,
    to_number,
    to_string,
    well_formed,
)

max_result_bytes = 10 * 1024 * 1024
"""GitHub's bound on what one function's result takes, at two bytes a character."""

max_evaluation_bytes = 10 * max_result_bytes
"""Bound on all intermediate results of one expression, which could otherwise ask for hundreds of the largest."""

bytes_per_character = 2
"""As .NET counts, so that the bound is met by the same results as on GitHub."""

bytes_per_item = 8
"""One reference in a filtered array."""

max_array_index = 2**31 - 1
"""Larger indices are no index on GitHub; arrays are shorter anyway."""

_no_contexts: Mapping[str, Value] = MappingProxyType({})
_no_hashes: Mapping[tuple[str, ...], str] = MappingProxyType({})


class Scope(msgspec.Struct, frozen=True):
    """What an expression is evaluated in. `hashes` holds results of hashFiles by the tuple of its patterns."""

    contexts: Mapping[str, Value] = _no_contexts
    status: Status = Status()
    hashes: Mapping[tuple[str, ...], str] = _no_hashes


def evaluate(node: Node, scope: Scope) -> Value:
    """The expression's value. Raises ExpressionError of kind "evaluation", or HashFilesWanted."""
    value = _Evaluation(scope).evaluate(node)
    return list(value) if isinstance(value, Filtered) else value


class _Evaluation:
    """One evaluation; it counts what its results take."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.used_bytes = 0

    def evaluate(self, node: Node) -> Value:
        # The commonest kinds first: they are tried in this order.
        match node:
            case Literally():
                return node.value
            case Context():
                return self.context(node.name)
            case Index():
                return self.index(node)
            case Binary():
                return _compare(node.operator, self.evaluate(node.left), self.evaluate(node.right))
            case Logical():
                return self.logical(node)
            case Call():
                return self.call(node)
            case Not():
                return not is_truthy(self.evaluate(node.operand))
            case Filter():
                return self.filter(node)

    def context(self, name: str) -> Value:
        contexts = self.scope.contexts
        if name in contexts:
            return contexts[name]
        lower = name.lower()
        return next((value for key, value in contexts.items() if key.lower() == lower), None)

    def logical(self, node: Logical) -> Value:
        """`&&` gives its first falsy operand, `||` its first truthy one, and either its last when there is none."""
        stops_at = node.operator == "||"
        value: Value = None
        for operand in node.operands:
            value = self.evaluate(operand)
            if is_truthy(value) == stops_at:
                break
        return value

    def index(self, node: Index) -> Value:
        target = self.evaluate(node.target)
        if not isinstance(target, list | dict):
            return None
        key = self.evaluate(node.key)
        if isinstance(target, Filtered):
            found = Filtered()
            for item in target:
                is_found, value = _look_up(item, key)
                if is_found:
                    found.append(value)
            self.charge(len(found) * bytes_per_item, node.column)
            return found
        return _look_up(target, key)[1]

    def filter(self, node: Filter) -> Value:
        target = self.evaluate(node.target)
        sources = target if isinstance(target, Filtered) else (target,)
        found = Filtered()
        for source in sources:
            if isinstance(source, list | dict):
                self.charge(len(source) * bytes_per_item, node.column)
                found.extend(source if isinstance(source, list) else source.values())
        return found

    def call(self, node: Call) -> Value:
        arguments = _Arguments(node, self)
        try:
            match node.function:
                case "always" | "cancelled" | "success" | "failure":
                    names = [to_string(arguments[index]) for index in range(len(arguments))]
                    return self.scope.status.answer(node.function, names)
                case "hashFiles":
                    return self.hash_files(arguments)
                case _:
                    implementation = functions[node.function.lower()].implementation
                    return implementation(arguments) if implementation else None
        except FunctionFailure as failure:
            raise ExpressionError("evaluation", str(failure), node.column) from None

    def hash_files(self, arguments: "_Arguments") -> Value:
        patterns = tuple(to_string(well_formed(arguments[index])) for index in range(len(arguments)))
        problem = option_problem(patterns[0])
        if problem is not None:
            raise FunctionFailure(problem)
        if patterns not in self.scope.hashes:
            raise HashFilesWanted(patterns, arguments.call.column)
        return self.scope.hashes[patterns]

    def charge(self, count: int, column: int) -> None:
        self.used_bytes += count
        if self.used_bytes > max_evaluation_bytes:
            reason = f"The maximum allowed memory size of {max_evaluation_bytes} bytes for one expression was exceeded"
            raise ExpressionError("evaluation", reason, column)


class _Arguments:
    """The arguments of one call, evaluated when asked for; see `functions.Arguments`."""

    def __init__(self, call: Call, evaluation: _Evaluation) -> None:
        self.call = call
        self.evaluation = evaluation
        self.used_bytes = 0

    def __len__(self) -> int:
        return len(self.call.arguments)

    def __getitem__(self, index: int) -> Value:
        return self.evaluation.evaluate(self.call.arguments[index])

    def literal(self, index: int) -> str | None:
        node = self.call.arguments[index]
        return node.value if isinstance(node, Literally) and isinstance(node.value, str) else None

    def charge(self, characters: int) -> None:
        count = characters * bytes_per_character
        self.used_bytes += count
        if self.used_bytes > max_result_bytes:
            name = self.call.function
            raise FunctionFailure(f"The maximum allowed memory size of {max_result_bytes} bytes was exceeded by {name}")
        self.evaluation.charge(count, self.call.column)


def _look_up(target: Value, key: Value) -> tuple[bool, Value]:
    """Whether a collection has the key, and the value there; a key that is no primitive is never there."""
    if isinstance(target, dict):
        if isinstance(key, list | dict):
            return False, None
        return property_of(target, to_string(key))
    if isinstance(target, list):
        position = to_number(key)
        if not math.isnan(position) and 0 <= position <= max_array_index and int(position) < len(target):
            return True, target[int(position)]
    return False, None


def _compare(operator: BinaryOperator, left: Value, right: Value) -> bool:
    return _comparisons[operator](left, right)


_comparisons: dict[BinaryOperator, Callable[[Value, Value], bool]] = {
    "==": loosely_equal,
    "!=": lambda left, right: not loosely_equal(left, right),
    "<": is_less,
    "<=": lambda left, right: is_less(left, right) or loosely_equal(left, right),
    ">": lambda left, right: is_less(right, left),
    ">=": lambda left, right: is_less(right, left) or loosely_equal(left, right),
}
