"""Host and Origin rules: no page of another site reaches the local port, by rebinding or else.

Only the raw headers are looked at: the framework lets an absolute request line, and HTTP/1.0
without a ``Host``, decide what the host is.
"""

from __future__ import annotations

from collections.abc import Sequence

from aiohttp import web

from syncer.domain.errors import RequestRefusedError

_LOOPBACK_NAMES = ("127.0.0.1", "localhost", "[::1]")
_DEFAULT_PORTS = {"http": 80, "https": 443}


class OriginRules:
    """The allow-list of hosts, each a name and a port.

    ``allowed_hosts`` are names besides the loopback ones; one without a port is taken at the port
    that the connection came to. ``name:443`` also stands for a bare name, as proxies pass it on.
    """

    def __init__(self, allowed_hosts: Sequence[str]) -> None:
        self._names = (*_LOOPBACK_NAMES, *(host.lower() for host in allowed_hosts))

    def check(self, request: web.Request) -> None:
        """Look at a request before anything else does.

        Raises:
            RequestRefusedError: 403 ``host_not_allowed`` or ``origin_not_allowed``.
        """
        port = _own_port(request)
        if port is not None:
            self._check_host(request, port)
        self._check_origin(request, port)

    def _check_host(self, request: web.Request, port: int) -> None:
        hosts = request.headers.getall("Host", [])
        is_origin_form = request.raw_path.startswith("/")
        if not is_origin_form or len(hosts) != 1 or not self._allows(hosts[0].lower(), port):
            text = "Call the service by a host name and port on its allow-list."
            raise RequestRefusedError(403, "host_not_allowed", text)

    def _check_origin(self, request: web.Request, port: int | None) -> None:
        origins = request.headers.getall("Origin", [])
        sites = request.headers.getall("Sec-Fetch-Site", [])
        is_foreign = any(not self._is_own(origin, port) for origin in origins)
        if is_foreign or any(site.strip().lower() == "cross-site" for site in sites):
            text = "Pages of other sites may not call the service."
            raise RequestRefusedError(403, "origin_not_allowed", text)

    def _is_own(self, origin: str, port: int | None) -> bool:
        scheme, mark, host = origin.strip().lower().partition("://")
        return bool(mark) and scheme in _DEFAULT_PORTS and self._allows(host, port, scheme)

    def _allows(self, host: str, port: int | None, *schemes: str) -> bool:
        ports = [_DEFAULT_PORTS[scheme] for scheme in schemes or _DEFAULT_PORTS]
        given = {host} if _has_port(host) else {f"{host}:{bare}" for bare in ports}
        allowed = {name if _has_port(name) else f"{name}:{port}" for name in self._names}
        return bool(given & allowed)


def _has_port(host: str) -> bool:
    return ":" in host.rpartition("]")[2]


def _own_port(request: web.Request) -> int | None:
    """Give the port that the connection came to; None on a Unix socket."""
    address = request.transport.get_extra_info("sockname") if request.transport else None
    return address[1] if isinstance(address, tuple) else None
