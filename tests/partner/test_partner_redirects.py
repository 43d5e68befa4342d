"""Redirects: followed within the origin, never to another host."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest
from aiohttp import web

from syncer.domain.errors import EgressRefusedError, UnexpectedAnswerError
from syncer.partner.session import PartnerSession

Serve = Callable[..., Awaitable[str]]
Open = Callable[..., Awaitable[PartnerSession]]
STATUSES = [301, 302, 303, 307, 308]


class Stranger:
    """Another host, which must not hear of us."""

    def __init__(self) -> None:
        self.heard: list[dict[str, str]] = []

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        self.heard.append(dict(request.headers))
        return web.Response(text="{}")


@pytest.mark.parametrize("status", STATUSES)
async def test_redirect_to_another_origin_sends_nothing_there(
    status: int, serve: Serve, open_session: Open
) -> None:
    stranger = Stranger()
    elsewhere = await serve(stranger)

    async def partner(request: web.Request) -> web.StreamResponse:
        return web.Response(status=status, headers={"Location": f"{elsewhere}/x"})

    session = await open_session(await serve(partner))

    with pytest.raises(EgressRefusedError, match="another origin"):
        await session.request("GET", "/v1/x")

    assert stranger.heard == []


@pytest.mark.parametrize(
    "location",
    [
        "//evil.example/x",
        "https://evil.example/x",
        "http://127.0.0.1:1/x",
        "http://user:pass@{host}/x",
        "https://{host}/x",
        "ftp://{host}/x",
        "file:///etc/passwd",
    ],
)
async def test_redirect_is_refused_when_its_place_has_another_origin(
    location: str, serve: Serve, open_session: Open
) -> None:
    async def partner(request: web.Request) -> web.StreamResponse:
        return web.Response(status=302, headers={"Location": location.format(host=request.host)})

    session = await open_session(await serve(partner))

    with pytest.raises(EgressRefusedError):
        await session.request("GET", "/v1/x")


@pytest.mark.parametrize(
    "location", ["/v2/x?a=1%2B1", "../v2/x?a=1%2B1", "http://{host}/v2/x?a=1%2B1"]
)
@pytest.mark.parametrize("status", STATUSES)
async def test_redirect_within_the_origin_is_followed_with_all_headers(
    status: int, location: str, serve: Serve, open_session: Open
) -> None:
    seen: list[tuple[str, str | None]] = []

    async def partner(request: web.Request) -> web.StreamResponse:
        seen.append((request.raw_path, request.headers.get("X-Api-Key")))
        if request.path == "/v2/x":
            return web.Response(text="moved here")
        return web.Response(status=status, headers={"Location": location.format(host=request.host)})

    session = await open_session(await serve(partner))

    answer = await session.request("GET", "/v1/x")

    assert answer.body == b"moved here"
    assert seen == [("/v1/x", "secret-key-1"), ("/v2/x?a=1%2B1", "secret-key-1")]


async def test_redirects_in_a_circle_end(serve: Serve, open_session: Open) -> None:
    requests = 0

    async def partner(request: web.Request) -> web.StreamResponse:
        nonlocal requests
        requests += 1
        return web.Response(status=302, headers={"Location": "/again"})

    session = await open_session(await serve(partner))

    with pytest.raises(UnexpectedAnswerError):
        await session.request("GET", "/")

    assert requests == 6


@pytest.mark.parametrize("headers", [{}, {"Location": "http://["}, {"Location": "http://a:b/"}])
async def test_redirect_without_a_usable_place_is_an_unexpected_answer(
    headers: dict[str, str], serve: Serve, open_session: Open
) -> None:
    async def partner(request: web.Request) -> web.StreamResponse:
        return web.Response(status=302, headers=headers)

    session = await open_session(await serve(partner))

    with pytest.raises(UnexpectedAnswerError):
        await session.request("GET", "/")


async def test_redirect_of_a_post_is_not_followed(serve: Serve, open_session: Open) -> None:
    requests = 0

    async def partner(request: web.Request) -> web.StreamResponse:
        nonlocal requests
        requests += 1
        return web.Response(status=307, headers={"Location": "/other"})

    session = await open_session(await serve(partner))

    with pytest.raises(UnexpectedAnswerError):
        await session.request("POST", "/", body=b"x")

    assert requests == 1


async def test_redirect_of_a_download_to_another_origin_is_refused(
    serve: Serve, open_session: Open
) -> None:
    stranger = Stranger()
    elsewhere = await serve(stranger)

    async def partner(request: web.Request) -> web.StreamResponse:
        return web.Response(status=302, headers={"Location": elsewhere})

    session = await open_session(await serve(partner))

    with pytest.raises(EgressRefusedError):
        async with session.download("/photo"):
            pass

    assert stranger.heard == []
