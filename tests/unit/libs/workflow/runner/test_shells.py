"""Shells and their templates."""

import pytest

from libs.workflow.runner.shells import InvalidShell, mended, shell_of

COMMANDS = {
    None: ("bash", "-e", "/t/s"),
    "": ("bash", "-e", "/t/s"),
    "bash": ("bash", "--noprofile", "--norc", "-eo", "pipefail", "/t/s"),
    "BASH": ("bash", "--noprofile", "--norc", "-eo", "pipefail", "/t/s"),
    "sh": ("sh", "-e", "/t/s"),
    "python": ("python", "/t/s"),
    "pwsh": ("pwsh", "-command", ". '/t/s'"),
    "perl {0}": ("perl", "/t/s"),
    "bash -l {0}": ("bash", "-l", "/t/s"),
    "env 'A=b c' sh {0} {0}": ("env", "A=b c", "sh", "/t/s", "/t/s"),
    "node --require=./x.js {0}": ("node", "--require=./x.js", "/t/s"),
    "python -c 'print(1)' {0}": ("python", "-c", "print(1)", "/t/s"),
    "sh -c 'cat {0}'": ("sh", "-c", "cat /t/s"),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_the_command(name: str | None) -> None:
    assert shell_of(name).command("/t/s") == COMMANDS[name]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (None, ("sh", "-e", "/t/s")),
        ("python", ("python3", "/t/s")),
        ("bash", ("bash", "--noprofile", "--norc", "-eo", "pipefail", "/t/s")),
    ],
)
def test_where_the_program_is_missing(name: str | None, expected: tuple[str, ...]) -> None:
    assert shell_of(name).command("/t/s", program_missing=True) == expected


@pytest.mark.parametrize("name", ["fish", "perl", "ruby -w", "bash -x", "bash 'x {0}"])
def test_an_invalid_shell_is_refused(name: str) -> None:
    with pytest.raises(InvalidShell, match="Invalid shell option"):
        shell_of(name)


@pytest.mark.parametrize(
    ("name", "extension"), [(None, ".sh"), ("sh", ".sh"), ("python", ".py"), ("pwsh", ".ps1"), ("perl {0}", "")]
)
def test_extensions(name: str | None, extension: str) -> None:
    assert shell_of(name).extension == extension


def test_scripts_are_mended() -> None:
    assert mended(shell_of("bash"), "a\r\nb") == "a\nb\n"
    powershell = mended(shell_of("pwsh"), "a")
    assert powershell.startswith("$ErrorActionPreference = 'stop'\n")
    assert "exit $LASTEXITCODE" in powershell
