"""What Firecracker allows when, and in which words it refuses: a machine's state, requests in, answers out. No I/O.

The words are those of 1.12.1, where a test of ours has heard them from the real program.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Any

import msgspec

BEFORE = "The requested operation is not supported before starting the microVM."
AFTER = "The requested operation is not supported after starting the microVM."
NOT_FRESH = "Load snapshot error: Loading a microVM snapshot not allowed after configuring boot-specific resources."
MOST_CPUS = 32


class Refused(Exception):
    """400, with these words."""


class _Config(msgspec.Struct, forbid_unknown_fields=True):
    vcpu_count: int
    mem_size_mib: int
    smt: bool = False
    track_dirty_pages: bool = False
    cpu_template: str = "None"
    huge_pages: str = "None"


class _Boot(msgspec.Struct, forbid_unknown_fields=True):
    kernel_image_path: str
    initrd_path: str | None = None
    boot_args: str = ""


class _Drive(msgspec.Struct, forbid_unknown_fields=True):
    drive_id: str
    path_on_host: str
    is_root_device: bool
    is_read_only: bool = False
    cache_type: str = "Unsafe"
    io_engine: str = "Sync"
    rate_limiter: dict[str, Any] | None = None
    partuuid: str | None = None


class _Network(msgspec.Struct, forbid_unknown_fields=True):
    iface_id: str
    host_dev_name: str
    guest_mac: str | None = None
    rx_rate_limiter: dict[str, Any] | None = None
    tx_rate_limiter: dict[str, Any] | None = None


class _Vsock(msgspec.Struct, forbid_unknown_fields=True):
    guest_cid: int
    uds_path: str
    vsock_id: str | None = None


class _Logger(msgspec.Struct, forbid_unknown_fields=True):
    log_path: str
    level: str = "Info"
    show_level: bool = False
    show_log_origin: bool = False
    module: str | None = None


class _Empty(msgspec.Struct, forbid_unknown_fields=True):
    rate_limiter: dict[str, Any] | None = None


class _Action(msgspec.Struct, forbid_unknown_fields=True):
    action_type: str


class _Vm(msgspec.Struct, forbid_unknown_fields=True):
    state: str


class _Create(msgspec.Struct, forbid_unknown_fields=True):
    snapshot_path: str
    mem_file_path: str
    snapshot_type: str = "Full"


class _Backend(msgspec.Struct, forbid_unknown_fields=True):
    backend_type: str
    backend_path: str


class _Load(msgspec.Struct, forbid_unknown_fields=True):
    snapshot_path: str
    mem_backend: _Backend
    resume_vm: bool = False
    enable_diff_snapshots: bool = False
    network_overrides: list[dict[str, Any]] = []


class Saved(msgspec.Struct):
    """What the state file holds: enough to be the same machine again."""

    magic: str
    cpus: int
    memory_mib: int
    drives: dict[str, str]
    vsock: str


MAGIC = "fake-firecracker-1.12"


@dataclass
class Machine:
    """`effect` of the last request is what the server has to do; it is done before the answer is sent."""

    state: str = "Not started"
    config: _Config = field(default_factory=lambda: _Config(1, 128))
    boot: _Boot | None = None
    drives: dict[str, _Drive] = field(default_factory=dict[str, _Drive])
    vsock: str = ""
    fresh: bool = True
    effect: tuple[Any, ...] = ()

    def request(self, method: str, path: str, body: bytes) -> None:
        """Raises Refused."""
        self.effect = ()
        match method, path.strip("/").split("/"):
            case "PUT", ["logger"]:
                self._logger(body)
            case "PUT", ["machine-config"]:
                self._before_start()
                self._machine_config(body)
            case "PUT", ["boot-source"]:
                self._before_start()
                self._boot_source(body)
            case "PUT", ["drives", name]:
                self._before_start()
                self._drive(name, body)
            case "PUT", ["network-interfaces", name]:
                self._before_start()
                self._interface(name, body)
            case "PUT", ["vsock"]:
                self._before_start()
                vsock = _decode(body, _Vsock)
                self.vsock, self.effect = vsock.uds_path, ("listen", vsock.uds_path)
            case "PUT", ["entropy"]:
                self._before_start()
                _decode(body, _Empty)
            case "PUT", ["actions"]:
                self._action(_decode(body, _Action).action_type)
            case "PATCH", ["vm"]:
                self._set_state(_decode(body, _Vm).state)
            case "PUT", ["snapshot", "create"]:
                self._create(_decode(body, _Create))
            case "PUT", ["snapshot", "load"]:
                self._load(_decode(body, _Load))
            case _:
                raise Refused(f"Invalid request method and/or path: {method} {path}.")

    def _logger(self, body: bytes) -> None:
        logger = _decode(body, _Logger)
        _opens(logger.log_path, "Logger")

    def _machine_config(self, body: bytes) -> None:
        config = _decode(body, _Config)
        if not 1 <= config.vcpu_count <= MOST_CPUS:
            raise Refused(
                "The vCPU number is invalid! The vCPU number can only be 1 or an even number when SMT is enabled."
            )
        if config.mem_size_mib < 1:
            raise Refused("The memory size (MiB) is smaller than the previously set balloon device target size.")
        self.config = config

    def _boot_source(self, body: bytes) -> None:
        boot = _decode(body, _Boot)
        _opens(boot.kernel_image_path, "Boot source error: The kernel file")
        if boot.initrd_path is not None:
            _opens(boot.initrd_path, "Boot source error: The initrd file")
        self.boot = boot

    def _drive(self, name: str, body: bytes) -> None:
        drive = _decode(body, _Drive)
        if drive.drive_id != name:
            raise Refused("path and body ids do not match.")
        if not os.path.exists(drive.path_on_host):
            raise Refused("Drive error: Error manipulating the backing file: No such file or directory (os error 2)")
        self.drives[name] = drive

    def _interface(self, name: str, body: bytes) -> None:
        if _decode(body, _Network).iface_id != name:
            raise Refused("path and body ids do not match.")

    def _action(self, action: str) -> None:
        if action not in ("InstanceStart", "SendCtrlAltDel", "FlushMetrics"):
            raise Refused(
                f"unknown variant `{action}`, expected one of `FlushMetrics`, `InstanceStart`, `SendCtrlAltDel`"
            )
        if action != "InstanceStart":
            return
        self._before_start()
        if self.boot is None:
            raise Refused("Cannot start microvm without kernel configuration.")
        self.state, self.effect = "Running", ("boot",)

    def _set_state(self, state: str) -> None:
        if state not in ("Paused", "Resumed"):
            raise Refused(f"unknown variant `{state}`, expected `Paused` or `Resumed`")
        if self.state == "Not started":
            raise Refused(BEFORE)
        self.state = "Running" if state == "Resumed" else "Paused"
        self.effect = ("resume",) if state == "Resumed" else ("pause",)

    def _create(self, create: _Create) -> None:
        if self.state == "Not started":
            raise Refused(BEFORE)
        if self.state != "Paused":
            raise Refused(
                "Create snapshot error: Cannot save the microVM state: Operation not allowed: the microVM is running."
            )
        self.effect = ("save", create.snapshot_path, create.mem_file_path)

    def _load(self, load: _Load) -> None:
        if not self.fresh or self.state != "Not started":
            raise Refused(NOT_FRESH)
        self.effect = ("load", load.snapshot_path, load.mem_backend.backend_path)
        self.state = "Running" if load.resume_vm else "Paused"

    def _before_start(self) -> None:
        if self.state != "Not started":
            raise Refused(AFTER)
        self.fresh = False


def _decode(body: bytes, kind: Any) -> Any:
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.MsgspecError as error:
        text = str(error)
        if "unknown field" in text:
            name = text.split("`")[1]
            known = ", ".join(f"`{field}`" for field in kind.__struct_fields__)
            text = f"unknown field `{name}`, expected one of {known}"
        text = text.replace("Object missing required field", "missing field")
        raise Refused(f"An error occurred when deserializing the json body of a request: {text}.") from None


def _opens(path: str, what: str) -> None:
    if not os.path.exists(path):
        raise Refused(f"{what} cannot be opened: No such file or directory (os error 2)")
