"""The syntax tree. Every node knows the 1-based column at which its own symbol stands in the expression."""

from typing import Literal, TypeAlias

import msgspec

BinaryOperator = Literal["==", "!=", "<", "<=", ">", ">="]
LogicalOperator = Literal["&&", "||"]


class Literally(msgspec.Struct, frozen=True):
    """null, a boolean, a number or a string written out."""

    value: bool | int | float | str | None
    column: int


class Context(msgspec.Struct, frozen=True):
    """A named value such as `github`; `name` is spelled as the known name, whatever case was written."""

    name: str
    column: int


class Index(msgspec.Struct, frozen=True):
    """`target.name` and `target[key]`."""

    target: "Node"
    key: "Node"
    column: int


class Filter(msgspec.Struct, frozen=True):
    """`target.*` and `target[*]`."""

    target: "Node"
    column: int


class Call(msgspec.Struct, frozen=True):
    """A function's call; `function` is its canonical name."""

    function: str
    arguments: tuple["Node", ...]
    column: int


class Not(msgspec.Struct, frozen=True):
    operand: "Node"
    column: int


class Binary(msgspec.Struct, frozen=True):
    operator: BinaryOperator
    left: "Node"
    right: "Node"
    column: int


class Logical(msgspec.Struct, frozen=True):
    """Two or more operands of one `&&` or `||` chain."""

    operator: LogicalOperator
    operands: tuple["Node", ...]
    column: int


Node: TypeAlias = Literally | Context | Index | Filter | Call | Not | Binary | Logical


def children(node: Node) -> tuple[Node, ...]:
    match node:
        case Literally() | Context():
            return ()
        case Index():
            return (node.target, node.key)
        case Filter():
            return (node.target,)
        case Call():
            return node.arguments
        case Not():
            return (node.operand,)
        case Binary():
            return (node.left, node.right)
        case Logical():
            return node.operands


def calls_of(node: Node) -> tuple[Call, ...]:
    """Every function call in the tree, in the order in which they are written."""
    found: list[Call] = []
    waiting = [node]
    while waiting:
        current = waiting.pop()
        if isinstance(current, Call):
            found.append(current)
        waiting.extend(reversed(children(current)))
    return tuple(found)


def depth_of(node: Node) -> int:
    """Levels of the tree; walked without recursion, because it is asked before the depth is known to be bounded."""
    deepest = 0
    waiting = [(node, 1)]
    while waiting:
        current, depth = waiting.pop()
        deepest = max(deepest, depth)
        waiting.extend((child, depth + 1) for child in children(current))
    return deepest
