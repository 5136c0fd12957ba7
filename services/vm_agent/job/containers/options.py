"""`options` of a container: words for the engine's `create`, but for those that GitHub refuses. Pure."""

from __future__ import annotations

from services.vm_agent.job.containers.refused import BadContainer
from services.vm_agent.job.containers.words import option_words

_NETWORK = ("--network", "--net")
_ENTRYPOINT = ("--entrypoint",)


HOST_GATEWAY = ":host-gateway"
"""Docker's word for the machine's address in `--add-host name:host-gateway`; older podmans want the address itself."""


def with_gateway(options: tuple[str, ...], address: str) -> tuple[str, ...]:
    return tuple(
        word.removesuffix(HOST_GATEWAY) + f":{address}" if word.endswith(HOST_GATEWAY) else word for word in options
    )


def read_options(text: str, *, service: bool) -> tuple[str, ...]:
    """Raises BadContainer. A service's entrypoint may be set; that of the job's container holds it open."""
    words = option_words(text)
    refused = _NETWORK if service else (*_NETWORK, *_ENTRYPOINT)
    for word in words:
        name = word.partition("=")[0]
        if name in refused:
            why = "every job has a network of its own" if name in _NETWORK else "the job's steps run in it"
            raise BadContainer(f"options: {name} is not supported: {why}")
    return tuple(words)
