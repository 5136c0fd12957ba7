"""The arguments of the engine, `docker` or `podman`, whose command lines are alike. Pure: values in, words out.

Architecture invariant: no value of a variable is in them, only names: whoever can list processes sees arguments.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from services.vm_agent.job.containers.paths import WORKSPACE, Inside, Mount
from services.vm_agent.job.containers.wanted import Wanted

_ENGINES_OWN = re.compile(
    r"PATH|HOME|TMPDIR|USER|LOGNAME|SHELL|TERM|SSH_AUTH_SOCK|NOTIFY_SOCKET|GNUPGHOME|"
    r"(?:XDG|LD|GO|SSL|DBUS|LISTEN|_?CONTAINERS?|DOCKER|BUILDAH|BUILDKIT|PODMAN|STORAGE|REGISTRY|REGISTRIES|NETAVARK|CNI|"
    r"CONMON|CRUN|OTEL|LIBPOD|FIREBREAK)(?:_.*)?|GO[A-Z0-9]+|.*_proxy",
    re.IGNORECASE,
)
"""Variables that would change what the engine itself does: it must not see the job's."""
FILE_LINE_BYTES = 32 * 1024
"""Of a line in a file of variables: engines read no longer ones than 64 KiB."""


@dataclass(frozen=True, slots=True)
class Variables:
    """How a container gets its variables: `names` are taken from the engine's own environment `given`, `lines` from a
    file. Neither shows a value in a list of processes."""

    given: dict[str, str] = field(default_factory=dict[str, str])
    lines: tuple[str, ...] = ()

    @property
    def names(self) -> list[str]:
        return [word for name in self.given for word in ("-e", name)]

    @property
    def file(self) -> bytes:
        return "".join(f"{line}\n" for line in self.lines).encode("utf-8", "surrogateescape")


def variables(env: Mapping[str, str]) -> Variables:
    """Names that no engine can pass on (empty, or with `=` or a wildcard) are left out."""
    given: dict[str, str] = {}
    lines: list[str] = []
    for name, value in env.items():
        if not name or "\0" in value or re.search(r"[=*\s\0]|\A#", name):
            continue
        line = f"{name}={value}"
        one_line = "\n" not in value and "\r" not in value and len(line.encode("utf-8", "replace")) <= FILE_LINE_BYTES
        if _ENGINES_OWN.fullmatch(name) and one_line:
            lines.append(line)
        else:
            given[name] = value
    return Variables(given, tuple(lines))


@dataclass(frozen=True, slots=True)
class Place:
    """What containers of one job have in common: its network and the label that they are found by."""

    network: str
    label: str
    variables_file: str = ""
    """Where `Variables.file` lies; "" where there are none."""

    @property
    def file(self) -> list[str]:
        return ["--env-file", self.variables_file] if self.variables_file else []


@dataclass(frozen=True, slots=True)
class Making:
    """What a container is made of, beside what it is wanted for."""

    name: str
    image: str
    given: Variables
    place: Place

    @property
    def words(self) -> list[str]:
        return ["--name", self.name, "--label", self.place.label, *self.given.names, *self.place.file]


def create_service(wanted: Wanted, making: Making) -> list[str]:
    """Docker takes one word as an entrypoint: those behind it become the first of the command."""
    return [
        *("create", *making.words, "--network", making.place.network, "--network-alias", wanted.service),
        *_asked(wanted),
        *_volumes(wanted.volumes),
        *(word for first in wanted.entrypoint[:1] for word in ("--entrypoint", first)),
        making.image,
        *wanted.entrypoint[1:],
        *wanted.command,
    ]


def create_job(wanted: Wanted, making: Making, inside: Inside, folder: str) -> list[str]:
    """It does nothing but stay: the job's steps are run in it."""
    return [
        *("create", *making.words, "--network", making.place.network, "--workdir", folder),
        *_asked(wanted),
        *_mounts(inside.mounts),
        *_volumes(wanted.volumes),
        *("--entrypoint", "tail", making.image, "-f", "/dev/null"),
    ]


def run_step(container: str, argv: Sequence[str], given: Variables, file: str, folder: str) -> list[str]:
    """A step's process in the job's container."""
    return ["exec", "--workdir", folder, *given.names, *_file(file), container, *argv]


@dataclass(frozen=True, slots=True)
class ActionContainer:
    """A step `docker://image`, or an action that is a container. `entrypoint` "" is the image's own."""

    env: Mapping[str, str]
    args: tuple[str, ...] = ()
    entrypoint: str = ""


def run_action(action: ActionContainer, making: Making, inside: Inside) -> list[str]:
    network = ["--network", making.place.network] if making.place.network else []
    return [
        *("run", *making.words, "--rm", *network, "--workdir", WORKSPACE),
        *_mounts(inside.mounts),
        *(["--entrypoint", action.entrypoint] if action.entrypoint else []),
        making.image,
        *action.args,
    ]


def _asked(wanted: Wanted) -> list[str]:
    return [*(word for port in wanted.ports for word in ("--publish", port)), *wanted.options]


def _volumes(volumes: Iterable[str]) -> list[str]:
    return [word for volume in volumes for word in ("--volume", volume)]


def _mounts(mounts: Iterable[Mount]) -> list[str]:
    return _volumes(f"{one.source}:{one.target}{':ro' if one.read_only else ''}" for one in mounts)


def _file(path: str) -> list[str]:
    return ["--env-file", path] if path else []
