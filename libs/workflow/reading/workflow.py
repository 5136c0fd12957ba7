"""A whole workflow file: bytes in, the model and every problem out. This is the entrance to the package."""

import msgspec

from libs.workflow.model import Defaults, Job, On, Workflow
from libs.workflow.nodes import Document, Entry, Mapping, Node
from libs.workflow.problems import Problem, Problems, TooManyProblems, problems_in_file
from libs.workflow.reading.concurrency import read_concurrency
from libs.workflow.reading.events import read_on
from libs.workflow.reading.graph import check_needs, with_declared_needs
from libs.workflow.reading.identifiers import check_identifier
from libs.workflow.reading.job import read_job
from libs.workflow.reading.reader import Reader, Shape, position
from libs.workflow.reading.scope import Scope
from libs.workflow.reading.settings import read_defaults, read_env, read_permissions
from libs.workflow.source import read_document

jobs_in_workflow = 1000  # GitHub names no limit; one run's state is one aggregate, and has to fit into memory.

_workflow = Shape(
    "a workflow",
    frozenset({"name", "description", "run-name", "on", "permissions", "concurrency", "env", "defaults", "jobs"}),
)


class Reading(msgspec.Struct, frozen=True):
    """What became of a file: ``workflow`` is None when a problem is an error; warnings alone leave it."""

    workflow: Workflow | None
    problems: tuple[Problem, ...]


def read_workflow(file: str, content: bytes) -> Reading:
    """Reads the file that problems are to call ``file``."""
    problems = Problems(file)
    document = read_document(content, problems)
    if document.root is None:
        return Reading(None, problems.sorted())
    try:
        workflow = _read_root(document, document.root, problems)
    except TooManyProblems:
        return Reading(None, (*problems.sorted(), _more_problems(file)))
    return Reading(None if problems.has_errors() else workflow, problems.sorted())


def _more_problems(file: str) -> Problem:
    return Problem(file, 1, 1, f"more than {problems_in_file} problems; those that follow are not shown")


def _read_root(document: Document, root: Node, problems: Problems) -> Workflow:
    reader = Reader(document, problems, Scope())
    fields = reader.fields(root, _workflow, ())
    if isinstance(root, Mapping):
        reader.require(root, fields, ("on", "jobs"), _workflow, ())
    on = read_on(reader, fields["on"].value, ("on",)) if "on" in fields else On()
    reader = reader.within(Scope(inputs=_input_names(on)))
    _read_text(reader, fields, "description", "")
    return Workflow(
        file=problems.file,
        on=on,
        name=_read_text(reader, fields, "name", ""),
        run_name=_read_text(reader, fields, "run-name", "run-name"),
        run_name_at=position(fields["run-name"].value) if "run-name" in fields else None,
        permissions=read_permissions(reader, fields["permissions"].value, ("permissions",))
        if "permissions" in fields
        else None,
        concurrency=read_concurrency(reader, fields["concurrency"].value, "concurrency", ("concurrency",))
        if "concurrency" in fields
        else None,
        env=read_env(reader, fields["env"].value, "env", ("env",)) if "env" in fields else {},
        defaults=read_defaults(reader, fields["defaults"].value, "", ("defaults",))
        if "defaults" in fields
        else Defaults(),
        jobs=_read_jobs(reader, fields["jobs"].value) if "jobs" in fields else (),
    )


def _input_names(on: On) -> frozenset[str]:
    dispatch = () if on.workflow_dispatch is None else on.workflow_dispatch.inputs
    call = () if on.workflow_call is None else on.workflow_call.inputs
    return frozenset(declared.name.lower() for declared in (*dispatch, *call))


def _read_text(reader: Reader, fields: dict[str, Entry], key: str, availability: str) -> str | None:
    """A name; one that is empty or only white space counts as not given."""
    text = reader.text(fields[key].value, key, availability, (key,)) if key in fields else None
    return text if text is not None and text.strip() else None


def _read_jobs(reader: Reader, node: Node) -> tuple[Job, ...]:
    entries = reader.entries(node, "`jobs`", ("jobs",))
    if isinstance(node, Mapping) and not entries:
        reader.error(node, "`jobs` must hold at least one job", ("jobs",))
    if len(entries) > jobs_in_workflow:
        message = f"a workflow may have {jobs_in_workflow} jobs at most, and this has {len(entries)}"
        reader.error(entries[jobs_in_workflow].key, message, ("jobs",))
        return ()
    jobs: list[Job] = []
    for entry in entries:
        path = ("jobs", entry.key.text)
        check_identifier(reader, entry.key, entry.key.text, "a job's id", path)
        jobs.append(read_job(reader, entry, path))
    check_needs(reader, entries, tuple(jobs))
    return with_declared_needs(tuple(jobs))
