"""The bookkeeping of a pull and of a tail's reader, without a server: what they ask for, and when they doubt."""

from __future__ import annotations

import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg

from libs.bus.jetstream.client import LeanClient, servers_of
from libs.bus.jetstream.connection import Connection
from libs.bus.jetstream.pull import Place, place_of
from libs.bus.port import BusDown


def test_a_delivery_tells_its_place_with_and_without_a_domain() -> None:
    place = Place(2, 17, 5, 1_795_501_315_156_638_140, 3)
    assert place_of("$JS.ACK.EVENTS.reader.2.17.5.1795501315156638140.3") == place
    assert place_of("$JS.ACK.hub.ABCDEF.EVENTS.reader.2.17.5.1795501315156638140.3") == place
    assert place_of("$JS.ACK.hub.ABCDEF.EVENTS.reader.2.17.5.1795501315156638140.3.random") == place


async def test_names_become_inboxes_that_a_server_can_allow() -> None:
    assert Connection("vm agent.1").inbox.startswith("_INBOX_vm_agent_1.")


async def test_a_collector_is_told_when_no_more_answers_come() -> None:
    connection = Connection("test")
    told: list[Msg | None] = []
    connection.collect(told.append)
    await connection.close()
    assert told == [None]


async def test_an_address_that_is_none_is_said() -> None:
    with pytest.raises(BusDown, match="no NATS"):
        await Connection("test").open("not an address", 1.0)


def test_headers_are_read_as_the_library_reads_them() -> None:
    raw = b"Nats-Expected: 7\r\ntraceparent:00-a-b-01\r\nEmpty:\r\nWith: a: colon, and spaces\r\nBad: \xff\r\n\r\n"
    ours = LeanClient._parse_header_lines(raw)  # pyright: ignore[reportPrivateUsage]
    assert ours == Client._parse_header_lines(raw)  # pyright: ignore[reportPrivateUsage]
    assert ours["With"] == "a: colon, and spaces"


def test_credentials_are_taken_out_of_an_address() -> None:
    assert servers_of("nats://a:4222, nats://b:4222") == (["nats://a:4222", "nats://b:4222"], None, None)
    assert servers_of("nats://me:p%3Aw%2F@a:4222") == (["nats://a:4222"], "me", "p:w/")
    assert servers_of("tls://token@a:4222") == (["tls://a:4222"], "token", None)
