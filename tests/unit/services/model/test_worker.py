"""What the worker process is given, and who may load what it loads."""

from __future__ import annotations

import re
import site
import subprocess
import sys
from pathlib import Path

import services.model
from services.model.llm.environment import worker_environment

ROOT = Path(services.model.__file__).parents[2]


def test_its_environment_holds_no_secret_and_no_address() -> None:
    given = {
        "PATH": "/bin",
        "OPENROUTER_API_KEY": "k",
        "GITHUB_TOKEN": "t",
        "OLLAMA_BASE_URL": "http://x",
        "NATS_URL": "nats://x",
        "PYTHONPATH": "/evil",
        "OLLAMA_API_BASE": "http://evil",
        "HTTPS_PROXY": "http://evil",
        "LITELLM_LOG": "DEBUG",
    }
    environment = worker_environment(given, "/empty")
    assert set(environment) == {
        "PATH",
        "HOME",
        "TMPDIR",
        "LITELLM_LOCAL_MODEL_COST_MAP",
        "LITELLM_MODE",
        "LITELLM_TELEMETRY",
        "LITELLM_LOG",
        "HF_HUB_OFFLINE",
        "TRANSFORMERS_OFFLINE",
        "DO_NOT_TRACK",
        "REQUEST_TIMEOUT",
    }
    assert environment["HOME"] == "/empty"
    assert environment["LITELLM_LOG"] == "CRITICAL"


def test_only_the_worker_names_litellm() -> None:
    named = re.compile(r"^\s*(?:import|from)\s+(?:litellm|openai)\b", re.MULTILINE)
    folders = (ROOT / "libs", ROOT / "services")
    found = [path for folder in folders for path in folder.rglob("*.py") if named.search(path.read_text())]
    assert [path.relative_to(ROOT) for path in found] == [Path("services/model/llm/worker.py")]


def test_nothing_that_decides_can_reach_the_models_service() -> None:
    """Not by name anywhere: neither the parser, nor the scheduler, nor an agent, nor what they share."""
    deciding = [ROOT / "libs", *(ROOT / "services" / name for name in ("parser", "scheduler", "vm_agent", "ingress"))]
    named = re.compile(
        r"services\.model\b|ev\.model|ALL_MODEL\b|subjects\.model\(|contracts\.model\b|contracts import .*\bmodel\b"
    )
    shared = {"libs/contracts/subjects.py", "libs/contracts/registry.py", "libs/contracts/model.py"}
    found = {
        str(path.relative_to(ROOT))
        for folder in deciding
        for path in folder.rglob("*.py")
        if named.search(path.read_text())
    }
    words = {path for path in found if path.startswith("libs/views/")} | {"libs/insights.py"}
    trial = {"services/parser/trials.py"}  # only at a command for a run of its own, which counts for nothing
    assert found - shared - words - trial == set()


def test_the_service_starts_without_what_only_its_worker_needs() -> None:
    code = (
        "import sys, services.model.__main__; print(*(n for n in ('litellm', 'openai', 'httpx') if n in sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True, cwd=ROOT
    )
    assert done.stdout.strip() == ""


def test_no_file_of_the_environment_runs_code_at_every_start_of_python() -> None:
    """A `.pth` line that begins with `import` is executed by each Python that starts here: a release of litellm once
    carried a thief in one. Lines that are paths add a folder and run nothing."""
    folders = [Path(folder) for folder in site.getsitepackages()]
    running = [
        f"{path.name}: {line[:80]}"
        for folder in folders
        for path in folder.glob("*.pth")
        for line in path.read_text(errors="replace").splitlines()
        if line.startswith(("import ", "import\t"))
    ]
    assert running == []
