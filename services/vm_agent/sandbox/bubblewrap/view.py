"""What a job sees in a bubblewrap sandbox, as the arguments of `bwrap`: pure, so that it can be read and tested.

Everything that is not named here does not exist inside: no home, no state of Firebreak, no /etc but what programs need
to find libraries, certificates and names. Writable are the job's own folders and a few file systems in memory.
"""

from __future__ import annotations

import msgspec

from services.vm_agent.sandbox.guest.paths import GUEST_UID, PATHS

HOST_NAME = "firebreak"
AGENT_PATH = "/run/firebreak/agent.py"
PYTHON_PREFIX = "/run/firebreak/python"
MEMORY_FOLDER_BYTES = 4 * 1024**3
"""The most that a file system in memory holds: the kernel's own default, half of the memory, could starve the host."""
ETC = (
    "alternatives",
    "ca-certificates",
    "ca-certificates.conf",
    "crypto-policies",
    "debian_version",
    "fonts",
    "inputrc",
    "ld.so.cache",
    "ld.so.conf",
    "ld.so.conf.d",
    "locale.alias",
    "localtime",
    "magic",
    "mime.types",
    "nsswitch.conf",
    "os-release",
    "pki",
    "protocols",
    "resolv.conf",
    "services",
    "ssl",
    "terminfo",
    "timezone",
)
"""What programs read in order to work; no tool's settings, for they may hold passwords."""
PARENTS = ("/etc", "/home", "/opt", "/run", "/run/firebreak", "/sys", "/sys/devices", "/sys/devices/system", "/var")
MEMORY_FOLDERS = ("/tmp", "/var/tmp", "/dev/shm", "/run/lock")  # noqa: S108 (of the guest, private to it)
SYSTEM_FOLDERS = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")


class Folders(msgspec.Struct, frozen=True):
    """The host's folders behind the job's own; None is a file system in memory. `python` is where a Python is installed
    whose host has none in /usr/bin."""

    home: str | None
    tools: str | None
    python: str | None


class Inherited(msgspec.Struct, frozen=True):
    """Numbers of the descriptors that bwrap inherits; `agent` and `files` hold the bytes of files to be made inside."""

    channel: int
    info: int
    block: int
    agent: int
    files: dict[str, int]


def arguments(
    inherited: Inherited, folders: Folders, links: dict[str, str], *, network: bool, uid: int | None
) -> list[str]:
    """All of bwrap's arguments. `links` are those of SYSTEM_FOLDERS that are symbolic links, with their targets.

    Without `uid`, a user namespace gives the agent's own user the number GUEST_UID. With it, bwrap is root's and needs
    no such namespace: the guest agent keeps the two rights with which it becomes `uid`, and loses them by that.
    """
    return [
        *_namespaces(network, uid),
        *("--info-fd", str(inherited.info), "--block-fd", str(inherited.block)),
        *_parents(),
        *_system(links),
        *_etc(inherited.files),
        *_memory_folders(),
        *_job_folders(folders),
        *("--perms", "0444", "--ro-bind-data", str(inherited.agent), AGENT_PATH),
        *([] if folders.python is None else ["--ro-bind", folders.python, PYTHON_PREFIX]),
        *("--remount-ro", "/", "--chdir", "/", "--"),
        *(python(folders.python), "-I", "-S", AGENT_PATH, str(inherited.channel)),
        *([] if uid is None else [str(uid)]),
    ]


def files(uid: int | None) -> dict[str, str]:
    """Files that are made up: who there is, and what the guest is called."""
    user = uid or GUEST_UID
    return {
        "/etc/passwd": f"root:x:0:0:root:/root:/usr/sbin/nologin\n"
        f"runner:x:{user}:{user}:runner:{PATHS.home}:/bin/bash\n"
        f"nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n",
        "/etc/group": f"root:x:0:\nrunner:x:{user}:\nnogroup:x:65534:\n",
        "/etc/hosts": f"127.0.0.1 localhost {HOST_NAME}\n::1 localhost ip6-localhost ip6-loopback\n",
        "/etc/hostname": f"{HOST_NAME}\n",
    }


def python(prefix: str | None) -> str:
    return "/usr/bin/python3" if prefix is None else f"{PYTHON_PREFIX}/bin/python3"


def _namespaces(network: bool, uid: int | None) -> list[str]:
    user = ["--unshare-user", "--uid", str(GUEST_UID), "--gid", str(GUEST_UID)]
    return [
        *(user if uid is None else ()),
        *("--unshare-pid", "--as-pid-1", "--unshare-ipc", "--unshare-cgroup-try"),
        *("--unshare-uts", "--hostname", HOST_NAME),
        *([] if network else ["--unshare-net"]),
        *("--die-with-parent", "--new-session", "--cap-drop", "ALL"),
        *(() if uid is None else ("--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID")),
    ]


def _parents() -> list[str]:
    """Left to itself, bwrap makes the folders above a mount for root alone."""
    result: list[str] = []
    for path in PARENTS:
        result += ["--perms", "0755", "--dir", path]
    return result


def _system(links: dict[str, str]) -> list[str]:
    result = ["--ro-bind", "/usr", "/usr"]
    for name in SYSTEM_FOLDERS:
        if name in links:
            result += ["--symlink", links[name], f"/{name}"]
        else:
            result += ["--ro-bind-try", f"/{name}", f"/{name}"]
    cpus = "/sys/devices/system/cpu"
    return [*result, "--proc", "/proc", "--dev", "/dev", "--ro-bind-try", cpus, cpus]


def _etc(files: dict[str, int]) -> list[str]:
    result: list[str] = []
    for name in ETC:
        result += ["--ro-bind-try", f"/etc/{name}", f"/etc/{name}"]
    for path, descriptor in files.items():
        result += ["--perms", "0444", "--ro-bind-data", str(descriptor), path]
    return result


def _memory_folders() -> list[str]:
    result: list[str] = []
    for path in MEMORY_FOLDERS:
        result += ["--size", str(MEMORY_FOLDER_BYTES), "--perms", "1777", "--tmpfs", path]
    return result


def _job_folders(folders: Folders) -> list[str]:
    result: list[str] = []
    for folder, path in ((folders.home, PATHS.home), (folders.tools, PATHS.tool_cache)):
        if folder is None:
            result += ["--size", str(MEMORY_FOLDER_BYTES), "--perms", "1777", "--tmpfs", path]
        else:
            result += ["--bind", folder, path]
    return result
