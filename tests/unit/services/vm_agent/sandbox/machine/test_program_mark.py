"""Another VMM under the same name makes another template."""

from __future__ import annotations

import os
from pathlib import Path

from services.vm_agent.sandbox.machine.driver import program_mark


def test_a_program_that_was_replaced_is_another(tmp_path: Path) -> None:
    program = tmp_path / "vmm"
    program.write_bytes(b"one")
    before = program_mark(str(program))
    assert program_mark(str(program)) == before
    (tmp_path / "new").write_bytes(b"two")
    os.utime(tmp_path / "new", ns=(1, 1))
    os.replace(tmp_path / "new", program)
    assert program_mark(str(program)) != before


def test_a_program_that_is_gone_is_another_too(tmp_path: Path) -> None:
    assert "missing" in program_mark(str(tmp_path / "vmm"))
