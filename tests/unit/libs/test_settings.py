"""The environment is read by one module, and an error names the variable."""

from pathlib import Path

import pytest

from libs.environment import BadSetting
from libs.settings import read_settings, without_password


def test_an_empty_environment_gives_the_documented_defaults() -> None:
    settings = read_settings({"HOME": "/home/me"})
    assert settings.home == Path("/home/me/.local/state/firebreak")
    assert (settings.port, settings.host, settings.driver) == (3000, "127.0.0.1", "auto")
    assert settings.github_api_url == "https://api.github.com"
    assert settings.clone_hosts == ("github.com",)
    assert settings.blobs_url == "file:///home/me/.local/state/firebreak/blobs"
    assert settings.archive == Path("/home/me/.local/state/firebreak/archive")


def test_the_names_of_the_old_system_keep_working() -> None:
    settings = read_settings(
        {
            "GITHUB_WEBHOOK_SECRET": "s",
            "GITHUB_TOKEN": "t",
            "PORT": "8080",
            "HOST": "0.0.0.0",
            "REPOSITORY_PATH": "/srv/repositories",
            "MAX_CONCURRENT_WORKFLOWS": "7",
        }
    )
    assert (settings.webhook_secret, settings.github_token, settings.port) == ("s", "t", 8080)
    assert (settings.repository_path, settings.slots) == (Path("/srv/repositories"), 7)


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("PORT", "http", "whole number"),
        ("PORT", "70000", "0 to 65535"),
        ("MAX_CONCURRENT_WORKFLOWS", "0", "1 to 1024"),
        ("FIREBREAK_DRIVER", "docker", "one of auto, firecracker, qemu"),
        ("NATS_URL", "localhost", "begins with nats"),
        ("GITHUB_API_URL", "ftp://x", "http"),
        ("FIREBREAK_SCHEDULER_LEASE", "maybe", "true or false"),
        ("FIREBREAK_HOST_ID", "a.b", "no host id"),
        ("FIREBREAK_TRUSTED_PROXIES", "proxy", "no address"),
        ("FIREBREAK_FORBID", "timeouts,retry", "some of timeouts, retries, fork-text"),
        ("FIREBREAK_TIMEOUT_FLOOR_S", "0", "1 to 21600"),
        ("FIREBREAK_DRIVR", "host", "did you mean FIREBREAK_DRIVER"),
    ],
)
def test_a_bad_value_is_an_error_that_names_the_variable(name: str, value: str, says: str) -> None:
    with pytest.raises(BadSetting, match=says) as caught:
        read_settings({name: value})
    assert name in str(caught.value)


def test_what_is_forbidden_and_the_floor_of_learned_limits() -> None:
    settings = read_settings({"FIREBREAK_FORBID": "fork-text, timeouts", "FIREBREAK_TIMEOUT_FLOOR_S": "2"})
    assert (settings.forbidden, settings.timeout_floor_seconds) == (frozenset({"timeouts", "fork-text"}), 2)
    assert (read_settings({}).forbidden, read_settings({}).timeout_floor_seconds) == (frozenset(), 300)


def test_a_pool_that_is_named_is_fixed() -> None:
    assert (read_settings({"FIREBREAK_POOL": "own=1"}).pool_is_fixed, read_settings({}).pool_is_fixed) == (True, False)


def test_an_empty_value_counts_as_unset() -> None:
    assert read_settings({"PORT": ""}).port == 3000


@pytest.mark.parametrize("name", ["GITHUB_WEBHOOK_SECRET", "GITHUB_TOKEN"])
def test_a_secret_may_come_by_file_without_its_line_end(name: str, tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text(" kept as it is \n")
    settings = read_settings({f"{name}_FILE": str(file)})
    assert " kept as it is " in (settings.webhook_secret, settings.github_token)


def test_a_secret_given_twice_is_an_error_that_names_both(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("by-file")
    with pytest.raises(BadSetting, match="GITHUB_TOKEN and GITHUB_TOKEN_FILE") as caught:
        read_settings({"GITHUB_TOKEN": "by-name", "GITHUB_TOKEN_FILE": str(file)})
    assert "by-" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "says"),
    [(None, "No such file"), (b"", "empty"), (b"\n", "empty"), (b"\xff\xfe", "UTF-8"), (b"x" * 70_000, "65536 bytes")],
)
def test_a_secret_file_that_holds_none_is_an_error_that_names_the_variable(
    content: bytes | None, says: str, tmp_path: Path
) -> None:
    file = tmp_path / "secret"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(BadSetting, match=says) as caught:
        read_settings({"GITHUB_WEBHOOK_SECRET_FILE": str(file)})
    assert "GITHUB_WEBHOOK_SECRET_FILE" in str(caught.value)


def test_a_secret_file_that_is_a_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(BadSetting, match="Is a directory"):
        read_settings({"GITHUB_TOKEN_FILE": str(tmp_path)})


def test_a_password_in_a_url_is_never_shown() -> None:
    assert without_password("nats://me:secret@127.0.0.1:4222") == "nats://127.0.0.1:4222"
    assert without_password("nats://127.0.0.1:4222") == "nats://127.0.0.1:4222"
