"""Where an attempt's sandbox comes from: made when it is wanted, or taken from those that stand ready."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

from libs.contracts.host import PoolState
from services.vm_agent.sandbox.protocol import Driver, Sandbox, SandboxId, SandboxSpec, Shape
from services.vm_agent.sandbox.unmade import made


class Stock(Protocol):
    """`run` until cancelled; nothing of it is left when that returns."""

    async def run(self) -> None: ...

    def claim(self, spec: SandboxSpec) -> Sandbox:
        """The caller's own from now on, and to be started: one that stood ready has another id than the spec."""
        ...

    def jobs_take(self, memory_mib: int) -> None:
        """What the machines of running jobs take of the host: they go before what stands ready."""
        ...

    def drain(self, draining: bool) -> None: ...

    def aim(self, shape: Shape, target: int) -> None:
        """So many of the shape shall stand ready from now on."""
        ...

    async def resume(self) -> None:
        """The watchdog has stopped all sandboxes, and the agent is back."""
        ...

    def held(self) -> Collection[SandboxId]:
        """What it has, in whatever state: nobody else may remove that. Asked from any thread."""
        ...

    def states(self) -> tuple[PoolState, ...]: ...


class NoStock:
    """For sandboxes that are made in a moment, and for hosts that keep nothing ready."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver

    async def run(self) -> None: ...

    def claim(self, spec: SandboxSpec) -> Sandbox:
        return made(self._driver, spec)

    def jobs_take(self, memory_mib: int) -> None: ...

    def drain(self, draining: bool) -> None: ...

    def aim(self, shape: Shape, target: int) -> None: ...

    async def resume(self) -> None: ...

    def held(self) -> Collection[SandboxId]:
        return ()

    def states(self) -> tuple[PoolState, ...]:
        return ()
