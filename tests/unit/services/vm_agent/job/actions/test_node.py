"""Which Node.js an action gets, out of those that a machine has."""

from __future__ import annotations

import pytest

from services.vm_agent.job.actions.node import Node, choose


def _nodes(*versions: str) -> list[Node]:
    return [Node(f"/node/{version}", tuple(int(part) for part in version.split("."))) for version in versions]


@pytest.mark.row("actions: JavaScript")
@pytest.mark.parametrize(
    ("major", "there", "chosen"),
    [
        (20, ("24.1.0", "20.18.0", "20.9.1"), "20.18.0"),
        (24, ("20.18.0", "24.1.0"), "24.1.0"),
        (20, ("24.1.0", "22.3.0"), "22.3.0"),
        (24, ("20.18.0", "18.1.0"), "20.18.0"),
        (12, ("20.18.0", "24.1.0"), "20.18.0"),
        (16, ("16.2.0", "24.1.0"), "24.1.0"),
        (20, ("18.19.0",), "18.19.0"),
        (20, ("16.2.0", "12.1.0"), None),
        (20, (), None),
    ],
)
def test_the_version_asked_for_else_the_nearest(major: int, there: tuple[str, ...], chosen: str | None) -> None:
    found = choose(major, _nodes(*there))
    assert (found and ".".join(map(str, found.version))) == chosen
