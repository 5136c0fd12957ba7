"""Decides a case as the parser does, without a repository: the payload's meaning, then `on:`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import yaml
from msgspec.structs import replace

from libs.github.payload import read_event
from libs.repositories import Resolved
from libs.workflow.reading.workflow import read_workflow
from libs.workflow.triggers import NotMatched, match, skip_instruction
from services.cli.local.occasion import occasion
from services.parser.meaning import Dispatched, Gone, Irrelevant, Relevant, Unusable
from services.parser.relevance import UNSENT, meaning_of

FOLDER = Path(__file__).parent
HEAD = "c" * 40
"""The commit that the payloads name, unless a case says otherwise."""
BRANCH = "main"


class Case(msgspec.Struct, forbid_unknown_fields=True):
    """`listens` is what `on` is in the file. The payload is a plain one of the event (`services.cli.local.payloads`)
    with `payload` over it. `changed` are the paths of the diff (null: it cannot be made), `message` is the commit's
    where the payload has none. Either it runs, and `is` says at what (fields of `Relevant`), or `why` it does not.
    """

    listens: Any
    event: str
    payload: dict[str, Any] = {}
    changed: tuple[str, ...] | None = ()
    message: str = ""
    runs: bool | None = None
    why: str = ""
    is_: dict[str, Any] = msgspec.field(default_factory=dict, name="is")


class Group(msgspec.Struct, forbid_unknown_fields=True):
    """Cases that share what is said here."""

    name: str
    row: str | tuple[str, ...]
    cases: tuple[dict[str, Any], ...]
    listens: Any = None
    event: str = ""
    payload: dict[str, Any] = {}
    is_: dict[str, Any] = msgspec.field(default_factory=dict, name="is")


def groups() -> list[Group]:
    files = sorted(FOLDER.glob("*.yaml"))
    return [msgspec.convert(each, Group) for file in files for each in yaml.safe_load(file.read_text())]


def cases() -> list[tuple[str, Case]]:
    """Each with a name of its own."""
    found: list[tuple[str, Case]] = []
    for group in groups():
        for number, case in enumerate(group.cases, 1):
            payload = group.payload | case.get("payload", {})
            whole: dict[str, Any] = {
                "listens": group.listens,
                "event": group.event,
                "is": group.is_,
                **case,
                "payload": payload,
            }
            found.append((f"{group.name} {number}", msgspec.convert(whole, Case)))
    return found


def decided(case: Case) -> Relevant | Dispatched | str:
    """What runs, or why nothing does."""
    on = case.listens if isinstance(case.listens, str) else json.dumps(case.listens)
    text = f"on: {on}\njobs: {{a: {{runs-on: x, steps: [{{run: x}}]}}}}\n"
    reading = read_workflow(".github/workflows/a.yml", text.encode())
    assert reading.workflow is not None, reading.problems
    made = occasion(case.event, case.payload, Resolved(HEAD, f"refs/heads/{BRANCH}"), "octo/demo")
    event = read_event(case.event, json.dumps(made.payload).encode())
    meaning = meaning_of(event, local=case.event in UNSENT)
    match meaning:
        case Irrelevant(why) | Unusable(why) | Gone(why):
            return why
        case Dispatched():
            wanted = reading.workflow.on.workflow_dispatch is not None
            return meaning if wanted else "the workflow does not listen to `workflow_dispatch`"
        case Relevant(trigger):
            message = trigger.message or case.message
            trigger = replace(trigger, changed_paths=case.changed, message=message)
            if not meaning.message_known or trigger.name == "push":
                skipped = skip_instruction(message)
                if skipped is not None:
                    return f"the commit message says `{skipped}`"
            verdict = match(reading.workflow.on, trigger)
            return verdict.reason if isinstance(verdict, NotMatched) else meaning
