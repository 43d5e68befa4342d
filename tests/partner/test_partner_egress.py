"""Which addresses a partner may have, as configured and as really dialled."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from syncer.domain.errors import EgressRefusedError
from syncer.partner import check_base_url
from syncer.partner.egress import is_public
from syncer.partner.session import PartnerSession

Open = Callable[..., Awaitable[PartnerSession]]

NOT_PUBLIC = [
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "100.64.0.1",
    "100.127.255.254",
    "127.0.0.1",
    "127.8.8.8",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.1",
    "192.0.0.8",
    "192.0.0.170",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.51.100.7",
    "203.0.113.9",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:8.8.8.8",
    "::ffff:0:8.8.8.8",
    "64:ff9b::7f00:1",
    "64:ff9b::808:808",
    "64:ff9b:1::1",
    "100::1",
    "2001::1",
    "2001:10::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "2002:808:808::1",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd12:3456::1",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
    "ff0e::1",
    "localhost",
    "",
]
PUBLIC = ["1.1.1.1", "8.8.8.8", "91.183.12.4", "2606:4700::1111", "2a02:a03f::1"]
LOOPBACK_SPELLINGS = [
    "127.0.0.1",
    "127.1",
    "0x7f.1",
    "0x7f000001",
    "2130706433",
    "0177.0.0.1",
    "0",
    "[::1]",
    "[::ffff:127.0.0.1]",
    "localhost",
]


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_egress_policy_denies_an_address_that_is_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_egress_policy_permits_a_public_address(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("host", LOOPBACK_SPELLINGS)
async def test_session_refuses_to_dial_loopback_in_any_spelling(
    host: str, open_session: Open
) -> None:
    session = await open_session(f"https://{host}:44399", allow_insecure=False)

    with pytest.raises(EgressRefusedError, match="egress policy"):
        await session.request("GET", "/")


@pytest.mark.parametrize("host", LOOPBACK_SPELLINGS)
def test_base_url_on_loopback_is_a_fault_in_any_spelling(host: str) -> None:
    assert check_base_url(f"https://{host}/api", allow_insecure=False)


@pytest.mark.parametrize(
    ("base_url", "fault"),
    [
        ("", "absolute URL"),
        ("partner.example", "absolute URL"),
        ("https://", "absolute URL"),
        ("https:///path", "absolute URL"),
        ("https://partner.example:0", "absolute URL"),
        ("https://partner.example:99999", "absolute URL"),
        ("https://partner.example:x", "absolute URL"),
        ("https://[::1", "absolute URL"),
        ("https://partner.example/ a", "absolute URL"),
        ("https://partner.example\\@evil.example", "absolute URL"),
        ("https://partner.example/\r\nX: y", "absolute URL"),
        ("https://pärtner.example", "absolute URL"),
        ("http://partner.example", "https://"),
        ("ftp://partner.example", "https://"),
        ("https://user:pass@partner.example", "user name or password"),
        ("https://user@partner.example", "user name or password"),
        ("https://partner.example/?a=b", "no query"),
        ("https://partner.example/?", "no query"),
        ("https://partner.example/#top", "no fragment"),
        ("https://partner.example:25", "port 443"),
        ("https://10.1.2.3", "private or reserved"),
        ("https://[fd00::1]:8443", "private or reserved"),
        ("https://printer.local", "public host"),
        ("https://metadata.google.internal.", "public host"),
    ],
)
def test_base_url_fault_is_named(base_url: str, fault: str) -> None:
    faults = check_base_url(base_url, allow_insecure=False)

    assert any(fault in line for line in faults)


@pytest.mark.parametrize(
    "base_url",
    [
        "https://partner.example",
        "https://partner.example/",
        "https://partner.example/gate/api",
        "https://partner.example:443",
        "https://partner.example:8443/x",
        "https://[2606:4700::1111]/x",
        "https://8.8.8.8",
    ],
)
def test_base_url_of_a_public_https_host_has_no_fault(base_url: str) -> None:
    assert check_base_url(base_url, allow_insecure=False) == []


@pytest.mark.parametrize("base_url", ["http://127.0.0.1:80/x", "https://localhost", "http://[::1]"])
def test_base_url_may_be_http_and_private_when_insecure_is_allowed(base_url: str) -> None:
    assert check_base_url(base_url, allow_insecure=True) == []
