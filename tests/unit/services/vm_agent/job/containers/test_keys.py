"""Keys of a container: images, options, ports, volumes, as values that an engine takes, and what is refused."""

from __future__ import annotations

import pytest

from services.vm_agent.job.containers.images import image_name, registry_of, same_image, whole
from services.vm_agent.job.containers.options import read_options, with_gateway
from services.vm_agent.job.containers.paths import bound_folder, read_volume
from services.vm_agent.job.containers.ports import ports_context, read_port
from services.vm_agent.job.containers.refused import BadContainer

DIGEST = "sha256:" + "ab" * 32


@pytest.mark.row("containers: container")
@pytest.mark.parametrize(
    ("written", "name", "full", "registry"),
    [
        ("redis", "redis", "docker.io/library/redis:latest", "docker.io"),
        ("docker://alpine:3.20", "alpine:3.20", "docker.io/library/alpine:3.20", "docker.io"),
        ("Docker://alpine", "alpine", "docker.io/library/alpine:latest", "docker.io"),
        ("octo/app:1", "octo/app:1", "docker.io/octo/app:1", "docker.io"),
        ("docker.io/redis", "docker.io/redis", "docker.io/library/redis:latest", "docker.io"),
        ("index.docker.io/octo/app", "index.docker.io/octo/app", "docker.io/octo/app:latest", "docker.io"),
        ("ghcr.io/octo/app", "ghcr.io/octo/app", "ghcr.io/octo/app:latest", "ghcr.io"),
        ("localhost:5000/a/b/c:2", "localhost:5000/a/b/c:2", "localhost:5000/a/b/c:2", "localhost:5000"),
        (f"node@{DIGEST}", f"node@{DIGEST}", f"docker.io/library/node@{DIGEST}", "docker.io"),
        (" redis ", "redis", "docker.io/library/redis:latest", "docker.io"),
    ],
)
def test_names_of_images_are_made_whole(written: str, name: str, full: str, registry: str) -> None:
    assert (image_name(written), whole(name), registry_of(name)) == (name, full, registry)


@pytest.mark.row("containers: container")
@pytest.mark.parametrize("empty", ["", "  ", "docker://"])
def test_an_empty_image_is_no_container(empty: str) -> None:
    assert image_name(empty) == ""


@pytest.mark.parametrize("bad", ["--privileged", "a b", "redis;rm", "x" * 600, "a@sha256:12", "/x", "a\nb", "-v/:/x"])
def test_what_is_no_name_of_an_image_never_reaches_an_engine(bad: str) -> None:
    with pytest.raises(BadContainer, match="is no name of an image"):
        image_name(bad)


def test_a_name_from_an_archive_is_the_one_that_was_wanted() -> None:
    assert same_image("localhost/busybox:test", "busybox:test")
    assert same_image("docker.io/library/busybox:test", "docker.io/busybox:test")
    assert not same_image("localhost/busybox:test", "busybox")
    assert not same_image("ghcr.io/octo/busybox:test", "busybox:test")


@pytest.mark.row("containers: options")
@pytest.mark.parametrize("option", ["--network host", "--network=host", "--net host", "--cpus 1 --network x"])
def test_a_network_of_ones_own_is_refused(option: str) -> None:
    for service in (True, False):
        with pytest.raises(BadContainer, match="is not supported: every job has a network of its own"):
            read_options(option, service=service)


@pytest.mark.row("containers: options")
def test_the_jobs_container_keeps_its_entrypoint_and_a_service_may_have_another() -> None:
    with pytest.raises(BadContainer, match="--entrypoint is not supported"):
        read_options("--entrypoint sh", service=False)
    assert read_options("--entrypoint sh", service=True) == ("--entrypoint", "sh")
    assert read_options("", service=False) == ()
    assert read_options("--network-alias db", service=True) == ("--network-alias", "db")


@pytest.mark.row("containers: options")
def test_the_machines_address_has_a_word_of_docker() -> None:
    options = read_options("--add-host=host.docker.internal:host-gateway --add-host a:host-gateway -e b", service=False)
    assert with_gateway(options, "10.89.0.1") == (
        *("--add-host=host.docker.internal:10.89.0.1", "--add-host", "a:10.89.0.1", "-e", "b"),
    )


@pytest.mark.row("containers: ports")
@pytest.mark.parametrize(
    "port", ["80", "8080:80", "80/udp", "8080:80/tcp", "127.0.0.1:8080:80", "127.0.0.1::80", "[::1]:1:2", "90-92:80-82"]
)
def test_ports_are_taken_as_docker_takes_them(port: str) -> None:
    assert read_port(f" {port} ") == port


@pytest.mark.row("containers: ports")
@pytest.mark.parametrize(
    "bad", ["", "http", "80:http", "0", "70000", "80:70000", "80/x", "1:2:3:4", "--publish", "80 81"]
)
def test_what_is_no_port_is_refused(bad: str) -> None:
    with pytest.raises(BadContainer, match="ports: "):
        read_port(bad)


@pytest.mark.row("containers: job contexts")
def test_ports_of_a_service_are_those_that_the_engine_gave() -> None:
    said = {
        "53/udp": [{"HostIp": "", "HostPort": "5353"}],
        "53/tcp": [{"HostIp": "0.0.0.0", "HostPort": "53053"}, {"HostIp": "::", "HostPort": "53054"}],
        "80/tcp": [{"HostIp": "", "HostPort": 32768}],
        "90/tcp": None,
        "91/tcp": [],
        "92/tcp": "?",
    }
    assert ports_context(said) == {"53": "53053", "80": "32768"}
    assert ports_context({"53/udp": said["53/udp"]}) == {"53": "5353"}


@pytest.mark.row("containers: volumes")
@pytest.mark.parametrize(
    ("volume", "folder"),
    [("/data", ""), ("cache:/data", ""), ("/src:/data", "/src"), ("/src:/data:ro", "/src"), ("cache:/data:ro", "")],
)
def test_volumes_are_named_anonymous_or_bound(volume: str, folder: str) -> None:
    assert read_volume(volume) == volume
    assert bound_folder(volume) == folder


@pytest.mark.row("containers: volumes")
@pytest.mark.parametrize("bad", ["", "data", ":/x", "a:", "/a:b", "a:/b:c:d"])
def test_what_is_no_volume_is_refused(bad: str) -> None:
    with pytest.raises(BadContainer, match="volumes: "):
        read_volume(bad)
