"""``strategy`` to the model. A matrix without expressions is expanded on the spot, so that its errors show at once."""

from libs.workflow.matrix import MatrixError, combinations, expand
from libs.workflow.model import Data, Strategy
from libs.workflow.nodes import Entry, Mapping, Node, Scalar, Sequence, describe
from libs.workflow.problems import KeyPath
from libs.workflow.reading.reader import Reader, Shape, portable, position

_strategy = Shape("`strategy`", frozenset({"matrix", "fail-fast", "max-parallel"}))
expansion_work = (
    16_384  # Comparisons; a file could hold hundreds of such matrices. Larger ones are checked when they run.
)
strategy_key = "jobs.<job_id>.strategy"


def read_strategy(reader: Reader, node: Node, path: KeyPath) -> Strategy:
    if reader.is_template(node):
        return _read_whole(reader, node, path)
    fields = reader.fields(node, _strategy, path)
    matrix: dict[str, Data] | str | None = None
    fail_fast: bool | str | None = None
    max_parallel: float | str | None = None
    for key, entry in fields.items():
        inner = (*path, key)
        match key:
            case "matrix":
                matrix = _read_matrix(reader, entry.value, inner)
            case "fail-fast":
                fail_fast = reader.flag(entry.value, key, strategy_key, inner)
            case _:
                max_parallel = reader.number(entry.value, key, strategy_key, inner, least=1)
    return Strategy(position(node), matrix, True if fail_fast is None else fail_fast, max_parallel)


def _read_whole(reader: Reader, node: Node, path: KeyPath) -> Strategy:
    """One expression gives the mapping: each of its keys is then an expression, with what holds where it is missing."""
    source = reader.parts(node, "strategy", strategy_key, path)
    if source is None:
        return Strategy(position(node))
    return Strategy(
        at=position(node),
        matrix=f"${{{{ {source}.matrix }}}}",
        fail_fast=f"${{{{ toJSON({source}.fail-fast) != 'false' }}}}",
        max_parallel=f"${{{{ {source}.max-parallel || {combinations} }}}}",
    )


def matrix_keys(strategy: Strategy | None) -> frozenset[str] | None:
    """The names that ``matrix.`` may take, in lower case; None when an expression decides them."""
    if strategy is None or strategy.matrix is None:
        return frozenset()
    if isinstance(strategy.matrix, str):
        return None
    names: set[str] = set()
    for key, value in strategy.matrix.items():
        if "${{" in key or (key == "include" and not isinstance(value, list)):
            return None
        if key == "include" and isinstance(value, list):
            for item in value:
                if not isinstance(item, dict) or any("${{" in name for name in item):
                    return None
                names |= {name.lower() for name in item}
        elif key != "exclude":
            names.add(key.lower())
    return frozenset(names)


def _read_matrix(reader: Reader, node: Node, path: KeyPath) -> dict[str, Data] | str | None:
    if reader.is_template(node):
        return reader.whole(node, "matrix", strategy_key, path)
    sound = True
    matrix: dict[str, Data] = {}
    for entry in reader.entries(node, "`matrix`", path):
        inner = (*path, entry.key.text)
        if not reader.check_name(entry.key, "`matrix`", strategy_key, inner) or not _check_vector(reader, entry, inner):
            sound = False
            continue
        matrix[entry.key.text] = _data(reader, entry.value, inner)
    if sound and isinstance(node, Mapping):
        _expand(reader, node, matrix, path)
    return matrix


def _check_vector(reader: Reader, entry: Entry, path: KeyPath) -> bool:
    """A list, or one expression that gives it."""
    node, name = entry.value, entry.key.text
    if reader.is_template(node):
        return reader.whole(node, name, strategy_key, path) is not None
    if "${{" in name:
        return True
    if not isinstance(node, Sequence):
        reader.error(node, f"the matrix vector `{name}` must be a list, not {describe(node)}", path)
        return False
    if name in ("include", "exclude"):
        checks = [_check_filter(reader, item, name, (*path, index)) for index, item in enumerate(node.items)]
        return all(checks)
    return True


def _check_filter(reader: Reader, node: Node, name: str, path: KeyPath) -> bool:
    if isinstance(node, Mapping) or reader.is_template(node):
        return True
    reader.error(node, f"an entry of `{name}` must be a mapping, not {describe(node)}", path)
    return False


def _data(reader: Reader, node: Node, path: KeyPath) -> Data:
    """Any value, its expressions checked."""
    match node:
        case Scalar():
            return portable(node.value) if reader.check(node, strategy_key, path) else None
        case Sequence():
            return [_data(reader, item, (*path, index)) for index, item in enumerate(node.items)]
        case Mapping():
            return {
                entry.key.text: _data(reader, entry.value, (*path, entry.key.text))
                for entry in node.entries
                if reader.check_name(entry.key, "a matrix", strategy_key, (*path, entry.key.text))
            }


def _expand(reader: Reader, node: Mapping, matrix: dict[str, Data], path: KeyPath) -> None:
    if _holds_expression(matrix) or _work(matrix) > expansion_work:
        return
    try:
        expand(matrix)
    except MatrixError as error:
        place = _node_at(node, error.path)
        reader.error(place, error.message, (*path, *error.path))


def _work(matrix: dict[str, Data]) -> int:
    """How many values are compared when the matrix is expanded."""
    lengths = {key: len(value) for key, value in matrix.items() if isinstance(value, list)}
    filters = lengths.pop("exclude", 0) + lengths.pop("include", 0)
    return filters * sum(lengths.values())


def _holds_expression(value: Data) -> bool:
    if isinstance(value, str):
        return "${{" in value
    if isinstance(value, list):
        return any(_holds_expression(item) for item in value)
    if isinstance(value, dict):
        return any("${{" in key or _holds_expression(item) for key, item in value.items())
    return False


def _node_at(node: Node, path: tuple[str | int, ...]) -> Node:
    """The node that a path leads to; its last part leads to a mapping's key rather than to the value."""
    for index, part in enumerate(path):
        match node:
            case Mapping():
                entry = next((entry for entry in node.entries if entry.key.text == part), None)
                if entry is None:
                    return node
                node = entry.key if index == len(path) - 1 else entry.value
            case Sequence() if isinstance(part, int) and part < len(node.items):
                node = node.items[part]
            case _:
                return node
    return node
