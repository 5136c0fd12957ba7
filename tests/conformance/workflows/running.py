"""Runs a case as `firebreak run` does, in this process: parser, scheduler and agent on the in-memory bus."""

from __future__ import annotations

import asyncio
import subprocess
import uuid
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import yaml

from libs.contracts.commands import TriggerWorkflow
from libs.contracts.ids import CommandId, DeliveryGuid, RepositoryId
from libs.contracts.plan import JsonObject
from libs.github.directory import open_directory
from libs.repositories import WORKFLOWS_FOLDER
from libs.settings import Settings, read_settings
from libs.views.log_lines import LogLine
from libs.views.run import JobView, RunView
from services.cli.local.adjusting import Choice
from services.cli.local.occasion import LOCAL_REPOSITORY_ID, occasion
from services.cli.local.outcomes import Outcome, gather
from services.cli.local.system import Local, deliver, running, trigger
from services.cli.logs import following
from services.cli.watching import finished_run
from tests.fakes.podman.host import FakeEngine

FOLDER = Path(__file__).parent
FILE = f"{WORKFLOWS_FOLDER}/ci.yml"
SECONDS = 60.0


class Case(msgspec.Struct, forbid_unknown_fields=True):
    """One of a file of cases. `workflow` is `ci.yml`; `files` are the repository's others, by path; `others` the files
    of other repositories by their names, whose only commit has the tag `v1`. `images` are those of a registry, by their
    whole names: the host has an engine then, which runs on the host what is run in a container.

    `jobs` are the conclusions by the job's shown name, and all jobs have to be named; `steps` the outcomes of a job's
    steps, in order; `prints` lines that its log has, in this order; `never` lines that it has not; `urls` the address
    of its environment. A run that is not made says so in `why`; `problems` are `line:column: words` of a rejected file.
    """

    name: str
    row: tuple[str, ...]
    workflow: str = ""
    files: dict[str, str] = {}
    others: dict[str, dict[str, str]] = {}
    images: dict[str, JsonObject] = {}
    event: str = "push"
    payload: JsonObject = {}
    inputs: dict[str, str] = {}
    secrets: dict[str, str] = {}
    vars: dict[str, str] = {}
    run: str | None = None
    run_name: str = ""
    jobs: dict[str, str] = {}
    steps: dict[str, list[str]] = {}
    prints: dict[str, list[str]] = {}
    never: dict[str, list[str]] = {}
    outputs: dict[str, dict[str, str]] = {}
    urls: dict[str, str] = {}
    why: str = ""
    problems: list[str] = []


def cases() -> list[Case]:
    return [
        case
        for path in sorted(FOLDER.glob("*.yaml"))
        for case in msgspec.convert(yaml.safe_load(path.read_text()), list[Case])
    ]


@dataclass
class Ran:
    """What came of a case."""

    outcome: Outcome
    runs: list[RunView] = field(default_factory=list[RunView])
    lines: list[LogLine] = field(default_factory=list[LogLine])

    def job(self, name: str) -> JobView:
        return next(job for run in self.runs for job in run.jobs.values() if job.name == name)

    def printed(self, name: str) -> list[str]:
        key = self.job(name).key
        return [line.text for line in self.lines if line.job == key]


async def run(case: Case, folder: Path) -> Ran:
    """Raises TimeoutError where the run does not end."""
    for name, text in {**({FILE: case.workflow} if case.workflow else {}), **case.files}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        if text.startswith("#!"):
            path.chmod(0o755)
    others = _others(case, folder.parent / f"{folder.name}-others")
    directory = open_directory(folder, (WORKFLOWS_FOLDER,))
    made = occasion(case.event, case.payload, await directory.head(), "octo/demo")
    local = Local(directory, Choice(), "host", vars=case.vars, secrets=case.secrets, actions_from=others)
    ran = Ran(Outcome())
    async with asyncio.timeout(SECONDS), running(local, _settings(case, folder)) as process:
        if case.event == "workflow_dispatch":
            command = CommandId(str(uuid.uuid4()))
            given: JsonObject = dict(case.inputs)
            repository = RepositoryId(LOCAL_REPOSITORY_ID)
            await trigger(
                process, TriggerWorkflow(command, repository, "octo/demo", FILE, "refs/heads/main", given, "octocat")
            )
            await gather(process.bus, command, ran.outcome)
        else:
            guid = DeliveryGuid(str(uuid.uuid4()))
            await deliver(process, guid, made.event, made.payload)
            await gather(process.bus, guid, ran.outcome)
        for run_id in ran.outcome.runs.values():
            async with following(process.bus, run_id, ran.lines.append):
                ran.runs.append(await finished_run(process.bus, run_id))
    await directory.close()
    return ran


def _settings(case: Case, folder: Path) -> Settings:
    if not case.images:
        return read_settings({})
    engine = FakeEngine(folder.parent / f"{folder.name}-engine")
    for name, image in case.images.items():
        engine.offer(name, **image)  # pyright: ignore[reportArgumentType]
    return read_settings({**engine.environment, "FIREBREAK_JOB_ENV": "PATH"})


def _others(case: Case, folder: Path) -> Path:
    for full_name, files in case.others.items():
        clone = folder / full_name
        for name, text in files.items():
            path = clone / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        for command in (("init", "-q", "-b", "main"), ("add", "-A"), ("commit", "-qm", "x"), ("tag", "v1")):
            identity = ("-c", "user.name=t", "-c", "user.email=t@localhost")
            subprocess.run(["git", *identity, *command], cwd=clone, check=True, capture_output=True)
    return folder
