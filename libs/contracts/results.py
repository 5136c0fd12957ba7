"""The words for how a thing ended: OpenTelemetry's CI/CD results, and GitHub's words for the same.

`failure` is the user's code, `error` is ours: an `error` is tried again in a fresh sandbox, a `failure` is not.
"""

from __future__ import annotations

from typing import Literal

Result = Literal["success", "failure", "error", "timeout", "cancellation", "skip"]
GithubResult = Literal["success", "failure", "cancelled", "skipped"]

GITHUB: dict[Result, GithubResult] = {
    "success": "success",
    "failure": "failure",
    "error": "failure",
    "timeout": "cancelled",  # GitHub cancels a job at its time limit; a step at its limit is recorded as a failure
    "cancellation": "cancelled",
    "skip": "skipped",
}
"""What a workflow's expressions see (`needs.*.result`, `steps.*.outcome`, `job.status`)."""

SEVERITY: tuple[Result, ...] = ("skip", "success", "cancellation", "timeout", "failure", "error")
"""From harmless to worst: a run ends as its worst job does."""


def worst(results: list[Result]) -> Result:
    """The result that decides; `skip` where there is none."""
    order = {result: place for place, result in enumerate(SEVERITY)}
    place = max((order[result] for result in results), default=0)
    return SEVERITY[place]
