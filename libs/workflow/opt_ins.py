"""`.github/firebreak.yml`: what a repository opts into. Bytes in, the values and every problem out.

The one file of a repository that is Firebreak's own. It holds no expression: what is opted into is the same for each
run. Which branch's file counts, and what the operator forbids, is not known here.
"""

from typing import get_args

import msgspec

from libs.contracts.opt_ins import OptIns, TimeoutMode
from libs.workflow.nodes import Node, describe
from libs.workflow.problems import KeyPath, Problem, Problems, TooManyProblems
from libs.workflow.reading.reader import Reader, Shape
from libs.workflow.reading.scope import Scope
from libs.workflow.source import read_document

opt_ins_file = ".github/firebreak.yml"
retries_of_flaky = 3  # A job that fails four times in a row is not flaky but broken, whatever it was before.

_root = Shape("Firebreak's file", frozenset({"timeouts", "retry-flaky", "model"}))
_model = Shape("`model`", frozenset({"forks"}))


class OptInsReading(msgspec.Struct, frozen=True):
    """What became of the file: with a problem that is an error, ``opt_ins`` opts into nothing."""

    opt_ins: OptIns
    problems: tuple[Problem, ...] = ()


def read_opt_ins(file: str, content: bytes) -> OptInsReading:
    """Reads the file that problems are to call ``file``."""
    problems = Problems(file)
    document = read_document(content, problems)
    if document.root is None:
        return OptInsReading(OptIns(), problems.sorted())
    try:
        opt_ins = _read_root(Reader(document, problems, Scope()), document.root)
    except TooManyProblems:
        return OptInsReading(OptIns(), problems.sorted())
    return OptInsReading(OptIns() if problems.has_errors() else opt_ins, problems.sorted())


def _read_root(reader: Reader, root: Node) -> OptIns:
    fields = reader.fields(root, _root, ())
    timeouts = _mode(reader, fields["timeouts"].value, ("timeouts",)) if "timeouts" in fields else None
    retries = _retries(reader, fields["retry-flaky"].value, ("retry-flaky",)) if "retry-flaky" in fields else None
    model = reader.fields(fields["model"].value, _model, ("model",)) if "model" in fields else {}
    forks = _flag(reader, model["forks"].value, "forks", ("model", "forks")) if "forks" in model else None
    return OptIns(timeouts or "shadow", retries or 0, forks or False)


def _mode(reader: Reader, node: Node, path: KeyPath) -> TimeoutMode | None:
    text = reader.literal(node, "timeouts", path)
    modes: tuple[TimeoutMode, ...] = get_args(TimeoutMode)
    for mode in modes:
        if text == mode:
            return mode
    if text is not None:
        message = f"`timeouts` must be one of {', '.join(modes)}, not {describe(node)}{reader.suggest(text, modes)}"
        reader.error(node, message, path)
    return None


def _retries(reader: Reader, node: Node, path: KeyPath) -> int | None:
    scalar = reader.scalar(node, "retry-flaky", path)
    if scalar is None:
        return None
    value = scalar.value
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= retries_of_flaky:
        return value
    most = retries_of_flaky
    reader.error(node, f"`retry-flaky` must be a whole number from 0 to {most}, not {describe(node)}", path)
    return None


def _flag(reader: Reader, node: Node, what: str, path: KeyPath) -> bool | None:
    scalar = reader.scalar(node, what, path)
    if scalar is None or isinstance(scalar.value, bool):
        return None if scalar is None else bool(scalar.value)
    reader.error(node, f"`{what}` must be true or false, not {describe(node)}", path)
    return None
