"""A step that prints without end, bytes that are no text, a line of ten megabytes: the run ends, the log is bounded,
and the agent's memory too."""

from __future__ import annotations

from pathlib import Path

from libs.blobs.store import open_blobs
from libs.contracts.blobs import BlobRef
from libs.contracts.ids import JobKey
from libs.views.log_lines import stored_chunks
from services.vm_agent.log.job_log import LOG_CHARACTERS, LOG_LINES, TRUNCATED
from tests.chaos.system import System

AGENT_MEGABYTES = 100
"""The agent's most resident memory: some 50 MB were seen; what keeps even one of these logs in memory is over it."""
OWN_LINES = 1000
"""What Firebreak itself says in a log, beside what the job prints."""
FINISH_SECONDS = 60.0
WORKFLOW = """
on: push
jobs:
  much:
    runs-on: self-hosted
    steps:
      - run: yes "$(printf 'x%.0s' {1..99})" | head -c 100000000; echo the end
      - run: echo still here
  binary:
    runs-on: self-hosted
    steps:
      - run: head -c 5000000 /dev/urandom; printf '\\\\0\\\\377\\\\n'
  long:
    runs-on: self-hosted
    steps:
      - run: head -c 10000000 /dev/zero | tr '\\\\0' y; echo; echo after the line
"""


async def test_the_run_ends_with_bounded_logs(system: System) -> None:
    view = await system.finished(await system.start(WORKFLOW), FINISH_SECONDS)
    assert view.conclusion == "success", [job.why for job in view.jobs.values()]
    agent = system.machine.supervisor.pids()["vm_agent"]
    assert most_resident_megabytes(agent) < AGENT_MEGABYTES
    much = await stored_log(system, view.jobs[JobKey("much")].attempts[0].log)
    assert sum(map(len, much)) <= LOG_CHARACTERS + OWN_LINES * 100
    assert len(much) <= LOG_LINES + OWN_LINES
    assert TRUNCATED in much
    long = await stored_log(system, view.jobs[JobKey("long")].attempts[0].log)
    assert any("[cut: " in line for line in long)
    assert "after the line" in long


async def stored_log(system: System, ref: BlobRef | None) -> list[str]:
    assert ref is not None
    blobs = open_blobs(system.machine.settings.blobs_url)
    return [line async for chunk in stored_chunks(blobs, ref) for line in chunk.lines]


def most_resident_megabytes(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    (peak,) = [line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:")]
    return int(peak) / 1024
