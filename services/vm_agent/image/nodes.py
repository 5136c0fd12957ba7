"""Node.js for an image, from wheels that are pinned by hash: Debian's is older than what actions ask for.

Each version lies where GitHub's tool cache has it; the first is on the PATH.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

from services.vm_agent.image.debian import CannotBuild

PINS = Path(__file__).resolve().parents[3] / "infra" / "guest"
TOOLS = "opt/hostedtoolcache/node"
PROGRAMS = ("node", "npm", "npx", "corepack")
DOWNLOAD_SECONDS = 600.0


def add(versions: tuple[str, ...], root: Path, work: Path) -> None:
    """Puts them below `root`. Raises CannotBuild."""
    for version in versions:
        _unpack(_wheel(version, work), root / TOOLS / version / "x64", work)
        (root / TOOLS / version / "x64.complete").touch()
    if versions:
        programs = root / "usr/local/bin"
        programs.mkdir(parents=True)
        for name in PROGRAMS:
            if (root / TOOLS / versions[0] / "x64/bin" / name).exists():
                (programs / name).symlink_to(f"/{TOOLS}/{versions[0]}/x64/bin/{name}")


def _wheel(version: str, work: Path) -> Path:
    """Downloaded, its hash checked by pip."""
    pins = PINS / f"node-{version.partition('.')[0]}-requirements.txt"
    into = work / f"node-{version}"
    command = [
        *(sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"),
        *("--only-binary", ":all:", "--require-hashes"),
        *("--platform", "manylinux2014_x86_64", "--platform", "manylinux_2_28_x86_64"),
        *("--dest", str(into), "--requirement", str(pins)),
    ]
    try:
        subprocess.run(command, check=True, capture_output=True, timeout=DOWNLOAD_SECONDS)
    except subprocess.CalledProcessError as error:
        raise CannotBuild(
            f"Node.js {version} cannot be fetched: {error.stderr.decode(errors='replace')[-1000:]}"
        ) from None
    except subprocess.TimeoutExpired:
        raise CannotBuild(f"Node.js {version} was not fetched within {DOWNLOAD_SECONDS:g} s") from None
    return next(into.glob("*.whl"))


def _unpack(wheel: Path, into: Path, work: Path) -> None:
    """The wheel's folder is Node's own prefix: bin, lib, include, share."""
    tree = work / f"{wheel.name}.unpacked"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tree)
    (prefix,) = [path.parent.parent for path in tree.rglob("bin/node")]
    shutil.copytree(prefix, into, symlinks=True, ignore=shutil.ignore_patterns("*.py", "*.pyc", "include", "share"))
    for program in (into / "bin").iterdir():
        if not program.is_symlink():
            program.chmod(0o555)
