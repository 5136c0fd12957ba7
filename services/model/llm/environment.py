"""The environment of the worker process: what Python and TLS need, and what keeps litellm quiet. No key, no address."""

from __future__ import annotations

from collections.abc import Mapping

KEPT = ("PATH", "LANG", "LC_ALL", "TZ", "SSL_CERT_FILE")
QUIET = {
    # Without it the import fetches a table of prices.
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    # Without it the import reads a `.env` of whatever folder it finds.
    "LITELLM_MODE": "PRODUCTION",
    "LITELLM_TELEMETRY": "False",
    "LITELLM_LOG": "CRITICAL",
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "DO_NOT_TRACK": "1",
    "REQUEST_TIMEOUT": "3",
}


def worker_environment(environment: Mapping[str, str], home: str) -> dict[str, str]:
    """`home` is an empty folder."""
    kept = {name: environment[name] for name in KEPT if name in environment}
    return {**kept, **QUIET, "HOME": home, "TMPDIR": home}
