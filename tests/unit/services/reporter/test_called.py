"""One status for each job of a called workflow, as on GitHub: the job that calls has one only where it says more."""

from __future__ import annotations

from libs.bus.port import Stored
from libs.contracts.envelope import encode
from services.reporter.run_view import fold
from services.reporter.wanted import wanted_statuses
from tests.unit.libs.views.test_called import commits, story
from tests.unit.services.scheduler.story import NOON, Story, job
from tests.unit.services.scheduler.test_calls import call, called, calling


def statuses(telling: Story) -> dict[str, str]:
    stored = [Stored(seq, each.subject, encode(each), NOON, {}) for seq, each in enumerate(commits(telling), 1)]
    view = fold(stored, [])
    assert view is not None
    return {status.context: status.state for status in wanted_statuses(view, "http://ci")}


def test_called_jobs_are_reported_and_their_caller_is_not():
    telling = story()
    telling.does("lib~a")
    telling.does("lib~b", "failure")
    assert statuses(telling) == {
        "firebreak / CI / Library / First": "success",
        "firebreak / CI / Library / b": "failure",
        "firebreak / CI / after": "success",  # skipped, as GitHub counts it
    }


def test_a_call_that_goes_wrong_by_itself_is_reported():
    telling = calling(called(job("a"), outputs={"x": "${{ fromJSON('{') }}"}), call("lib"))
    telling.does("lib~a")
    assert statuses(telling) == {"firebreak / CI / lib / a": "success", "firebreak / CI / lib": "failure"}


def test_a_call_that_is_skipped_or_cannot_be_made_is_reported():
    telling = calling(called(job("a")), call("lib", if_="false"), call("bad", with_={"x": 1}))
    assert statuses(telling) == {"firebreak / CI / lib": "success", "firebreak / CI / bad": "failure"}
