"""Real jobs, as the tests of the step runner run them."""

from tests.e2e.vm_agent.conftest import bench, run_job, sandbox

__all__ = ["bench", "run_job", "sandbox"]
