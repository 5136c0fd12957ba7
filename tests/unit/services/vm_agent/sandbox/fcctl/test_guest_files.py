"""What is sent into machines of old distributions: Ubuntu 20.04 has Python 3.8."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from services.vm_agent.sandbox.fcctl.sandbox import AGENT_SOURCE, RELAY_SOURCE

YOUNGER = ("removeprefix", "removesuffix", "waitstatus_to_exitcode", "pidfd_open", "randbytes", "pidfd_send_signal")
"""Names that Python 3.9 brought, as far as such a program would want them."""


@pytest.mark.parametrize("source", [AGENT_SOURCE, RELAY_SOURCE], ids=lambda path: path.name)
def test_it_is_understood_by_python_3_8(source: Path) -> None:
    text = source.read_text()
    tree = ast.parse(text, feature_version=(3, 8))
    used = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    assert not used & set(YOUNGER)
