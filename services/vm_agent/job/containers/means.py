"""What a host gives to the containers of its jobs, and how patient it is with registries and services."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from services.vm_agent.job.containers.offered import OfferedImages


@dataclass(frozen=True, slots=True)
class Means:
    """`named` are the host's variables that its operator gives to jobs: `DOCKER_HOST` may be among them."""

    named: Mapping[str, str] = field(default_factory=dict[str, str])
    images: OfferedImages = field(default_factory=lambda: OfferedImages(None))
    back_off_seconds: tuple[float, ...] = (2.0, 6.0)
    """Before the second and the third try of a pull, as many as GitHub's runner makes."""
    first_wait_seconds: float = 1.0
    """Before a service's health is looked at once more; doubled each time."""
