"""`firebreak why`: the story of a run or a job, told from its events."""

from __future__ import annotations

from datetime import UTC, datetime

import click
import msgspec

from libs.contracts.host import offers
from libs.contracts.ids import JobKey
from libs.contracts.size import asked, sizes_of
from libs.views.known import known_of
from libs.views.run import JobView, RunView
from services.cli import words
from services.cli.commands.deliveries import tell_intake
from services.cli.commands.hosts import HostRow, host_rows
from services.cli.connection import connected, coroutine
from services.cli.groups import group_reasons
from services.cli.outcome import Usage
from services.cli.reading import insights_of, parse_run_id, run_view


@click.command()
@click.argument("run")
@click.argument("job", required=False)
@click.option("--json", "as_json", is_flag=True, help="The story as JSON.")
@coroutine
async def command(*, run: str, job: str | None, as_json: bool) -> None:
    """Why RUN, or one JOB of it, is queued, skipped, slow or red: what the events say, in order.

    JOB is a job's key, id or name as `firebreak runs show` prints it. RUN may be a delivery too (its GUID), or a
    command's id: why it started what it started, or nothing.

    Example: firebreak why 4503599627370496 build
    """
    if "-" in run:
        await tell_intake(run, as_json=as_json)
        return
    async with connected() as connection:
        view = await run_view(connection, parse_run_id(run))
        chosen = chosen_jobs(view, job) if job else list(view.jobs.values())
        waiting = any(one.state == "queued" for one in chosen)
        hosts = await host_rows(connection.bus) if waiting else []
        groups = await group_reasons(connection.bus, view)
        learned = await insights_of(connection.bus, view)
    keys = {one.key for one in chosen}
    story = [line for line in view.story if job is None or line.job in keys or line.job is None]
    reasons = [reason for one in chosen for reason in explain(one, view, hosts)] + groups
    now = datetime.now(UTC)
    known = [line for one in chosen for line in known_of(view, one, learned, now, words.quoted)]
    if as_json:
        lines = [{"time": line.time, "job": line.job, "text": line.text} for line in story]
        told = {"run": view.run_id, "story": lines, "because": reasons, "known": known}
        click.echo(msgspec.json.encode(told).decode())
        return
    for line in story:
        about = f"{line.job}: " if line.job else ""
        click.echo(f"{words.clock(line.time)}  {words.line(about + line.text)}")
    for reason in [*reasons, *known]:
        click.echo(words.line(f"→ {reason}"))


def chosen_jobs(view: RunView, name: str) -> list[JobView]:
    """The jobs that `name` means: a key, else every job of that id or name. Raises Usage where it means none."""
    if (exact := view.jobs.get(JobKey(name))) is not None:
        return [exact]
    found = [job for job in view.jobs.values() if name in (job.job_id, job.name)]
    if not found:
        known = ", ".join(sorted(view.jobs)) or "none yet"
        raise Usage(f"run {view.run_id} has no job {name!r}; it has {known}")
    return found


def explain(job: JobView, view: RunView, hosts: list[HostRow]) -> list[str]:
    """What keeps, or kept, this job: one sentence a reason."""
    match job.state:
        case "waiting":
            open_needs = [need for need in job.needs if not _over(view, need)]
            if not open_needs and job.why:
                return [f"{job.key} {job.why}"]
            return [f"{job.key} waits for {', '.join(open_needs)}"] if open_needs else _turn(job, view)
        case "calling":
            open_jobs = [each.name for each in view.jobs.values() if each.caller == job.key and not _done(each)]
            return [f"{job.key} waits for the jobs of the workflow that it calls: {', '.join(open_jobs)}"]
        case "queued":
            return [f"{job.key} is queued: {_why_queued(job, hosts)}"]
        case "assigned":
            return [f"{job.key} was given to host {job.last.host}, which has not begun yet"] if job.last else []
        case "running":
            return [f"{job.key} runs {step}" for step in _running_steps(job)]
        case "skipped":
            return [f"{job.key} was skipped: {job.why}"]
        case "finished":
            return [*_red(job), *_slow(job)]


def _turn(job: JobView, view: RunView) -> list[str]:
    """Of a matrix of calls, `max-parallel` may be under way; jobs with steps are queued in such a case."""
    siblings = [each.name for each in view.jobs.values() if each.job_id == job.job_id and each.state == "calling"]
    return [f"{job.key} waits for its turn (`max-parallel`): {', '.join(siblings)}"] if siblings else []


def _over(view: RunView, job_id: str) -> bool:
    jobs = [job for job in view.jobs.values() if job.job_id == job_id]
    return bool(jobs) and all(_done(job) for job in jobs)


def _done(job: JobView) -> bool:
    return job.state in ("finished", "skipped")


def _why_queued(job: JobView, hosts: list[HostRow]) -> str:
    if not hosts:
        return "no host has joined; start one with `firebreak agent`"
    return "; ".join(f"host {host.host} {_obstacle(job, host)}" for host in hosts)


def _obstacle(job: JobView, host: HostRow) -> str:
    if job.host_group and job.host_group.casefold() != host.group.casefold():
        return f"is in the group {host.group}, and the job asks for {job.host_group}"
    missing = [label for label in job.labels if not offers(host.labels, label, host.largest)]
    too_large = sizes_of(missing)
    if too_large and host.largest is not None:
        return f"offers machines up to {host.largest}, and the job asks for {max(too_large)}"
    if missing:
        return f"has no label {', '.join(missing)}"
    size = asked(job.labels) or host.usual
    if host.free_mib is not None and size is not None and size.memory_mib > host.free_mib:
        return f"has {host.free_mib} MiB free for machines, and the job needs {size.memory_mib}"
    if host.state == "available":
        return "has room: the job waits for its turn (`max-parallel`, or a host that refused it before)"
    return {"busy": "has no free slot", "draining": "is draining", "silent": "does not answer"}[host.state]


def _running_steps(job: JobView) -> list[str]:
    steps = job.last.steps.values() if job.last else ()
    return [
        f"step {step.index + 1} `{step.name}` since {words.clock(step.started)}"
        for step in steps
        if step.state == "running"
    ]


def _red(job: JobView) -> list[str]:
    if job.outcome in ("success", "skip", None):
        return []
    steps = job.last.steps.values() if job.last else ()
    bad = [step for step in steps if step.conclusion not in ("success", "skip", None)]
    told = [
        f"{job.key} is red at step {step.index + 1} `{step.name}`: {step.why or _ending(step.exit_code)}"
        for step in bad
    ]
    return told or [f"{job.key} is {job.outcome}: {job.why or 'no step tells more'}"]


def _ending(exit_code: int | None) -> str:
    return "it was ended" if exit_code is None else f"exit code {exit_code}"


def _slow(job: JobView) -> list[str]:
    """Where the time went: waiting, and the longest step."""
    last = job.last
    if last is None or job.queued is None or not last.steps:
        return []
    longest = max(last.steps.values(), key=lambda step: step.duration_ms)
    waited = words.between(job.queued, last.started)
    return [
        f"{job.key} waited {waited}; its longest step, `{longest.name}`, took {words.duration(longest.duration_ms)}"
    ]
