"""Images for tests: with the files and the manifest of real ones, and a few bytes in each."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import msgspec

from services.vm_agent.image.store import FILES, ROOT, File, Image, Manifest, Store, digest, id_of

BUILT = "2026-01-02T03:04:05+00:00"


def made(
    store: Store, name: str = "minimal", *, root: bytes = b"root", share: Image | None = None, **fields: str
) -> Image:
    """Published in the store; `fields` are of the manifest. Its files but the root are those of `share`, as a refreshed
    image's are."""
    store.folder.mkdir(parents=True, exist_ok=True)
    building = Path(tempfile.mkdtemp(prefix=".building-", dir=store.folder))
    for file in FILES:
        if share is not None and file != ROOT:
            os.link(f"{share.folder}/{file}", building / file)
        else:
            (building / file).write_bytes(root if file == ROOT else f"the {file}".encode())
    files = {file: File(digest(str(building / file)), (building / file).stat().st_size) for file in FILES}
    manifest = Manifest(
        id=id_of(files),
        name=name,
        suite="bookworm",
        architecture="x86_64",
        kernel="6.1.0-1-cloud-amd64",
        recipe="0123456789abcdef",
        guest="fedcba9876543210",
        built=BUILT,
        files=files,
        packages={"bash": "5.2"},
    )
    return store.publish(building, msgspec.structs.replace(manifest, **fields))


def spoil(image: Image, name: str, content: bytes) -> None:
    place = Path(image.folder, name)
    place.chmod(0o644)
    place.write_bytes(content)
