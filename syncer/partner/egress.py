"""Egress policy: which addresses a partner's host may have.

It is enforced where a socket is made, so it sees every address that is really dialled: after name
resolution, for literal addresses in any spelling, for each attempt and each redirect.
Source: the special-purpose address registries of IANA; ``ipaddress.is_global`` alone lets NAT64,
6to4, multicast and 192.0.0.0/24 through on Python 3.11.
"""

from __future__ import annotations

import errno
import re
import socket
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Any
from urllib.parse import SplitResult, urlsplit

AddressInfo = tuple[int, int, int, str, tuple[Any, ...]]

_GLOBAL_UNICAST = IPv6Network("2000::/3")
_DENIED_4 = tuple(
    IPv4Network(network)
    for network in (
        "0.0.0.0/8",
        "100.64.0.0/10",  # carrier-grade NAT
        "192.0.0.0/24",  # protocol assignments
        "192.88.99.0/24",  # 6to4 relays
        "198.18.0.0/15",  # benchmarks
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, broadcast
    )
)
_DENIED_6 = tuple(
    IPv6Network(network)
    for network in (
        "2001::/23",  # protocol assignments, Teredo
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4
        "3fff::/20",  # documentation
    )
)
_HTTPS_PORT = 443
_FIRST_UNPRIVILEGED_PORT = 1024
_HOST = re.compile(r"[A-Za-z0-9._-]+|[0-9A-Fa-f:.]+")


class DeniedAddressError(OSError):
    """A socket was refused; inside aiohttp it must look like a connection that failed."""

    def __init__(self) -> None:
        super().__init__(errno.EACCES, "the egress policy forbids this address")


def is_public(address: str) -> bool:
    """Say whether an IP address is one that a partner on the public internet can have."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    if not parsed.is_global:
        return False
    if isinstance(parsed, IPv6Address):
        return parsed in _GLOBAL_UNICAST and not any(parsed in net for net in _DENIED_6)
    return not any(parsed in network for network in _DENIED_4)


def make_public_socket(info: AddressInfo) -> socket.socket:
    """Make a socket for a public address.

    Raises:
        DeniedAddressError: the address is not public.
    """
    family, kind, protocol, _, address = info
    if not is_public(str(address[0])):
        raise DeniedAddressError
    return socket.socket(family, kind, protocol)


def check_base_url(base_url: str, *, allow_insecure: bool) -> list[str]:
    """List what is wrong with a connector's ``base_url``, one line each; empty when it may be used.

    ``allow_insecure`` permits http, private addresses and any port, for tests and played partners.
    """
    parts = _split(base_url)
    if parts is None:
        return ["base_url must be an absolute URL with a host, such as https://partner.example/api"]
    faults = []
    schemes = ("https", "http") if allow_insecure else ("https",)
    if parts.scheme not in schemes:
        faults.append(f"base_url must start with {' or '.join(schemes)}://")
    if parts.username is not None or parts.password is not None:
        faults.append("base_url must not hold a user name or password; register credentials")
    if parts.query or parts.fragment or base_url.endswith(("?", "#")):
        faults.append("base_url must end with its path: no query, no fragment")
    if not allow_insecure:
        faults.extend(_faults_of_place(str(parts.hostname), parts.port))
    return faults


def _split(base_url: str) -> SplitResult | None:
    if not base_url.isprintable() or " " in base_url or "\\" in base_url:
        return None
    try:
        parts = urlsplit(base_url)
        port_is_usable = parts.port is None or parts.port > 0
    except ValueError:
        return None
    is_host = parts.hostname is not None and _HOST.fullmatch(parts.hostname) is not None
    return parts if is_host and port_is_usable else None


def _faults_of_place(host: str, port: int | None) -> list[str]:
    faults = []
    name = host.rstrip(".")
    if name == "localhost" or name.endswith((".localhost", ".local", ".internal")):
        faults.append("base_url must name a public host")
    literal = _literal(name)
    if literal is not None and not is_public(literal):
        faults.append("base_url must not name a private or reserved address")
    if port is not None and port != _HTTPS_PORT and port < _FIRST_UNPRIVILEGED_PORT:
        faults.append(f"base_url must use port {_HTTPS_PORT}, or one from 1024 on")
    return faults


def _literal(host: str) -> str | None:
    """Give the address that a host spells out, as the resolver reads it (0x7f.1, 2130706433)."""
    if ":" in host:
        return host
    try:
        return socket.inet_ntoa(socket.inet_aton(host))
    except OSError:
        return None
