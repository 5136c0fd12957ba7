"""What a machine may reach, as text for nftables: compared with files that are read in review."""

from __future__ import annotations

import ipaddress
from pathlib import Path

import pytest

from services.vm_agent.sandbox import namespaces
from services.vm_agent.sandbox.network import host
from services.vm_agent.sandbox.network.namespace import Networks, first_resolver
from services.vm_agent.sandbox.network.policy import DENIED, Place, Policy, parse_place, rules

GOLDEN = Path(__file__).parent / "golden"
RESOLVER = ipaddress.IPv4Address("192.0.2.53")
HOST_END = ipaddress.IPv4Address("198.18.0.1")
TEXTS = {
    "public.nft": rules(Policy(resolver=RESOLVER)),
    "allowed.nft": rules(
        Policy(allow=(parse_place("10.1.2.3:5432"), parse_place("10.9.0.0/16")), resolver=RESOLVER, public=False)
    ),
    "no_names.nft": rules(Policy()),
    "host.nft": host.rules(None),
    "host_loopback_resolver.nft": host.rules(ipaddress.IPv4Address("127.0.0.53")),
}


@pytest.mark.parametrize("name", TEXTS)
def test_the_rules_are_those_of_the_golden_file(name: str) -> None:
    assert TEXTS[name] == (GOLDEN / name).read_text()


def test_a_spoofed_source_is_dropped_before_anything_established_passes() -> None:
    text = rules(Policy())
    assert text.index("ip saddr != 172.16.0.2 counter drop") < text.index("ct state established")


def test_what_the_operator_allows_stands_before_what_is_denied() -> None:
    text = rules(Policy(allow=(parse_place("10.1.2.3:5432"),)))
    assert text.index("ip daddr 10.1.2.3/32") < text.index(DENIED[0])


@pytest.mark.parametrize("address", ["10.0.0.5", "169.254.169.254", "172.16.0.2", "192.168.1.1", "198.18.0.1"])
def test_private_metadata_and_other_machines_addresses_are_denied(address: str) -> None:
    assert any(ipaddress.IPv4Address(address) in ipaddress.IPv4Network(network) for network in DENIED)


@pytest.mark.parametrize(
    "text",
    ["10.0.0.1; flush ruleset", "10.0.0.1:80 accept", "10.0.0.1:0", "10.0.0.1:65536", "::1", "host", "", "1.2/8"],
)
def test_what_is_no_place_is_refused_and_never_reaches_nftables(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_place(text)


def test_a_place_without_a_port_is_all_ports_of_its_network() -> None:
    assert parse_place("10.1.2.3/8") == Place(ipaddress.IPv4Network("10.0.0.0/8"))


def test_a_forks_job_gets_nothing_of_what_the_operator_allows(tmp_path: Path) -> None:
    networks = Networks(("10.1.2.3",), resolvers=tmp_path / "none")
    assert networks.policy_for("fork", HOST_END).allow == ()
    assert networks.policy_for("own", HOST_END).allow == (parse_place("10.1.2.3"),)


def test_a_resolver_on_the_hosts_loopback_is_asked_through_the_link(tmp_path: Path) -> None:
    (tmp_path / "resolv.conf").write_text("nameserver 127.0.0.53\n")
    assert Networks((), resolvers=tmp_path / "resolv.conf").policy_for("own", HOST_END).resolver == HOST_END


def test_the_first_resolver_with_an_ipv4_address_is_taken() -> None:
    assert first_resolver("# x\nnameserver ::1\nnameserver 192.0.2.53\nnameserver 192.0.2.54\n") == RESOLVER
    assert first_resolver("search example\nnameserver\n") is None


def test_a_links_name_fits_the_kernel_and_follows_from_the_namespace() -> None:
    assert len(namespaces.link_of("firebreak.0011aabb.a")) == 15
    assert namespaces.link_of("firebreak.0011aabb.a") != namespaces.link_of("firebreak.0011aabb.b")
