"""The units: understood by systemd to the last line, and starting what there is with settings that are read."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from libs import settings
from libs.bus.server import find_binary
from libs.settings import read_settings
from services.cli.__main__ import COMMANDS
from tests.contract.infra.programs import ROOT, program

UNITS = ROOT / "infra" / "systemd"
SERVICES = {name for name, (module, _) in COMMANDS.items() if module == "service"}
VERIFY_SECONDS = 60


def test_systemd_understands_every_line_of_every_unit(tmp_path: Path) -> None:
    """Only the programs' places are changed, to ones that this machine has."""
    analyze = program("systemd-analyze")
    firebreak = str(Path(sys.executable).parent / "firebreak")
    for unit in [*UNITS.glob("*.service"), *UNITS.glob("*.target")]:
        text = unit.read_text().replace("/opt/firebreak/.venv/bin/firebreak", firebreak)
        (tmp_path / unit.name).write_text(text.replace("/usr/local/bin/nats-server", find_binary()))
    added = tmp_path / "firebreak-agent.service.d"
    added.mkdir()
    (added / "machines.conf").write_text((UNITS / "agent-machines.conf").read_text())
    (tmp_path / "firebreak@model.service.d").mkdir()
    (tmp_path / "firebreak@model.service.d" / "model.conf").write_text((UNITS / "model.conf").read_text())
    names = [f"firebreak@{name}.service" for name in sorted(SERVICES - {"agent"})]
    for name in names:
        (tmp_path / name).symlink_to("firebreak@.service")
    wanted = [str(tmp_path / name) for name in [*names, "firebreak-agent.service", "nats.service", "firebreak.target"]]
    done = subprocess.run(
        [analyze, "verify", "--man=no", *wanted], capture_output=True, text=True, timeout=VERIFY_SECONDS, check=False
    )
    about_ours = [line for line in done.stderr.splitlines() if "firebreak" in line or "nats" in line]
    assert (done.returncode, about_ours) == (0, []), done.stderr


def test_systemd_would_complain_of_a_line_that_it_does_not_know(tmp_path: Path) -> None:
    """The check above can fail: the same call on a unit with a misspelt key."""
    unit = tmp_path / "firebreak-wrong.service"
    unit.write_text("[Service]\nExecStart=/bin/true\nProtectSytem=strict\n")
    command = [program("systemd-analyze"), "verify", "--man=no", str(unit)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=VERIFY_SECONDS, check=False)
    assert "ProtectSytem" in done.stderr


def test_the_target_starts_every_service_once() -> None:
    wanted = re.findall(r"firebreak[@-](\w+)\.service", (UNITS / "firebreak.target").read_text())
    assert sorted(wanted) == sorted(SERVICES - {"model"})


def test_the_models_service_is_told_no_secret_but_its_own() -> None:
    unset = set(re.findall(r"^UnsetEnvironment=(.*)$", (UNITS / "model.conf").read_text(), re.MULTILINE))
    source = Path(settings.__file__).read_text()
    secrets = set(re.findall(r'reader\.secret\("([A-Z_]+)"', source)) - {"OPENROUTER_API_KEY"}
    assert set(" ".join(unset).split()) == secrets | {f"{name}_FILE" for name in secrets}


@pytest.mark.parametrize("unit", ["firebreak@.service", "firebreak-agent.service"])
def test_a_unit_stops_the_service_before_its_children_and_does_not_repeat_a_wrong_setting(unit: str) -> None:
    lines = (UNITS / unit).read_text().splitlines()
    assert {"KillMode=mixed", "RestartPreventExitStatus=2", "User=firebreak", "NoNewPrivileges=yes"} <= set(lines)


def test_the_example_of_the_environment_file_is_read_without_complaint() -> None:
    lines = (UNITS / "firebreak.env.example").read_text().splitlines()
    given = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
    read = read_settings({**given, "GITHUB_WEBHOOK_SECRET": "s"})
    assert (read.driver, read.host, read.trusted_proxies) == ("bubblewrap", "127.0.0.1", ("127.0.0.1",))
    assert {"GITHUB_WEBHOOK_SECRET", "GITHUB_TOKEN", "HOST", "PORT", "REPOSITORY_PATH"} <= given.keys()
