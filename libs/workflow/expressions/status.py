"""What the status functions answer, as a value: the caller knows the state of the job, an expression does not."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Literal

import msgspec

StatusFunction = Literal["always", "cancelled", "success", "failure"]

_no_results: Mapping[str, str] = MappingProxyType({})


class Status(msgspec.Struct, frozen=True):
    """`results` are the results of jobs by name, for `success('build')` in a job's `if`."""

    success: bool = True
    failure: bool = False
    cancelled: bool = False
    results: Mapping[str, str] = _no_results

    def answer(self, function: StatusFunction, jobs: Sequence[str] = ()) -> bool:
        match function:
            case "always":
                return True
            case "cancelled":
                return self.cancelled
            case "success":
                return all(self.result_of(job) == "success" for job in jobs) if jobs else self.success
            case "failure":
                return any(self.result_of(job) == "failure" for job in jobs) if jobs else self.failure

    def result_of(self, job: str) -> str:
        lower = job.lower()
        return next((result for name, result in self.results.items() if name.lower() == lower), "")


def status_of_job(status: str) -> Status:
    """From `job.status`: `success`, `failure` or `cancelled`."""
    return Status(success=status == "success", failure=status == "failure", cancelled=status == "cancelled")
