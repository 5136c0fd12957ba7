"""Where a repository may be fetched from."""

from __future__ import annotations

import pytest

from libs.github.addresses import ClonePolicy, UrlRefused

STRICT = ClonePolicy(("github.com", "git.example.org:8443"))
PRIVATE = ClonePolicy(("github.com",), private=True)


@pytest.mark.parametrize(
    ("url", "protocol", "host", "port"),
    [
        ("https://github.com/octo-org/app.git", "https", "github.com", 443),
        ("https://GitHub.com/octo-org/app", "https", "github.com", 443),
        ("https://github.com:443/octo-org/app.git", "https", "github.com", 443),
        ("https://git.example.org:8443/a/b.git", "https", "git.example.org", 8443),
        ("ssh://git@github.com/octo-org/app.git", "ssh", "github.com", 22),
        ("git@github.com:octo-org/app.git", "ssh", "github.com", 22),
    ],
)
def test_allowed(url: str, protocol: str, host: str, port: int) -> None:
    parsed = STRICT.parsed(url)
    assert (parsed.protocol, parsed.host, parsed.port, parsed.url) == (protocol, host, port, url)


REFUSED = [
    "",
    "ext::sh -c touch% /tmp/x",
    "ext::sh",
    "fd::3",
    "--upload-pack=touch /tmp/x",
    "-u",
    "https://github.com/a b",
    "https://github.com/a\nb",
    "https://user@github.com/a/b.git",
    "https://user:password@github.com/a/b.git",
    "ssh://git:password@github.com/a/b.git",
    "ssh://-oProxyCommand=x@github.com/a/b",
    "ssh://-oProxyCommand=x/a/b",
    "https://",
    "https:///a/b",
    "https://github.com",
    "https://github.com/a?b",
    "https://github.com/a#b",
    "https://github.com:99999/a/b",
    "https://[::1/a",
    "git://github.com/a/b.git",
    "ftp://github.com/a/b",
    "https://github.com.evil.example/a/b.git",
    "https://github.com@evil.example/a/b.git",
    "https://" + "a" * 2000,
]


@pytest.mark.parametrize("url", REFUSED)
@pytest.mark.parametrize("policy", [STRICT, PRIVATE])
def test_refused_always(url: str, policy: ClonePolicy) -> None:
    with pytest.raises(UrlRefused):
        policy.parsed(url)


@pytest.mark.parametrize(
    "url",
    [
        "https://example.org/a/b.git",
        "https://github.com:8443/a/b.git",
        "https://git.example.org/a/b.git",
        "git@gitlab.example:a/b.git",
        "http://github.com/a/b.git",
        "file:///srv/git/a",
        "file://host/srv/git/a",
        "/srv/git/a",
        "srv/git/a",
        "https://127.0.0.1/a/b",
        "https://[::1]/a/b",
        "https://localhost/a/b",
    ],
)
def test_refused_unless_configured(url: str) -> None:
    with pytest.raises(UrlRefused):
        STRICT.parsed(url)


@pytest.mark.parametrize(
    ("url", "protocol"),
    [
        ("/srv/git/a", "file"),
        ("file:///srv/git/a", "file"),
        ("http://127.0.0.1:8000/a/b", "http"),
        ("https://[::1]/a/b", "https"),
        ("http://localhost:3000/a/b", "http"),
        ("https://10.0.0.7/a/b", "https"),
    ],
)
def test_private_allows_this_machine_and_its_network(url: str, protocol: str) -> None:
    assert PRIVATE.parsed(url).protocol == protocol


@pytest.mark.parametrize("url", ["https://example.org/a/b", "https://8.8.8.8/a/b", "srv/git/a"])
def test_private_does_not_allow_strangers(url: str) -> None:
    with pytest.raises(UrlRefused):
        PRIVATE.parsed(url)


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "0.0.0.0", "100.64.0.1", "224.0.0.1",
     "::1", "::", "fe80::1%eth0", "fc00::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::",
     "ff02::1", "nonsense"],
)  # fmt: skip
def test_a_name_that_stands_for_a_private_address_is_refused(address: str) -> None:
    with pytest.raises(UrlRefused, match="no public address"):
        STRICT.check_addresses("github.com", ["140.82.121.4", address])
    PRIVATE.check_addresses("github.com", [address])


@pytest.mark.parametrize("address", ["140.82.121.4", "8.8.8.8", "2606:50c0:8000::153"])
def test_public_addresses(address: str) -> None:
    STRICT.check_addresses("github.com", [address])


async def test_names_are_resolved_before_anything_is_fetched() -> None:
    with pytest.raises(UrlRefused, match="no public address"):
        await ClonePolicy(("localhost",)).allowed("https://localhost/a/b.git")


async def test_what_was_checked_is_pinned() -> None:
    allowed = await PRIVATE.allowed("http://127.0.0.1:8000/a/b")
    assert allowed.pinned == ("127.0.0.1",)
