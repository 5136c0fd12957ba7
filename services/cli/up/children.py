"""Which processes make up the system, and what each may know: a secret goes where it is needed, no further."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass

COMMON = frozenset(
    {"PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "USER", "SSL_CERT_FILE", "NATS_URL", "XDG_STATE_HOME"}
)
"""What any of our processes may read from the environment of `up`, besides `FIREBREAK_*` and `OTEL_*`."""

TOKEN = ("GITHUB_TOKEN", "GITHUB_TOKEN_FILE")

SECRETS_KEY = ("FIREBREAK_SECRETS_KEY", "FIREBREAK_SECRETS_KEY_FILE")
"""What opens the stored secrets: the scheduler's alone."""

ANALYTICS_TOKEN = ("FIREBREAK_ANALYTICS_TOKEN", "FIREBREAK_ANALYTICS_TOKEN_FILE")

USE_MODEL = "USE_LLM_PARSER"
MODEL = (
    USE_MODEL,
    "OLLAMA_BASE_URL",
    "OLLAMA_MODEL",
    "OPENROUTER_API_BASE",
    "OPENROUTER_API_KEY",
    "OPENROUTER_API_KEY_FILE",
    "OPENROUTER_MODEL",
)
"""What the model's service is told, and nobody else: it has one secret, and no other."""

OURS_BUT_SECRET = frozenset({*SECRETS_KEY, *ANALYTICS_TOKEN})
"""Named as settings are that every service is told; these are for one alone."""

EXTRA: dict[str, frozenset[str]] = {
    "ingress": frozenset({"GITHUB_WEBHOOK_SECRET", "GITHUB_WEBHOOK_SECRET_FILE", "PORT", "HOST"}),
    "parser": frozenset({*TOKEN, "REPOSITORY_PATH", "SSH_AUTH_SOCK"}),
    "scheduler": frozenset(SECRETS_KEY),
    "vm_agent": frozenset({*TOKEN, "REPOSITORY_PATH", "SSH_AUTH_SOCK", "MAX_CONCURRENT_WORKFLOWS"}),
    "reporter": frozenset({*TOKEN, "GITHUB_API_URL", "HOST"}),
    "learner": frozenset(),
    "model": frozenset(MODEL),
    "analytics": frozenset({*ANALYTICS_TOKEN, "HOST"}),
    "console": frozenset({"HOST"}),
}
"""Service -> what else it is told; the model's is there where it is wanted. They start in this order and end in the
reverse one."""


ON = frozenset({"true", "1", "yes"})
"""As `libs.settings` reads a switch, which has refused every other word by now."""

JOB_ENVIRONMENT = "FIREBREAK_JOB_ENV"
"""Names the variables of this machine that jobs are given."""


@dataclass(frozen=True, slots=True)
class Child:
    """One service's process: how to start it, and with which environment."""

    name: str
    argv: tuple[str, ...]
    environment: Mapping[str, str]


def children(environment: Mapping[str, str]) -> list[Child]:
    """Every service that is wanted, each with its part of `environment`; the agent also with what its jobs are to be
    given."""
    named = frozenset(name.strip() for name in environment.get(JOB_ENVIRONMENT, "").split(","))
    for_jobs = {"vm_agent": named}
    return [
        Child(
            name,
            (sys.executable, "-m", f"services.{name}"),
            _part(environment, extra | for_jobs.get(name, frozenset[str]())),
        )
        for name, extra in EXTRA.items()
        if name != "model" or environment.get(USE_MODEL, "").lower() in ON
    ]


def _part(environment: Mapping[str, str], extra: frozenset[str]) -> dict[str, str]:
    passed = ("FIREBREAK_", "OTEL_")
    return {
        name: value
        for name, value in environment.items()
        if name in COMMON or name in extra or (name.startswith(passed) and name not in OURS_BUT_SECRET)
    }
