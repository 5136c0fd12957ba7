"""One source may send so much; another is not hindered by it."""

from __future__ import annotations

import pytest

from services.ingress.rate import MAX_SOURCES, Buckets, networks, source_of


def test_a_burst_passes_and_then_the_rate_holds() -> None:
    buckets = Buckets(rate=2, burst=3)
    assert [buckets.take("a", 0) for _ in range(3)] == [0.0, 0.0, 0.0]
    assert buckets.take("a", 0) == pytest.approx(0.5)
    assert buckets.take("a", 0.5) == 0.0
    assert buckets.take("a", 0.5) == pytest.approx(0.5)


def test_sources_do_not_share_a_bucket() -> None:
    buckets = Buckets(rate=1, burst=1)
    assert buckets.take("a", 0) == 0.0
    assert buckets.take("b", 0) == 0.0
    assert buckets.take("a", 0) > 0


def test_a_bucket_never_holds_more_than_its_burst() -> None:
    buckets = Buckets(rate=1, burst=2)
    buckets.take("a", 0)
    assert [buckets.take("a", 1_000_000) > 0 for _ in range(3)] == [False, False, True]


def test_the_table_is_bounded_and_forgets_the_quietest() -> None:
    buckets = Buckets(rate=0.001, burst=1)
    for number in range(MAX_SOURCES):
        buckets.take(str(number), 0)
    buckets.take("0", 0)
    buckets.take("new", 0)
    assert buckets.take("0", 0) > 0, "it knocked last but one, so it is remembered"
    assert buckets.take("1", 0) == 0.0, "it was quiet for longest, so it was forgotten"


@pytest.mark.parametrize(
    ("peer", "forwarded", "proxies", "source"),
    [
        ("192.0.2.1", "", (), "192.0.2.1"),
        ("192.0.2.1", "198.51.100.7", (), "192.0.2.1"),
        ("192.0.2.1", "198.51.100.7", ("10.0.0.0/8",), "192.0.2.1"),
        ("10.0.0.1", "198.51.100.7", ("10.0.0.0/8",), "198.51.100.7"),
        ("10.0.0.1", "203.0.113.9, 198.51.100.7, 10.0.0.2", ("10.0.0.0/8",), "198.51.100.7"),
        ("10.0.0.1", "", ("10.0.0.0/8",), "10.0.0.1"),
        ("10.0.0.1", " , ", ("10.0.0.0/8",), "10.0.0.1"),
        ("10.0.0.1", "10.0.0.3, 10.0.0.2", ("10.0.0.0/8",), "10.0.0.1"),
        ("2001:db8:1:2:3::4", "", (), "2001:db8:1:2::/64"),
        ("2001:db8:1:2:5::6", "", (), "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "", (), "fe80::/64"),
        ("::1", "198.51.100.7", ("::1",), "198.51.100.7"),
        ("unix", "", (), "unix"),
        ("10.0.0.1", "not:an:address", ("10.0.0.1/32",), "not:an:address"),
    ],
)
def test_whose_bucket_it_is(peer: str, forwarded: str, proxies: tuple[str, ...], source: str) -> None:
    assert source_of(peer, forwarded, networks(proxies)) == source
