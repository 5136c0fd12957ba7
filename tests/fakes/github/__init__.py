"""GitHub's API as a real little server: authentication, validation, pagination, rate limits, and faults on demand."""

from tests.fakes.github.server import Asked, FakeGitHub, Fault

__all__ = ["Asked", "FakeGitHub", "Fault"]
