"""Images are built from the host's own sources where they are Debian's, and from no other vendor's."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.vm_agent.image.sources import chosen, of_host

MAIN = "deb http://mirror.example/debian bookworm main"


def host(folder: Path, **files: str) -> Path:
    """A folder as /etc/apt is: names have `_` for `.`; those but `sources_list` are parts."""
    (folder / "sources.list.d").mkdir()
    for name, text in files.items():
        file = name.replace("_", ".")
        (folder / file if file == "sources.list" else folder / "sources.list.d" / file).write_text(text)
    return folder


def test_the_old_form_is_read(tmp_path: Path) -> None:
    text = f"# a comment\n{MAIN} contrib # why\ndeb-src http://mirror.example/debian bookworm main\n"
    assert of_host("bookworm", host(tmp_path, sources_list=text)) == f"{MAIN} contrib\n"


def test_the_new_form_is_read(tmp_path: Path) -> None:
    text = """# A comment
Types: deb deb-src
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: http://mirror.example/debian-security
Suites:
 bookworm-security
Components: main

Types: deb
Enabled: no
URIs: http://mirror.example/debian
Suites: bookworm
Components: main
"""
    signed = "[signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] "
    assert of_host("bookworm", host(tmp_path, debian_sources=text)).splitlines() == [
        f"deb {signed}http://mirror.example/debian bookworm main",
        f"deb {signed}http://mirror.example/debian bookworm-updates main",
        "deb http://mirror.example/debian-security bookworm-security main",
    ]


def test_a_host_without_sources_has_none(tmp_path: Path) -> None:
    assert of_host("bookworm", tmp_path) == ""


@pytest.mark.parametrize(
    "line",
    [
        "deb https://apt.vendor.example bookworm main",
        "deb https://vendor.example/node_20.x bookworm main",
        "deb http://mirror.example/debian trixie main",
        "deb http://mirror.example/debian bookworm contrib",
        "deb http://user:secret@mirror.example/debian bookworm main",
        "deb file:/srv/debian bookworm main",
        "deb cdrom:[Debian]/ bookworm main",
        "deb http://[mirror.example/debian bookworm main",
        "deb-src http://mirror.example/debian bookworm main",
        "nonsense",
        "",
    ],
)
def test_what_is_not_debians_or_not_public_is_left_out(line: str) -> None:
    assert chosen([line], "bookworm") == ""
    assert chosen([MAIN, line], "bookworm") == f"{MAIN}\n"


def test_a_mirror_of_any_name_counts_if_debian_signs_it() -> None:
    keys = "arch=amd64 signed-by=/usr/share/keyrings/debian-archive-keyring.gpg"
    line = f"deb [{keys}] https://packages.example/d bookworm main"
    assert chosen([line], "bookworm") == f"{line}\n"


def test_updates_without_the_suite_itself_are_no_sources() -> None:
    assert chosen(["deb http://mirror.example/debian bookworm-updates main"], "bookworm") == ""


def test_each_is_taken_once() -> None:
    assert chosen([MAIN, MAIN], "bookworm") == f"{MAIN}\n"
