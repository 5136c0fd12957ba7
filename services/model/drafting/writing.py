"""A draft as the text of a workflow. Whatever the texts in it are, the YAML says them and nothing else.

Only this module writes it: a model answers with data, and a file of the repository is data, too.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator

from libs.workflow.scalars import resolve
from services.model.drafting.draft import GAPS, Draft, Gap, Job, Step

_PLAIN = re.compile(r"[A-Za-z0-9_/.][A-Za-z0-9_/. @+-]*(?<! )\Z")
_GAP_CHARACTERS = 200


def workflow_text(draft: Draft, model: str = "", note: str = "") -> str:
    """`model` is whose words the steps marked so are; `note` says what became of asking it."""
    lines = [*_head(draft, model, note), "name: CI", "on:", *_events(draft)]
    lines += ["permissions:", "  contents: read", "defaults:", "  run:", "    shell: bash"]
    lines += _mapping("env", draft.env, 0)
    lines.append("jobs:")
    for job in draft.jobs:
        lines += _job(job, model)
    return "\n".join(lines) + "\n"


def _head(draft: Draft, model: str, note: str) -> Iterator[str]:
    source = f" from {_printable(draft.source)}" if draft.source else ""
    yield f"# A draft by `firebreak propose`{source}. Read it before you commit it: nobody has run it."
    if model:
        yield f"# Steps that are marked so are the words of a language model ({_printable(model)})."
    if note:
        yield f"# {_printable(note)}"
    if draft.gaps:
        yield "# What it leaves out or takes for granted:"
    for gap in draft.gaps[:GAPS]:
        yield f"# - {gap_text(gap)}"
    if len(draft.gaps) > GAPS:
        yield f"# - and {len(draft.gaps) - GAPS} more"


def gap_text(gap: Gap) -> str:
    return _printable((f"line {gap.line}: " if gap.line else "") + gap.text)


def _events(draft: Draft) -> Iterator[str]:
    if draft.branches:
        yield "  push:"
        yield f"    branches: [{', '.join(_scalar(branch) for branch in draft.branches)}]"
    else:
        yield "  push: {}"
    yield "  pull_request: {}"
    if draft.manual:
        yield "  workflow_dispatch: {}"


def _job(job: Job, model: str) -> Iterator[str]:
    yield f"  {job.id}:"
    if job.name:
        yield f"    name: {_label(job.name)}"
    if job.needs:
        yield f"    needs: [{', '.join(job.needs)}]"
    if job.condition:
        yield f"    if: {_scalar(job.condition)}"
    yield "    runs-on: ubuntu-latest"
    if job.container:
        yield f"    container: {_scalar(job.container)}"
    if job.timeout_minutes:
        yield f"    timeout-minutes: {job.timeout_minutes}"
    if job.continue_on_error:
        yield "    continue-on-error: true"
    if job.matrix:
        yield "    strategy:"
        yield "      matrix:"
        for name, values in job.matrix:
            yield f"        {_scalar(name)}: [{', '.join(_quoted(value) for value in values)}]"
    yield from _mapping("env", job.env, 4)
    yield "    steps:"
    for step in job.steps:
        yield from _step(step, model)


def _step(step: Step, model: str) -> Iterator[str]:
    if step.by == "model":
        yield f"      # A model's words ({_printable(model)}): nobody has checked what they do."
    yield f"      - name: {_label(step.name)}"
    if step.condition:
        yield f"        if: {_scalar(step.condition)}"
    if step.uses:
        yield f"        uses: {_scalar(step.uses)}"
        yield from _mapping("with", step.with_, 8)
    else:
        yield from _script(step.run)


def _script(run: str) -> Iterator[str]:
    """A block where a block says exactly this, else a string in quotes."""
    lines = run.split("\n")
    blocky = all(line.isprintable() or line.replace("\t", "").isprintable() for line in lines)
    if not blocky or run != run.strip() or "\ufeff" in run or any(line != line.rstrip() for line in lines):
        yield f"        run: {_quoted(run)}"
    elif len(lines) == 1:
        yield f"        run: {_scalar(run)}"
    else:
        yield "        run: |"
        yield from (f"          {line}" if line else "" for line in lines)


def _mapping(key: str, entries: Iterable[tuple[str, str]], indent: int) -> Iterator[str]:
    written = [f"{' ' * indent}  {_scalar(name)}: {_scalar(value)}" for name, value in entries]
    if written:
        yield f"{' ' * indent}{key}:"
        yield from written


def _scalar(text: str) -> str:
    return text if _PLAIN.match(text) and resolve(text) == text else _quoted(text)


def _quoted(text: str) -> str:
    """YAML's double quotes are JSON's, but for what is beyond the first 65,536 characters and what it will not show."""
    said = json.dumps(text, ensure_ascii=False)
    return "".join(c if c.isprintable() else f"\\U{ord(c):08x}" for c in said)


def _label(text: str) -> str:
    """A name, in which nothing is an expression."""
    return _scalar(text.replace("${{", "{{"))


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in " ".join(text.split()))[:_GAP_CHARACTERS]
