"""The variables of a step's processes."""

from __future__ import annotations

from libs.workflow.expressions import Value
from services.vm_agent.job.environment import step_environment
from services.vm_agent.sandbox.protocol import DEFAULT_PATH

GITHUB: dict[str, Value] = {
    "sha": "abc",
    "run_id": 42,
    "ref_protected": False,
    "token": "t",
    "event": {"x": 1},
    "x": "y",
}


def made(**changes: object) -> dict[str, str]:
    given: dict[str, object] = {
        "base": {},
        "env": {},
        "paths": (),
        "github": GITHUB,
        "runner": {"os": "Linux", "debug": None},
        "home": "/home/job",
    }
    return step_environment(**{**given, **changes})  # type: ignore[arg-type]


def test_what_github_sets() -> None:
    assert made() == {
        "HOME": "/home/job",
        "LANG": "C.UTF-8",
        "CI": "true",
        "GITHUB_ACTIONS": "true",
        "GITHUB_SHA": "abc",
        "GITHUB_RUN_ID": "42",
        "GITHUB_REF_PROTECTED": "false",
        "RUNNER_OS": "Linux",
        "PATH": DEFAULT_PATH,
    }


def test_the_job_may_set_ci_and_home_and_not_what_is_githubs() -> None:
    variables = made(env={"CI": "no", "HOME": "/h", "GITHUB_SHA": "x", "RUNNER_OS": "x", "GITHUB_OTHER": "mine"})
    assert (variables["CI"], variables["HOME"], variables["GITHUB_OTHER"]) == ("no", "/h", "mine")
    assert (variables["GITHUB_SHA"], variables["RUNNER_OS"]) == ("abc", "Linux")


def test_the_jobs_variables_come_before_the_hosts() -> None:
    assert made(base={"A": "host", "B": "host"}, env={"A": "job"})["A"] == "job"
    assert made(base={"A": "host", "B": "host"}, env={"A": "job"})["B"] == "host"


def test_added_paths_come_first_the_newest_before_all() -> None:
    assert made(paths=("/one", "/two"))["PATH"] == f"/two:/one:{DEFAULT_PATH}"
    assert made(paths=("/one",), env={"PATH": "/mine"})["PATH"] == "/one:/mine"
