"""Names of images: whole, and as they are compared. Pure.

Docker takes a name without a registry from Docker Hub; podman asks which is meant. So names are made whole before any
engine sees them.
"""

from __future__ import annotations

import re

from services.vm_agent.job.containers.refused import BadContainer

HUB, HUB_OFFICIAL = "docker.io", "library"
HUB_KEY = "https://index.docker.io/v1/"
"""What Docker calls Docker Hub in its file of credentials."""
SCHEME = "docker://"
NAME_CHARACTERS = 512
"""More than any registry takes."""
_REFERENCE = re.compile(
    r"(?P<name>[A-Za-z0-9](?:[A-Za-z0-9._:/-]*[A-Za-z0-9])?)(?:@(?P<digest>[A-Za-z0-9+._-]+:[0-9a-fA-F]{32,}))?"
)
_LOCAL = "localhost/"
"""What podman puts before a name without a registry that it finds in an archive, or has built."""


def image_name(written: str) -> str:
    """The name without the scheme `docker://`; "" where there is none. Raises BadContainer."""
    name = written.strip()
    if name.lower().startswith(SCHEME):
        name = name[len(SCHEME) :]
    if name and (len(name) > NAME_CHARACTERS or not _REFERENCE.fullmatch(name)):
        raise BadContainer(f"'{name[:NAME_CHARACTERS]}' is no name of an image: [registry/]name[:tag][@digest]")
    return name


def registry_of(name: str) -> str:
    """The registry's host and port."""
    first, slash, _ = name.partition("/")
    is_host = bool(slash) and ("." in first or ":" in first or first == "localhost")
    return first if is_host and first != "index.docker.io" else HUB


def whole(name: str) -> str:
    """With its registry, and with `:latest` where neither tag nor digest is said."""
    registry = registry_of(name)
    path = name if registry == HUB and not name.startswith((f"{HUB}/", "index.docker.io/")) else name.partition("/")[2]
    if registry == HUB and "/" not in path:
        path = f"{HUB_OFFICIAL}/{path}"
    tagged = ":" in path.rpartition("/")[2].partition("@")[0] or "@" in path
    return f"{registry}/{path}" if tagged else f"{registry}/{path}:latest"


def same_image(one: str, other: str) -> bool:
    """Whether two names, of which either may be as podman or an archive has it, mean one image."""
    return whole(one.removeprefix(_LOCAL)) == whole(other.removeprefix(_LOCAL))
