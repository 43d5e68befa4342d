"""No page of another site reaches the service: raw requests against the Host and Origin rules."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import aiohttp
import pytest

from syncer.web.serving import listen

AUTHORIZATION = f"Authorization: Bearer {'t' * 43}"


def _request(target: str, *headers: str, version: str = "1.1") -> str:
    return "\r\n".join([f"GET {target} HTTP/{version}", *headers, "Connection: close", "", ""])


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1:PORT", "localhost:PORT", "LOCALHOST:PORT", "[::1]:PORT", "syncer.example:PORT"],
)
async def test_request_is_answered_when_host_and_port_are_on_the_list(
    house: Any, host: str
) -> None:
    status, _ = await house.raw(_request("/v1/connectors", f"Host: {host}", AUTHORIZATION))

    assert status == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:PORT",
        "localhost.evil.example:PORT",
        "localhost@evil.example:PORT",
        "evil.example@localhost:PORT",
        "localhost:PORT@evil.example",
        "127.0.0.1",
        "127.0.0.1:1",
        "localhost.:PORT",
        "0.0.0.0:PORT",
        "[::]:PORT",
        "syncer.example",
        "",
    ],
)
async def test_request_is_refused_when_host_or_port_is_not_on_the_list(
    house: Any, host: str
) -> None:
    for path in ("/v1/connectors", "/healthz", "/docs", "/nowhere"):
        status, answer = await house.raw(_request(path, f"Host: {host}", AUTHORIZATION))

        assert status == 403, path
        assert "host_not_allowed" in answer
        assert "Access-Control" not in answer


@pytest.mark.parametrize(
    ("target", "host"),
    [
        ("http://127.0.0.1:PORT/v1/connectors", "evil.example:PORT"),
        ("http://evil.example/v1/connectors", "127.0.0.1:PORT"),
        ("http://127.0.0.1:PORT/v1/connectors", "127.0.0.1:PORT"),
    ],
    ids=["good target, foreign host", "foreign target, good host", "both good"],
)
async def test_absolute_request_line_never_decides_about_the_host(
    house: Any, target: str, host: str
) -> None:
    status, answer = await house.raw(_request(target, f"Host: {host}", AUTHORIZATION))

    assert status == 403
    assert "host_not_allowed" in answer


async def test_http_1_0_request_without_host_is_refused(house: Any) -> None:
    status, answer = await house.raw(_request("/v1/connectors", AUTHORIZATION, version="1.0"))

    assert status == 403
    assert "host_not_allowed" in answer


@pytest.mark.parametrize(
    "headers",
    [(), ("Host: 127.0.0.1:PORT", "Host: 127.0.0.1:PORT")],
    ids=["no host", "two hosts"],
)
async def test_malformed_request_is_refused(house: Any, headers: tuple[str, ...]) -> None:
    status, answer = await house.raw(_request("/v1/connectors", *headers, AUTHORIZATION))

    assert status == 400
    assert "<html" not in answer.lower()


@pytest.mark.parametrize(
    "header",
    [
        "Origin: https://evil.example",
        "Origin: null",
        "Origin: http://localhost:1",
        "Origin: http://localhost:PORT.evil.example",
        "Sec-Fetch-Site: cross-site",
    ],
)
async def test_request_of_a_foreign_page_is_refused(house: Any, header: str) -> None:
    for path in ("/v1/connectors", "/healthz"):
        request = _request(path, "Host: localhost:PORT", header, AUTHORIZATION)

        status, answer = await house.raw(request)

        assert status == 403, path
        assert "origin_not_allowed" in answer
        assert "Access-Control" not in answer


@pytest.mark.parametrize(
    "header",
    ["Origin: http://localhost:PORT", "Origin: http://127.0.0.1:PORT", "Sec-Fetch-Site: none"],
)
async def test_request_of_an_own_page_is_answered(house: Any, header: str) -> None:
    request = _request("/v1/connectors", "Host: localhost:PORT", header, AUTHORIZATION)

    status, _ = await house.raw(request)

    assert status == 200


async def test_preflight_gets_no_permission(house: Any) -> None:
    request = (
        "OPTIONS /v1/refresh HTTP/1.1\r\nHost: localhost:PORT\r\nConnection: close\r\n"
        "Origin: https://evil.example\r\nAccess-Control-Request-Method: POST\r\n\r\n"
    )

    status, answer = await house.raw(request)

    assert status == 403
    assert "Access-Control-Allow" not in answer


@pytest.mark.parametrize(
    "framing",
    [
        "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
    ],
    ids=["length and chunks", "two lengths"],
)
async def test_smuggled_request_is_refused(house: Any, framing: str) -> None:
    status, _ = await house.raw(f"POST /v1/refresh HTTP/1.1\r\nHost: localhost:PORT\r\n{framing}")

    assert status == 400


async def test_host_rule_does_not_apply_on_a_unix_socket(house: Any, tmp_path: Path) -> None:
    path = tmp_path / "api.sock"
    app = house.make_application()
    async with listen(app, path=path) as address:
        connector = aiohttp.UnixConnector(address)
        async with (
            aiohttp.ClientSession(connector=connector) as http,
            http.get("http://whatever/healthz") as answer,
        ):
            assert answer.status == 200


async def test_unix_socket_is_for_owner_and_group_only(house: Any, tmp_path: Path) -> None:
    path = tmp_path / "api.sock"

    async with listen(house.make_application(), path=path):
        assert path.stat().st_mode & 0o777 == 0o660
