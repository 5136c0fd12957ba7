"""What the default branch opts into, from `.github/firebreak.yml`: the values of an `OptInsDeclared`.

A file with an error, and one that is gone, opts into nothing, and that is declared too.
"""

from __future__ import annotations

from libs.contracts.intake import Problem
from libs.contracts.opt_ins import OptIns, OptInsDeclared
from libs.repositories import WorkflowFile
from libs.telemetry import log
from libs.workflow.opt_ins import opt_ins_file, read_opt_ins
from services.parser.meaning import Relevant
from services.parser.sealing import Origin

MAX_PROBLEMS = 50
"""Of one file, in the event: whoever mends it sees all of them with `firebreak lint`."""

_log = log.get("parser")


def opted(relevant: Relevant, file: WorkflowFile | None, origin: Origin) -> OptInsDeclared:
    opt_ins, problems = (OptIns(), ()) if file is None else _read(file)
    if problems:
        _log.warning("opts into nothing", repository=relevant.repository.full_name, why=problems[0].message)
    return OptInsDeclared(relevant.repository, relevant.ref, relevant.sha, origin.received, opt_ins, problems)


def is_news(state: OptInsDeclared | None, wanted: OptInsDeclared) -> bool:
    """Not what is known, not what an older push had, and not that nobody ever opted into anything."""
    if state is None:
        return wanted.opt_ins != OptIns() or bool(wanted.problems)
    if wanted.pushed < state.pushed:
        return False
    return (wanted.repository, wanted.opt_ins, wanted.problems) != (state.repository, state.opt_ins, state.problems)


def _read(file: WorkflowFile) -> tuple[OptIns, tuple[Problem, ...]]:
    if file.problem:
        return OptIns(), (Problem(opt_ins_file, 1, 1, file.problem),)
    reading = read_opt_ins(file.path, file.content)
    errors = [problem for problem in reading.problems if problem.severity == "error"][:MAX_PROBLEMS]
    return reading.opt_ins, tuple(Problem(each.file, each.line, each.column, each.message) for each in errors)
