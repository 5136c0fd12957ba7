"""What a driver may use on this machine: its folder, the images, the programs, the networks. Values only.

Made of the settings by whoever chooses a driver; a driver reads no environment.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from libs.settings import Settings


@dataclass(frozen=True, slots=True)
class Premises:
    """`folder` is of one agent alone: sandboxes in `sandboxes`, templates in `templates`."""

    folder: Path
    images: Path
    image: str = ""
    """Its name or id; "" is `standard` where it is built, else `minimal`."""
    allow_networks: tuple[str, ...] = ()
    qemu: str = "qemu-system-x86_64"
    firecracker: str = "firecracker"
    jailer: str = "jailer"
    fcctl_url: str = ""
    fcctl_token: str = field(default="", repr=False)

    @property
    def sandboxes(self) -> Path:
        return self.folder / "sandboxes"

    @property
    def templates(self) -> Path:
        return self.folder / "templates"


def premises_of(settings: Settings, folder: Path) -> Premises:
    return Premises(
        folder=folder,
        images=settings.images,
        image=settings.image,
        allow_networks=settings.allow_networks,
        qemu=settings.qemu,
        firecracker=settings.firecracker,
        jailer=settings.jailer,
        fcctl_url=settings.fcctl_url,
        fcctl_token=settings.fcctl_token,
    )
