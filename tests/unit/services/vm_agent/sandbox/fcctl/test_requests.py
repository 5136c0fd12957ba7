"""The exact requests of the management API, and what counts as an answer."""

from __future__ import annotations

import pytest

from services.vm_agent.sandbox.fcctl import requests
from services.vm_agent.sandbox.fcctl.requests import BadAnswer, Executed, Kept, Machines, Usage


def test_the_requests_are_those_of_the_reference() -> None:
    made = [
        requests.health(),
        requests.listing(),
        requests.allocate("focal-ci", "firebreak-a"),
        requests.look("vm-1"),
        requests.execute("vm-1", "exec true", 300),
        requests.keep("vm-1", "one", "before the test"),
        requests.roll_back("vm-1", "snap-1"),
        requests.release("vm-1"),
    ]
    assert [(request.method, request.path, request.body) for request in made] == [
        ("GET", "/health", None),
        ("GET", "/api/vms", None),
        ("POST", "/api/vms", {"vm_type": "focal-ci", "name": "firebreak-a"}),
        ("GET", "/api/vms/vm-1", None),
        (
            "POST",
            "/api/llm/execute",
            {
                "agent_id": "firebreak",
                "language": "bash",
                "code": "cd / && exec true",
                "vm_id": "vm-1",
                "timeout_seconds": 300,
                "timeout_ms": 300_000,
                "working_dir": "/",
            },
        ),
        ("POST", "/api/vms/vm-1/snapshots", {"name": "one", "description": "before the test"}),
        ("POST", "/api/vms/vm-1/rollback/snap-1", None),
        ("DELETE", "/api/vms/vm-1", None),
    ]


@pytest.mark.parametrize("seconds", [1, 30, 300, 21_600])
def test_the_client_waits_longer_than_the_command_may_take(seconds: int) -> None:
    assert requests.execute("vm-1", "true", seconds).seconds > seconds


def test_an_id_stays_in_its_place_in_the_path() -> None:
    assert requests.look("../llm?x").path == "/api/vms/..%2Fllm%3Fx"


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b'{"exit_code": null}', b'{"exit_code": "0"}', b"\xff"])
def test_an_answer_without_an_exit_code_is_an_error_and_never_0(body: bytes) -> None:
    with pytest.raises(BadAnswer, match="execute"):
        requests.read(body, Executed, requests.execute("vm-1", "true", 1))


def test_a_snapshots_id_is_never_invented() -> None:
    with pytest.raises(BadAnswer):
        requests.read(b'{"success": true}', Kept, requests.keep("vm-1", "a", "b"))


def test_a_field_that_is_new_is_passed_over() -> None:
    body = b'{"vms": [], "total": 0, "tiers": [], "user": "u", "usage": {"max_vms": 4, "new": 1}}'
    assert requests.read(body, Machines, requests.listing()).usage == Usage(max_vms=4)


@pytest.mark.parametrize("usage", [Usage(at_capacity=True), Usage(current_vms=4, max_vms=4), Usage(False, 5, 4)])
def test_no_room_is_said_before_a_machine_is_asked_for(usage: Usage) -> None:
    assert "no room" in (requests.refusal(usage) or "")


@pytest.mark.parametrize("usage", [Usage(), Usage(current_vms=3, max_vms=4), Usage(max_vms=4)])
def test_room_is_room(usage: Usage) -> None:
    assert requests.refusal(usage) is None


@pytest.mark.parametrize("identifier", ["", "../x", "a/b", "a b", "a\n", "x" * 200])
def test_an_id_that_is_none_is_refused(identifier: str) -> None:
    with pytest.raises(BadAnswer, match="the machine"):
        requests.named(identifier, "the machine")
