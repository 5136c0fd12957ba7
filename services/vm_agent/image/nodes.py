"""Node.js for an image, from wheels that are pinned by hash: Debian's is older than what actions ask for.

Each version lies where GitHub's tool cache has it; the first is on the PATH.
"""

from __future__ import annotations

import os
import shutil
import sys
import zipfile
from pathlib import Path

from services.vm_agent.image import program
from services.vm_agent.image.debian import CannotBuild
from services.vm_agent.image.program import Program, ProgramFailed

PINS = Path(__file__).resolve().parents[3] / "infra" / "guest"
TOOLS = "opt/hostedtoolcache/node"
PARTS = ("bin", "include", "lib")
"""What of Node's own prefix goes in: its headers too, for modules that are compiled; its manuals do not."""
SCRIPTS = {
    "npm": "lib/node_modules/npm/bin/npm-cli.js",
    "npx": "lib/node_modules/npm/bin/npx-cli.js",
    "corepack": "lib/node_modules/corepack/dist/corepack.js",
}
"""A wheel has no symbolic links: it has copies of these in `bin`, which do not find what they load."""
DOWNLOAD_SECONDS = 600.0


def add(versions: tuple[str, ...], root: Path, work: Path) -> None:
    """Puts them below `root`. Raises CannotBuild."""
    for version in versions:
        _unpack(_wheel(version, work), root / TOOLS / version / "x64", work)
        (root / TOOLS / version / "x64.complete").touch()
    if versions:
        programs = root / "usr/local/bin"
        programs.mkdir(parents=True)
        for name in ("node", *SCRIPTS):
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
        # With the whole environment: the package index and its certificates are the user's own matter.
        program.run(Program(command, DOWNLOAD_SECONDS, os.environ))
    except ProgramFailed as error:
        raise CannotBuild(f"Node.js {version} cannot be fetched: {error}") from None
    return next(into.glob("*.whl"))


def _unpack(wheel: Path, into: Path, work: Path) -> None:
    """The wheel's folder is Node's own prefix: bin, lib, include, share."""
    tree = work / f"{wheel.name}.unpacked"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tree)
    (prefix,) = [path.parent.parent for path in tree.rglob("bin/node")]
    into.mkdir(parents=True)
    for part in PARTS:
        shutil.copytree(prefix / part, into / part)
    (into / "bin/node").chmod(0o755)
    for name, script in SCRIPTS.items():
        place = into / "bin" / name
        place.unlink(missing_ok=True)
        if (into / script).exists():
            (into / script).chmod(0o755)
            place.symlink_to(f"../{script}")
