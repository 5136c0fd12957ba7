"""What the step runner knows of the place where a job runs: one Protocol, whatever the isolation.

The runner touches workspace, runner files and programs only through this and through guest paths (`str`, absolute,
as the job sees them). It must never assume that such a path exists on the host: in a VM, and in the tests' ghost twin,
none does. Deliberately absent: steps, logs, secrets, events. `services.vm_agent.sandbox.run` has `run(...)` for small
internal commands.
"""

from __future__ import annotations

import enum
import re
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from typing import Literal, NewType, Protocol

import msgspec

from libs.contracts.plan import Trust
from libs.contracts.size import Size
from services.vm_agent.sandbox.footprint import Footprint
from services.vm_agent.sandbox.sweep import Swept

SandboxId = NewType("SandboxId", str)
SnapshotId = NewType("SnapshotId", str)

Output = Callable[[bytes], Awaitable[None]]
"""Takes the next bytes of a command; until it returns nothing more is read: a slow reader blocks the command."""
TarStream = AsyncIterator[bytes]

OUTPUT_CHUNK_BYTES = 64 * 1024
"""The most that one call of an Output gets: what a Linux pipe holds."""
OUTPUT_GRACE_SECONDS = 5.0
"""How long the output of background children is still heard once the command itself has ended, as GitHub's runner does.
Afterwards it is read and dropped, so that a server started in one step neither blocks nor dies in the next."""
ARCHIVE_BYTES = 16 * 1024**3
"""The most that one archive may unpack to: larger repositories are not checked out by copying."""
ARCHIVE_ENTRIES = 2_000_000
"""The most files of one archive: about what the largest monorepositories hold."""
FILE_BYTES = 16 * 1024**2
"""The most that write_file and read_file carry: they are for runner files and scripts, all else is an archive."""
DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""The PATH of a command that is given none, for finding it and in its environment: Debian's, not the host's."""


_ID = re.compile(r"[A-Za-z0-9_~-][A-Za-z0-9._~-]{0,99}")
"""It becomes the name of a folder and of cgroups."""


class Capability(enum.StrEnum):
    """What a driver may be able to do. What is not among a sandbox's capabilities raises NotCapable."""

    PAUSE = "pause"
    SNAPSHOT = "snapshot"
    ISOLATION = "isolation"
    """The host's files and processes are out of the job's sight."""
    OWN_KERNEL = "own-kernel"
    PRIVATE_NETWORK = "private-network"
    """Not the host's network: its loopback and its neighbours are out of reach."""
    NETWORK_POLICY = "network-policy"
    FREEZER = "freezer"
    """The kernel stops all processes at once; without it each is sent SIGSTOP."""
    LIMITS = "limits"
    """The limits on memory and processes of the SandboxSpec hold."""
    DISK_LIMIT = "disk-limit"
    STREAMING = "streaming"
    """Output comes while the command runs; without it, all of it at the end."""
    SIGNALS = "signals"
    """A running command can be signalled; without it, only the whole sandbox can be ended."""
    USERS = "users"
    """`exec` can run a command as another user of the sandbox."""
    TERMINAL = "terminal"
    """`exec` can give a command a terminal."""


class GuestPaths(msgspec.Struct, frozen=True):
    """Absolute paths as the job sees them; all exist, empty and writable, once the sandbox is started.

    The workspace is `work/<repository>/<repository>` as on GitHub: the runner makes it. `temp` is RUNNER_TEMP.
    """

    home: str
    work: str
    temp: str
    tool_cache: str


class Shape(msgspec.Struct, frozen=True, order=True):
    """What machines of one pool and of one template have in common."""

    size: Size
    trust: Trust
    network: bool
    disk_bytes: int

    def spec(self, name: SandboxId) -> SandboxSpec:
        """What is asked of a driver for a machine of this shape."""
        return SandboxSpec(
            name,
            network=self.network,
            memory_bytes=self.size.memory_bytes,
            cpus=self.size.cpus,
            disk_bytes=self.disk_bytes,
            trust=self.trust,
        )


class SandboxSpec(msgspec.Struct, frozen=True):
    """What is asked of a driver. A limit that it cannot hold is missing from the sandbox's capabilities."""

    id: SandboxId
    network: bool = True
    """False for code that nobody vetted, unless the driver has PRIVATE_NETWORK: the host's loopback is near."""
    memory_bytes: int | None = None
    processes: int | None = None
    cpus: int | None = None
    disk_bytes: int | None = None
    trust: Trust = "fork"
    """A machine is restored from a template, and taken from a pool, of its own trust class."""

    def __post_init__(self) -> None:
        if not _ID.fullmatch(self.id):
            raise ValueError(f"{self.id!r} is no sandbox id: letters, digits and . _ ~ -, 100 at most, no dot first")


class Ready(msgspec.Struct, frozen=True):
    """How a sandbox came to stand, and how long each phase took, in order. The rest is a machine's: see `VmReady`."""

    how: Literal["restored", "booted", "pooled", "spawned"]
    phases_ms: dict[str, float] = {}
    pid: int = 0
    boot_id: str = ""
    proof: str = ""
    image: str = ""
    size: Size | None = None


class Terminal(msgspec.Struct, frozen=True):
    """The window of a command that gets a terminal."""

    rows: int = 24
    columns: int = 80
    kind: str = "xterm"
    """Its TERM."""


class Exit(msgspec.Struct, frozen=True):
    """How a command ended. `code` is 0 to 255; a command ended by a signal has 128 + its number, as a shell says it."""

    code: int
    signal: int | None = None
    out_of_memory: bool = False
    output_cut: bool = False
    """Background children still held the output when the grace ended."""
    full: tuple[str, ...] = ()
    """Folders whose file system had no room left when it ended: a failing command probably failed for that."""


class SandboxError(Exception):
    """The base of all that goes wrong here. Each is Firebreak's error, never the job's failure, but for CannotStart."""


class CannotStart(SandboxError):
    """The command could not be started: the job's own mistake. `code` is what a shell would say: 127 not found, 126 not
    executable."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


class SandboxLost(SandboxError):
    """The sandbox is gone or broke the rules of its channel; everything that runs in it ends with this."""


class NotCapable(SandboxError):
    """This driver cannot do that; the message says which could."""


class ArchiveRefused(SandboxError):
    """An archive names what it must not: a place outside its folder, a device, or more than the bounds allow."""


class FileTrouble(SandboxError):
    """A guest's file cannot be read or written: not a regular file, too large, no permission, no space."""


class Exec(Protocol):
    """A running command and all of its process group."""

    async def wait(self) -> Exit:
        """After the last byte of output was taken, or the grace has passed. Any number of callers.

        Raises SandboxLost, or what the Output raised (then the group was killed).
        """
        ...

    async def signal(self, number: signal.Signals) -> None:
        """To the whole process group, children in the background too; nothing where all have ended."""
        ...


class Sandbox(Protocol):
    """One place for one job, used once. Every method but `destroy` raises SandboxLost when the place is gone."""

    @property
    def id(self) -> SandboxId: ...

    @property
    def capabilities(self) -> frozenset[Capability]: ...

    @property
    def paths(self) -> GuestPaths: ...

    @property
    def footprint(self) -> Footprint:
        """Known once started."""
        ...

    async def start(self) -> Ready:
        """Makes it ready. Called once more on a machine that a pool made ready, it asks whether that still answers, and
        says `pooled`."""
        ...

    async def exec(
        self, argv: Sequence[str], *, env: Mapping[str, str], cwd: str, output: Output, user: str | None = None
    ) -> Exec:
        """Starts a command in its own session: no standard input, stdout and stderr merged in order into `output`.

        `env` is the whole environment; PATH alone is added where it is missing (DEFAULT_PATH), and argv[0] is looked up
        in it. `user` is a name in the sandbox; None is the job's own. Raises CannotStart, and NotCapable for another
        user where USERS is missing.
        """
        ...

    async def put(self, archive: TarStream | bytes, path: str) -> None:
        """Unpacks an uncompressed tar into the folder `path`, made with its parents. Modes are kept, owners are not.

        Raises ArchiveRefused for an absolute name, `..`, a link that leads outside, a device, or too much.
        """
        ...

    def get(self, path: str) -> TarStream:
        """The folder or file `path` as an uncompressed tar, its names relative to it. Raises FileTrouble.

        What comes is the guest's word: unpack it as hostile (`archive.unpack` does).
        """
        ...

    async def make_folder(self, path: str) -> None:
        """With its parents; what is already there is no error."""
        ...

    async def write_file(self, path: str, data: bytes, mode: int = 0o644) -> None:
        """Replaces the file's content, its parents made; at most FILE_BYTES. Raises FileTrouble."""
        ...

    async def read_file(self, path: str, limit_bytes: int = FILE_BYTES) -> bytes | None:
        """The content, None where there is no such file; FileTrouble where it is no regular file or over the limit."""
        ...

    async def pause(self) -> None:
        """Stops all its processes; idempotent. Returns when they stand still."""
        ...

    async def resume(self) -> None: ...

    async def snapshot(self) -> SnapshotId:
        """Keeps memory and disk as they are. Raises NotCapable."""
        ...

    async def restore(self, snapshot: SnapshotId) -> None:
        """Puts memory and disk back. Raises NotCapable."""
        ...

    async def destroy(self) -> None:
        """Kills everything and removes every file; idempotent, and works on a paused or broken sandbox."""
        ...


class Probe(msgspec.Struct, frozen=True):
    """Whether a driver works on this machine, found by doing it; `why` says what was seen and what to do."""

    works: bool
    why: str


class Prepared(msgspec.Struct, frozen=True):
    """A template that was made: see `TemplateBuilt`."""

    vm: SandboxId
    key: str
    image: str
    phases_ms: dict[str, float] = {}


class Driver(Protocol):
    """Makes sandboxes of one kind."""

    @property
    def name(self) -> str: ...

    @property
    def isolation(self) -> str:
        """One sentence for people: what stands between a job and the host."""
        ...

    @property
    def takes_forks(self) -> bool:
        """Whether code that nobody vetted may run here."""
        ...

    @property
    def makes_machines(self) -> bool:
        """Each sandbox is a machine of its own: kept ready in pools, restored from templates, told of one by one."""
        ...

    async def probe(self) -> Probe:
        """Really starts one; looking at files would prove nothing."""
        ...

    def create(self, spec: SandboxSpec) -> Sandbox:
        """Not started yet; costs nothing until then."""
        ...

    async def prepare(self, shape: Shape) -> Prepared | None:
        """Makes the template of a shape, so that the next `start` restores. None where there is nothing to make: it is
        there already, or this driver has none. Raises SandboxError. One at a time a shape: a second caller waits."""
        ...

    async def sweep(self, live: Collection[SandboxId]) -> Sequence[Swept]:
        """Finds and removes everything of this agent that belongs to none of `live`: machines, processes, cgroups,
        namespaces, sockets, files. What it is building itself just now it knows, and leaves."""
        ...
