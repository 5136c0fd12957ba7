"""Jobs in machines notice nothing of each other, at the same time or one after the other; their steps end when they
must, and their logs are bounded as anywhere else."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest

from libs.contracts.attempt import StepFinished
from tests.chaos.system import System
from tests.chaos.test_loud import AGENT_MEGABYTES, most_resident_megabytes
from tests.e2e.machines.test_push import whole_log
from tests.e2e.machines.test_shortages import RUN_SECONDS

MARK = "f1r3br34k-mark"
SECRET = "not-for-anybody-else-8c1f"
AT_ONCE = f"""
on: push
jobs:
  each:
    runs-on: ubuntu-latest
    strategy:
      matrix: {{part: [1, 2]}}
    env: {{SECRET: {SECRET}}}
    steps:
      - run: |
          own={MARK}-${{{{ matrix.part }}}}
          for folder in /tmp /var/tmp /dev/shm /home/runner /home/runner/work; do echo $own > $folder/$own; done
          echo $own | sudo tee /etc/$own /opt/hostedtoolcache/$own > /dev/null
          (exec -a $own sleep 20) &
          python3 -m http.server --bind 0.0.0.0 8000 > /dev/null 2>&1 &
          sleep 4
          echo "files $(sudo find / /dev/shm /home/runner/work -xdev -name '{MARK}*' | grep -v $own | wc -l)"
          echo "own $(sudo find / /dev/shm /home/runner/work -xdev -name "$own" | wc -l)"
          echo "processes $(ps ax | grep '{MARK}' | grep -v grep | grep -v $own | wc -l)"
          echo "links $(ls /sys/class/net | tr '\\n' ' ')"
          for last in 1 5 6 9 10; do
            timeout 1 bash -c "exec 3<>/dev/tcp/172.16.0.$last/8000" 2>/dev/null && echo "open $last"
          done
          timeout 2 bash -c 'exec 3<>/dev/tcp/198.18.0.1/8000' 2>/dev/null && echo "open host"
          mount | grep -c virtiofs || true
"""
ONE_AFTER_THE_OTHER = f"""
on: push
jobs:
  leaver:
    runs-on: ubuntu-latest
    steps:
      - run: |
          for folder in /tmp /var/tmp /dev/shm /home/runner /home/runner/work /opt/hostedtoolcache; do
            echo x > $folder/{MARK}
          done
          echo 'alias ls=false' >> /home/runner/.bashrc
          sudo mkdir -p /var/spool/cron/crontabs
          echo "* * * * * touch /{MARK}" | sudo tee /var/spool/cron/crontabs/root
          nohup setsid sudo sh -c 'exec -a {MARK} sleep 1000' > /dev/null 2>&1 &
          sudo ip addr add 172.16.0.77/32 dev lo
          sudo date -s 2001-01-01
          echo left
  next:
    needs: leaver
    runs-on: ubuntu-latest
    steps:
      - run: |
          echo "found $(sudo find / /dev/shm /home/runner/work -xdev -name '{MARK}*' | wc -l)"
          echo "processes $(ps ax | grep '{MARK}' | grep -v grep | wc -l)"
          echo "cron $(ls /var/spool/cron/crontabs 2>/dev/null | wc -l)"
          echo "alias $(grep -c alias.ls=false /home/runner/.bashrc 2>/dev/null || true)"
          echo "address $(ip addr | grep -c 172.16.0.77 || true)"
          echo "year $(date +%Y)"
"""
LIMITS = """
on: push
jobs:
  polite:
    runs-on: ubuntu-latest
    steps:
      - id: slow
        timeout-minutes: 0.05
        run: |
          trap 'echo interrupted; exit 3' INT
          sleep 60 & wait
      - if: always()
        run: echo always ${{ steps.slow.outcome }}
  deaf:
    runs-on: ubuntu-latest
    steps:
      - timeout-minutes: 0.05
        run: |
          trap '' INT TERM
          echo deaf
          while true; do sleep 1; done
      - if: always()
        run: echo "still $(ps ax | grep -c '[s]leep 1')"
"""
LOUD = """
on: push
jobs:
  much:
    runs-on: ubuntu-latest
    steps:
      - run: yes "$(printf 'x%.0s' {1..99})" | head -c 20000000; echo the end
      - run: echo still here
  binary:
    runs-on: ubuntu-latest
    steps:
      - run: head -c 2000000 /dev/urandom; printf '\\0\\377\\n'; echo after the bytes
  long:
    runs-on: ubuntu-latest
    steps:
      - run: head -c 5000000 /dev/zero | tr '\\0' y; echo; echo after the line
"""


def values(log: Iterable[str], name: str) -> list[str]:
    """What the lines `name value` say, in order."""
    return [line.removeprefix(f"{name} ").strip() for line in log if line.startswith(f"{name} ")]


async def ran(system: System, text: str, conclusion: str = "success") -> list[str]:
    run_id = await system.start(text)
    view = await system.finished(run_id, RUN_SECONDS)
    assert view.conclusion == conclusion, (view.why, {job.key: job.why for job in view.jobs.values()})
    return await whole_log(system, run_id)


@pytest.mark.machines_long
@pytest.mark.timeout(300)
async def test_jobs_are_apart_end_in_time_and_are_not_too_loud(machines: System, tmp_path: Path) -> None:
    """One system for all of it: its machines are made from one template."""
    await see_nothing_at_once(machines, tmp_path)
    await find_nothing_afterwards(machines)
    await end_at_their_limits(machines)
    await have_bounded_logs(machines)


async def see_nothing_at_once(machines: System, folder: Path) -> None:
    log = await ran(machines, AT_ONCE)
    assert values(log, "own") == ["7", "7"]
    assert values(log, "files") == values(log, "processes") == ["0", "0"]
    assert values(log, "open") == []
    assert all(set(links.split()) <= {"lo", "eth0"} for links in values(log, "links"))
    # Where the job's environment may have got to: not into the machines' places, not into the services' log.
    for path in [folder / "services.log", *(folder / "home" / "agent").rglob("*.json")]:
        assert SECRET not in path.read_text(errors="replace"), path


async def find_nothing_afterwards(machines: System) -> None:
    log = await ran(machines, ONE_AFTER_THE_OTHER)
    for name in ("found", "processes", "cron", "alias", "address"):
        assert values(log, name) == ["0"], name
    (year,) = values(log, "year")
    assert int(year) > 2001


async def end_at_their_limits(machines: System) -> None:
    begun = len(await step_ends(machines))
    log = await ran(machines, LIMITS, "failure")
    assert "interrupted" in " ".join(log)
    assert values(log, "always") == ["failure"]
    assert values(log, "still") == ["0"]
    ends = (await step_ends(machines))[begun:]
    assert sorted(one.conclusion for one in ends) == ["failure", "failure", "success", "success"]
    assert sum("timed out" in one.why or "0.05" in one.why or "limit" in one.why for one in ends) == 2, ends


async def have_bounded_logs(machines: System) -> None:
    log = await ran(machines, LOUD)
    text = "\n".join(log)
    assert "the end" in text or "cut" in text
    assert "after the bytes" in text
    assert "after the line" in text
    assert most_resident_megabytes(machines.machine.supervisor.pids()["vm_agent"]) < AGENT_MEGABYTES


async def step_ends(system: System) -> list[StepFinished]:
    return [e for events in (await system.events()).values() for e in events if isinstance(e, StepFinished)]
