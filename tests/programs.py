"""Programs that the tests use and that `make` fetches."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[1] / ".firecracker"
HASHES = {
    "firecracker": "b99ea49b8d8b7bfa307d3845585d6a97f7642aa17a985749900370070d8ca930",
    "jailer": "86622337f91df329cca72bb21cd1324fb8b6fa47931601d65ee4b2c72ef2cae5",
}


def firecracker(name: str) -> str:
    """The path of a real program, compared with what is known of it; without it the test says that it did not run."""
    path = FOLDER / name
    if not path.exists():
        pytest.skip(f"{path} is missing: `make .firecracker/firecracker` fetches it")
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    assert found == HASHES[name], f"{path} is another program: {found}"
    return str(path)
