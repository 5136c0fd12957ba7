"""What is asked of Firecracker's API, in order, as values: pure, so that they can be read and compared.

From its API's description (1.12 to 1.16). Paths are those inside the jail, the same for each machine, so that nothing
of what was saved has to be changed for a clone: tap, socket and disks have constant names in a place of their own.
"""

from __future__ import annotations

import msgspec

from libs.contracts.size import Size
from services.vm_agent.sandbox.network.policy import TAP

API_SOCKET, VSOCK = "fc.sock", "v.sock"
KERNEL, INITRD, ROOT, WORK = "vmlinux", "initrd", "root.squashfs", "work.ext4"
STATE, MEMORY = "state", "memory"
LOG = "fc.log"
GUEST_CID = 3
"""0 to 2 have meanings of their own; Firecracker takes 2 without a word."""
AGENT_PORT = 52
MAC = "06:00:ac:10:00:02"
BOOT_ARGUMENTS = (
    "quiet reboot=k panic=-1 8250.nr_uarts=0 i8042.noaux i8042.nomux i8042.dumbkbd swiotlb=noforce "
    f"firebreak.channel=vsock:{AGENT_PORT}"
)
"""`reboot=k`: the guest's end is the machine's; with `poweroff` Firecracker would live on."""
VSOCK_OVERRIDE, CLOCK_REALTIME = (1, 16), (1, 16)
"""Firecracker refuses what it does not know, so newer fields are sent to newer versions alone."""
Version = tuple[int, int]
Json = dict[str, object]


class Request(msgspec.Struct, frozen=True):
    method: str
    path: str
    body: Json


class Rate(msgspec.Struct, frozen=True):
    """A token bucket: so much a second, and so much at once at the beginning."""

    bytes_a_second: int
    burst_bytes: int

    def limiter(self) -> Json:
        bucket = {"size": self.bytes_a_second, "refill_time": 1000, "one_time_burst": self.burst_bytes}
        return {"bandwidth": bucket}


DISK_RATE = Rate(200 * 1024**2, 1024**3)
NETWORK_RATE = Rate(125 * 1024**2, 512 * 1024**2)
"""One machine must not take the host's disk and network from the others: 200 MiB/s, and a gigabit a second."""


class Machine(msgspec.Struct, frozen=True):
    size: Size
    network: bool
    prefix: str = "/"
    """Of paths as Firecracker sees them: "/" in a jail, "" where it runs in the machine's folder."""

    def at(self, name: str) -> str:
        return self.prefix + name


def boot(machine: Machine) -> list[Request]:
    """From a fresh process to a guest that boots."""
    requests = [
        _logger(machine),
        _put(
            "/machine-config",
            vcpu_count=machine.size.cpus,
            mem_size_mib=machine.size.memory_mib,
            smt=False,
            track_dirty_pages=False,
        ),
        _put(
            "/boot-source",
            kernel_image_path=machine.at(KERNEL),
            initrd_path=machine.at(INITRD),
            boot_args=BOOT_ARGUMENTS,
        ),
        _drive(machine, "root", ROOT, read_only=True),
        _drive(machine, "work", WORK, read_only=False),
    ]
    if machine.network:
        requests.append(_network())
    return [
        *requests,
        _put("/vsock", guest_cid=GUEST_CID, uds_path=machine.at(VSOCK)),
        _put("/entropy"),
        _put("/actions", action_type="InstanceStart"),
    ]


def save(machine: Machine) -> list[Request]:
    """A booted machine becomes a template; it is never resumed."""
    return [
        Request("PATCH", "/vm", {"state": "Paused"}),
        _put(
            "/snapshot/create",
            snapshot_type="Full",
            snapshot_path=machine.at(STATE),
            mem_file_path=machine.at(MEMORY),
        ),
    ]


def restore(machine: Machine, version: Version) -> list[Request]:
    """From a fresh process to a guest that goes on where it was saved."""
    load: Json = {
        "snapshot_path": machine.at(STATE),
        "mem_backend": {"backend_type": "File", "backend_path": machine.at(MEMORY)},
        "resume_vm": False,
    }
    if version >= CLOCK_REALTIME:
        load["clock_realtime"] = True
    if version >= VSOCK_OVERRIDE:
        load["vsock_override"] = {"uds_path": machine.at(VSOCK)}
    return [_logger(machine), Request("PUT", "/snapshot/load", load), Request("PATCH", "/vm", {"state": "Resumed"})]


def _logger(machine: Machine) -> Request:
    """Away from the guest's console, with which it would be mixed."""
    return _put("/logger", log_path=machine.at(LOG), level="Warning", show_level=True, show_log_origin=False)


def _drive(machine: Machine, name: str, file: str, *, read_only: bool) -> Request:
    """The first one is the guest's /dev/vda. No root device: the initrd mounts what it finds."""
    return _put(
        f"/drives/{name}",
        drive_id=name,
        path_on_host=machine.at(file),
        is_root_device=False,
        is_read_only=read_only,
        cache_type="Unsafe",
        io_engine="Sync",
        rate_limiter=DISK_RATE.limiter(),
    )


def _network() -> Request:
    return _put(
        "/network-interfaces/eth0",
        iface_id="eth0",
        host_dev_name=TAP,
        guest_mac=MAC,
        rx_rate_limiter=NETWORK_RATE.limiter(),
        tx_rate_limiter=NETWORK_RATE.limiter(),
    )


def _put(path: str, **body: object) -> Request:
    return Request("PUT", path, body)
