"""A job that calls a workflow: ``uses``, ``with`` and ``secrets``. What the called one asks for is not known here."""

from typing import Literal

from libs.workflow.model import Template
from libs.workflow.nodes import Entry, Scalar, describe
from libs.workflow.problems import KeyPath
from libs.workflow.reading.reader import Reader
from libs.workflow.reading.settings import read_templates
from libs.workflow.reading.uses import check_called

call_keys = frozenset({"name", "uses", "with", "secrets", "needs", "if", "permissions", "concurrency", "strategy"})


def read_called(reader: Reader, fields: dict[str, Entry], path: KeyPath) -> str | None:
    if "uses" not in fields:
        return None
    node, inner = fields["uses"].value, (*path, "uses")
    uses = reader.literal(node, "uses", inner, empty=False)
    if uses is not None:
        check_called(reader, node, uses, inner)
    return uses


def read_with(reader: Reader, fields: dict[str, Entry], path: KeyPath) -> dict[str, Template]:
    if "with" not in fields:
        return {}
    return read_templates(
        reader, fields["with"].value, "`with`", "jobs.<job_id>.with.<with_id>", (*path, "with"), names=""
    )


def read_secrets(
    reader: Reader, fields: dict[str, Entry], path: KeyPath
) -> dict[str, Template] | Literal["inherit"] | None:
    if "secrets" not in fields:
        return None
    node, inner = fields["secrets"].value, (*path, "secrets")
    if isinstance(node, Scalar):
        if node.text == "inherit":
            return "inherit"
        reader.error(node, f"`secrets` must be a mapping or the word `inherit`, not {describe(node)}", inner)
        return None
    return read_templates(reader, node, "`secrets`", "jobs.<job_id>.secrets.<secrets_id>", inner, names="")
