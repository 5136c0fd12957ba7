"""compose.yaml and Dockerfile: valid for the tool that reads them, complete, pinned, and without a secret in them.

No image is built here: that needs a container engine and a registry.
"""

from __future__ import annotations

import json
import re
import subprocess
import tomllib
from collections.abc import Mapping
from typing import Any, cast

import pytest
import yaml

from libs.settings import read_settings
from services.cli.__main__ import COMMANDS
from tests.contract.infra.programs import ROOT, program

CONFIG_SECONDS = 60
OPTIONAL = {"model"}
"""Started by a profile of its own."""
SERVICES = {name for name, (module, _) in COMMANDS.items() if module == "service"}
SECRETS = {"GITHUB_WEBHOOK_SECRET", "GITHUB_TOKEN"}


def composed() -> dict[str, dict[str, Any]]:
    """The services of compose.yaml with its anchors resolved, as any YAML reader sees them."""
    document = cast(dict[str, Any], yaml.safe_load((ROOT / "compose.yaml").read_text()))
    return cast(dict[str, dict[str, Any]], document["services"])


def test_docker_compose_accepts_the_file() -> None:
    command = [program("docker-compose"), "-f", str(ROOT / "compose.yaml"), "config"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=CONFIG_SECONDS, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr
    # Of the optional ones some versions show what no profile asks for.
    assert set(yaml.safe_load(done.stdout)["services"]) | OPTIONAL == SERVICES | {"nats"}


def test_every_service_is_there_and_is_started_by_its_own_command() -> None:
    services = composed()
    assert set(services) == SERVICES | {"nats"}
    assert {name: services[name]["command"] for name in SERVICES} == {name: [name] for name in SERVICES}


def test_every_service_is_built_with_its_own_extra_and_no_other() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    for name in SERVICES:
        assert composed()[name]["build"] == {"context": ".", "args": {"SERVICE": name}}
        assert name in extras


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_the_settings_of_a_service_are_ones_that_it_reads(name: str, tmp_path: Any) -> None:
    environment = cast(Mapping[str, str], composed()[name]["environment"])
    secret = tmp_path / "secret"
    secret.write_text("s")
    given = {
        key: str(secret) if key.endswith("_FILE") else re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", value)
        for key, value in environment.items()
    }
    settings = read_settings(given)
    assert settings.nats_url == "nats://nats:4222"
    assert all(isinstance(value, str) for value in environment.values())


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_a_secret_comes_by_file_and_only_where_it_is_needed(name: str) -> None:
    service = composed()[name]
    assert not SECRETS & set(service["environment"])
    named = {key.removesuffix("_FILE").lower() for key in service["environment"] if key.endswith("_FILE")}
    assert named == set(service.get("secrets", []))
    needed = {
        "ingress": {"github_webhook_secret"},
        "parser": {"github_token"},
        "scheduler": {"firebreak_secrets_key"},
        "agent": {"github_token"},
        "reporter": {"github_token"},
        "analytics": {"firebreak_analytics_token"},
    }
    assert named == needed.get(name, set())


@pytest.mark.parametrize("name", sorted(SERVICES | {"nats"}))
def test_every_container_restarts_is_checked_and_is_held_in(name: str) -> None:
    service = composed()[name]
    assert service["restart"] == "unless-stopped"
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "privileged" not in service
    assert service.get("profiles", []) == ([name] if name in OPTIONAL else [])
    assert service["healthcheck"]["test"][0] == "CMD"
    if name != "agent":
        assert service["security_opt"] == ["no-new-privileges:true"]


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_a_health_check_asks_the_port_that_the_service_opens(name: str) -> None:
    service = composed()[name]
    environment = service["environment"]
    port, path = {
        "ingress": (environment.get("PORT"), "readyz"),
        "console": (environment.get("FIREBREAK_CONSOLE_PORT"), "readyz"),
        "analytics": (environment.get("FIREBREAK_ANALYTICS_PORT"), "healthz"),
    }.get(name, (environment.get("FIREBREAK_METRICS_PORT"), "metrics"))
    assert f"http://127.0.0.1:{port}/{path}" in json.dumps(service["healthcheck"]["test"])


def test_images_are_pinned_and_ours_do_not_run_as_root() -> None:
    lines = (ROOT / "Dockerfile").read_text().splitlines()
    bases = [line.split()[1] for line in lines if line.startswith("FROM ")]
    for image in [*bases, composed()["nats"]["image"]]:
        assert re.fullmatch(r"(python|nats):\d+\.\d+[\w.-]*", image), image
    users = [line for line in lines if line.startswith("USER ")]
    assert users
    assert users[-1] == "USER firebreak"
    assert lines.index(users[-1]) > max(index for index, line in enumerate(lines) if line.startswith("FROM "))


def test_the_image_installs_from_the_lock_and_from_hashes() -> None:
    text = (ROOT / "Dockerfile").read_text()
    for line in re.findall(r"uv sync [^\n]*", text):
        assert "--frozen" in line
        assert '--extra "$SERVICE"' in line
        assert "--no-dev" in line
    assert "--require-hashes" in text
    assert 'ENTRYPOINT ["firebreak"]' in text


def test_what_the_image_copies_is_in_the_repository() -> None:
    for line in (ROOT / "Dockerfile").read_text().splitlines():
        if line.startswith("COPY ") and "--from" not in line:
            for source in line.split()[1:-1]:
                assert (ROOT / source).exists(), line
