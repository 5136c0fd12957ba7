"""What is known of a Debian without building one."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from services.vm_agent.image.customize import customize
from services.vm_agent.image.debian import codename, packages
from services.vm_agent.image.recipe import RECIPES


@pytest.mark.parametrize(
    ("text", "suite"),
    [
        ("ID=debian\nVERSION_CODENAME=trixie\n", "trixie"),
        ('NAME="Debian"\nID="debian"\nVERSION_CODENAME="bookworm"\n', "bookworm"),
        ("ID=ubuntu\nID_LIKE=debian\nVERSION_CODENAME=noble\n", ""),
        ("ID=debian\n", ""),
        ("nonsense", ""),
    ],
)
def test_a_hosts_suite_is_its_own_only_where_it_is_a_debian(tmp_path: Path, text: str, suite: str) -> None:
    file = tmp_path / "os-release"
    file.write_text(text)
    assert codename(file) == suite
    assert codename(tmp_path / "missing") == ""


def test_only_installed_packages_are_listed() -> None:
    status = """Package: bash
Status: install ok installed
Architecture: amd64
Version: 5.2.15-2+b7

Package: gone
Status: deinstall ok config-files
Version: 1

Package: half
Status: install ok half-configured
Version: 2
"""
    assert packages(status) == {"bash": "5.2.15-2+b7"}


def test_folders_with_spaces_and_quotes_stay_one_word_of_the_script() -> None:
    script = customize(RECIPES["standard"], Path("/tmp/a 'b"))
    assert "/tmp/a 'b/" not in script
    assert """'/tmp/a '"'"'b'""" in script


def test_modules_go_in_only_where_the_recipe_says_so() -> None:
    assert "depmod" in customize(RECIPES["standard"], Path("/w"))
    assert "depmod" not in customize(msgspec.structs.replace(RECIPES["minimal"], modules=False), Path("/w"))
