"""What happens to pools, and what they want done: plain values. The shell turns each action into one of the events."""

from __future__ import annotations

import msgspec

from services.vm_agent.sandbox.protocol import SandboxId, Shape


class TemplateThere(msgspec.Struct, frozen=True, tag="TemplateThere"):
    """`built`: another one than before, or the first; what was restored from the old one is out of date."""

    shape: Shape
    built: bool
    key: str = ""
    image: str = ""


class TemplateFailed(msgspec.Struct, frozen=True, tag="TemplateFailed"):
    shape: Shape
    why: str


class Stood(msgspec.Struct, frozen=True, tag="Stood"):
    """A machine stands and answers."""

    shape: Shape
    vm: SandboxId
    image: str = ""


class StartFailed(msgspec.Struct, frozen=True, tag="StartFailed"):
    shape: Shape
    vm: SandboxId
    why: str


class Answered(msgspec.Struct, frozen=True, tag="Answered"):
    shape: Shape
    vm: SandboxId


class Silent(msgspec.Struct, frozen=True, tag="Silent"):
    """It was asked, and does not answer any more."""

    shape: Shape
    vm: SandboxId
    why: str


class JobsTake(msgspec.Struct, frozen=True, tag="JobsTake"):
    """What the machines of running jobs take."""

    memory_mib: int


class Drained(msgspec.Struct, frozen=True, tag="Drained"):
    """`draining` False: it takes jobs again."""

    draining: bool


class Targeted(msgspec.Struct, frozen=True, tag="Targeted"):
    """So many are wanted from now on."""

    shape: Shape
    target: int


PoolEvent = TemplateThere | TemplateFailed | Stood | StartFailed | Answered | Silent | JobsTake | Drained | Targeted


class Prepare(msgspec.Struct, frozen=True, tag="Prepare"):
    """Make the template, or see that it still holds."""

    shape: Shape


class Start(msgspec.Struct, frozen=True, tag="Start"):
    shape: Shape
    vm: SandboxId


class Ask(msgspec.Struct, frozen=True, tag="Ask"):
    shape: Shape
    vm: SandboxId


class Retire(msgspec.Struct, frozen=True, tag="Retire"):
    """Destroy it; it is no longer of the pool."""

    vm: SandboxId
    why: str


Action = Prepare | Start | Ask | Retire
