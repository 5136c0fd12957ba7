"""Who belongs to whom, from tables of the kernel."""

from __future__ import annotations

import os

from services.vm_agent.sandbox import processes
from services.vm_agent.sandbox.footprint import Footprint
from services.vm_agent.sandbox.processes import Process


def line(name: str) -> bytes:
    return f"7 ({name}) S 3 7 7 0 -1 4194304 1 2 3 4 5 6 7 8 20 0 1 0 12345 99 1\n".encode()


def test_a_name_may_look_like_the_rest_of_the_line() -> None:
    for name in ("sleep", "a b", ") R 1 (", "(((", ") Z 99 99"):
        assert processes.parse_stat(7, line(name)) == Process(7, 3, "S", 12345)


def test_descent_goes_all_the_way_down_and_nowhere_else() -> None:
    tree = {pid: Process(pid, parent, "S", 1) for pid, parent in {2: 1, 3: 2, 4: 3, 5: 1, 6: 5}.items()}
    assert processes.descendants(tree, [2]) == {2, 3, 4}
    assert processes.descendants(tree, [4, 5]) == {4, 5, 6}
    assert processes.descendants(tree, [99]) == set()


def test_a_pid_that_changed_hands_is_another_process() -> None:
    started = processes.started(os.getpid())
    assert processes.alive(os.getpid(), started)
    assert not processes.alive(os.getpid(), started + 1)
    stranger = Footprint(id="s", folder="", init=os.getpid(), init_started=started + 1)
    assert processes.members(stranger) == []


def test_the_agent_is_never_a_member_of_its_own_sandbox() -> None:
    folder = os.getcwd()
    assert os.getpid() not in [member.pid for member in processes.members(Footprint(id="s", folder=folder))]
