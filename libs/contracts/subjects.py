"""Addresses: which subject a thing is on, and which stream holds it. One subject an aggregate.

Whoever needs a subject takes it from here; nobody formats one by hand.
"""

from __future__ import annotations

import hashlib
from typing import NamedTuple

from libs.contracts.ids import DeliveryGuid, HostId, JobKey, RepositoryId, RunId, token

DELIVERIES = "DELIVERIES"
EVENTS = "EVENTS"
COMMANDS = "COMMANDS"
JOBS = "JOBS"
TIMERS = "TIMERS"
LOGS = "LOGS"
DEAD = "DEAD"

CHECKPOINTS = "CHECKPOINTS"
SECRETS = "SECRETS"
SETTINGS = "SETTINGS"
ACTIVE = "ACTIVE"

ALL_DELIVERIES = "raw.delivery.*"
ALL_INTAKES = "ev.intake.*"
ALL_RUNS = "ev.run.>"
ALL_ATTEMPTS = "ev.attempt.>"
ALL_HOSTS = "ev.host.*"
ALL_GROUPS = "ev.group.*.*"
ALL_REPORTS = "ev.report.>"
ALL_SCHEDULES = "ev.workflow.*.schedules"
ALL_OPT_INS = "ev.workflow.*.opt-ins"
ALL_ADVICE = "ev.advice.*"
ALL_RECOGNITIONS = "ev.recognition.>"
ALL_MODEL = "ev.model.>"
ALL_MODEL_COMMANDS = "cmd.model.*"
ALL_TRIGGERS = "cmd.trigger.*"
ALL_RUN_COMMANDS = "cmd.run.*"
ALL_DUE = "timer.due.>"
ALL_HEARTBEATS = "hb.*"

MAX_RUN_ID_DIGITS = 16
"""Of 53 bits; a content's hash has 64 characters."""

PREFIXES = {
    "raw": DELIVERIES,
    "ev": EVENTS,
    "cmd": COMMANDS,
    "job": JOBS,
    "timer": TIMERS,
    "log": LOGS,
    "dead": DEAD,
}


def stream_of(subject: str) -> str:
    """The stream that holds a subject or a filter. Raises KeyError for what no stream holds."""
    return PREFIXES[subject.partition(".")[0]]


def delivery(guid: DeliveryGuid) -> str:
    return f"raw.delivery.{guid}"


def intake(cause: str) -> str:
    """`cause` is a delivery's GUID or a command's id."""
    return f"ev.intake.{cause}"


def workflow(repository: RepositoryId, path: str) -> str:
    return f"ev.workflow.{repository}.{hashlib.sha256(path.encode()).hexdigest()[:16]}"


def schedules(repository: RepositoryId) -> str:
    """Beside the numbers of its workflows, whose last part is 16 hexadecimal digits."""
    return f"ev.workflow.{repository}.schedules"


def opt_ins(repository: RepositoryId) -> str:
    """What the repository opts into; beside its schedules."""
    return f"ev.workflow.{repository}.opt-ins"


def group(repository: RepositoryId, name: str) -> str:
    """Names of groups differ by more than case."""
    return f"ev.group.{repository}.{hashlib.sha256(name.lower().encode()).hexdigest()[:16]}"


def run(owner: str, repo: str, run_id: RunId) -> str:
    return f"ev.run.{token(owner)}.{token(repo)}.{run_id}"


def any_run(run_id: RunId) -> str:
    """A filter: the run of this id, whoever owns it."""
    return f"ev.run.*.*.{run_id}"


def attempt(host: HostId, run: RunAddress, job: JobKey, n: int) -> str:
    return f"ev.attempt.{host}.{token(run.owner)}.{token(run.repo)}.{run.run_id}.{job}.{n}"


def attempts_of_run(run_id: RunId) -> str:
    """A filter: every attempt of a run, on whatever host."""
    return f"ev.attempt.*.*.*.{run_id}.>"


def host(host_id: HostId) -> str:
    return f"ev.host.{host_id}"


def report(owner: str, repo: str, run_id: RunId) -> str:
    return f"ev.report.{token(owner)}.{token(repo)}.{run_id}"


def advice(repository: RepositoryId) -> str:
    return f"ev.advice.{repository}"


ADVICE_FOR_HOSTS = "ev.advice.fleet"


def recognition(owner: str, repo: str, run_id: RunId) -> str:
    return f"ev.recognition.{token(owner)}.{token(repo)}.{run_id}"


def any_recognition(run_id: RunId) -> str:
    """A filter: what is known of the failures of this run, whoever owns it."""
    return f"ev.recognition.*.*.{run_id}"


def model(repository: RepositoryId, about: str) -> str:
    """`about` is a content hash (a proposal) or a run's id (a triage)."""
    return f"ev.model.{repository}.{about}"


def model_command(proposal: str) -> str:
    return f"cmd.model.{proposal}"


def trigger_command(repository: RepositoryId) -> str:
    return f"cmd.trigger.{repository}"


def run_command(run_id: RunId) -> str:
    return f"cmd.run.{run_id}"


def host_command(host_id: HostId) -> str:
    return f"cmd.host.{host_id}"


def doorbell(host_id: HostId) -> str:
    return f"job.{host_id}"


def heartbeat(host_id: HostId) -> str:
    return f"hb.{host_id}"


def debug_sessions(host_id: HostId) -> str:
    """A filter, core NATS: what users say to the debug sessions of a host."""
    return f"debug.{host_id}.*"


def debug_session(host_id: HostId, session: str) -> str:
    """Core NATS, to the host."""
    return f"debug.{host_id}.{session}"


def debug_output(host_id: HostId, session: str) -> str:
    """Core NATS, from the host."""
    return f"debug.{host_id}.{session}.out"


def log(host_id: HostId, run_id: RunId, job: JobKey, n: int) -> str:
    return f"log.{host_id}.{run_id}.{job}.{n}"


def log_of_attempt(run_id: RunId, job: JobKey, n: int) -> str:
    """A filter: that attempt's log, on whatever host."""
    return f"log.*.{run_id}.{job}.{n}"


def logs_of_run(run_id: RunId) -> str:
    return f"log.*.{run_id}.>"


def parse_recognition(subject: str) -> RunAddress:
    """Raises ValueError for what is no recognition's subject. `owner` and `repo` are tokens."""
    parts = subject.split(".")
    if len(parts) != 5 or parts[:2] != ["ev", "recognition"]:
        raise ValueError(f"{subject!r} is no recognition's subject")
    return RunAddress(parts[2], parts[3], RunId(int(parts[4])))


def run_of_model(subject: str) -> RunId | None:
    """The run that an event of the model's is about; None where it is about a workflow's content."""
    about = subject.rpartition(".")[2]
    return RunId(int(about)) if about.isdecimal() and len(about) <= MAX_RUN_ID_DIGITS else None


class AttemptAddress(NamedTuple):
    host: HostId
    owner: str
    repo: str
    run_id: RunId
    job: JobKey
    n: int


def parse_attempt(subject: str) -> AttemptAddress:
    """Raises ValueError for what is no attempt's subject. `owner` and `repo` are tokens."""
    parts = subject.split(".")
    if len(parts) != 8 or parts[:2] != ["ev", "attempt"]:
        raise ValueError(f"{subject!r} is no attempt's subject")
    return AttemptAddress(HostId(parts[2]), parts[3], parts[4], RunId(int(parts[5])), JobKey(parts[6]), int(parts[7]))


class RunAddress(NamedTuple):
    owner: str
    repo: str
    run_id: RunId


def parse_run(subject: str) -> RunAddress:
    """Raises ValueError for what is no run's subject. `owner` and `repo` are tokens."""
    parts = subject.split(".")
    if len(parts) != 5 or parts[:2] != ["ev", "run"]:
        raise ValueError(f"{subject!r} is no run's subject")
    return RunAddress(parts[2], parts[3], RunId(int(parts[4])))
