"""A syntax tree as an expression's text again: what is parsed from it has the same meaning."""

from libs.workflow.expressions.nodes import Binary, Call, Context, Filter, Index, Literally, Logical, Node, Not
from libs.workflow.expressions.values import format_number


def to_source(node: Node) -> str:
    match node:
        case Literally():
            return _literal(node.value)
        case Context():
            return node.name
        case Index():
            return f"{_operand(node.target)}[{to_source(node.key)}]"
        case Filter():
            return f"{_operand(node.target)}.*"
        case Call():
            return f"{node.function}({', '.join(map(to_source, node.arguments))})"
        case Not():
            return (
                f"!{to_source(node.operand) if isinstance(node.operand, Not | Literally) else _operand(node.operand)}"
            )
        case Binary():
            return f"{_side(node.left)} {node.operator} {_side(node.right)}"
        case Logical():
            return f" {node.operator} ".join(map(_side, node.operands))


def _operand(node: Node) -> str:
    """What stands before a `.` or `[`, or after a `!`: anything looser is put in parentheses."""
    text = to_source(node)
    return text if isinstance(node, Context | Index | Filter | Call) else f"({text})"


def _side(node: Node) -> str:
    text = to_source(node)
    return f"({text})" if isinstance(node, Binary | Logical) else text


def _literal(value: bool | int | float | str | None) -> str:
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    # Finite numbers in full, not to GitHub's 15 digits, so that nothing is lost in between.
    return repr(value) if abs(value) < float("inf") else format_number(value)
