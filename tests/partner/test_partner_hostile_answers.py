"""Answers that are broken, endless, inflated or slow: always one of our errors, always bounded."""

from __future__ import annotations

import asyncio
import gzip
import tracemalloc
import zlib
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest
from aiohttp import web

from syncer.dispatch.ambient import SystemClock
from syncer.domain.errors import (
    PartnerTimeoutError,
    PartnerUnavailableError,
    PayloadError,
    SyncerError,
)
from syncer.partner import Bounds
from syncer.partner.session import PartnerSession
from syncer.testing.ambient import FakeClock

Serve = Callable[..., Awaitable[str]]
Open = Callable[..., Awaitable[PartnerSession]]

MIB = 1024 * 1024
OK = b"HTTP/1.1 200 OK\r\n"
SMALL = Bounds(body_bytes=2 * MIB, download_bytes=3 * MIB, deadline=timedelta(seconds=1.5))


def sized(body: bytes, *headers: bytes, length: int | None = None) -> bytes:
    head = [OK + b"Content-Length: %d" % (len(body) if length is None else length), *headers]
    return b"\r\n".join(head) + b"\r\n\r\n" + body


def answering(*pieces: bytes, pause: float = 0.0, forever: bool = False) -> Callable[..., object]:
    """Send the pieces, the last one again and again if ``forever``, then close."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
        while forever:
            writer.write(pieces[-1])
            await writer.drain()
            await asyncio.sleep(pause)

    return talk


async def download_into(pieces: list[bytes], session: PartnerSession) -> None:
    async with session.download("/photo") as download:
        async for piece in download.chunks():
            pieces.append(piece)  # noqa: PERF401  what came before a failure counts too


def bomb(size: int) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    return b"".join(packer.compress(bytes(MIB)) for _ in range(size // MIB)) + packer.flush()


async def silence(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()


GZIP = b"Content-Encoding: gzip"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
ONE_CHUNK = b"10000\r\n" + bytes(0x10000) + b"\r\n"

TOO_MUCH = {
    "announced too large": answering(sized(b"x", length=30 * MIB)),
    "endless chunks": answering(CHUNKED, ONE_CHUNK, forever=True),
    "endless until close": answering(OK + b"\r\n", bytes(MIB), forever=True),
    "gzip bomb of 210 MB": answering(sized(bomb(210 * MIB), GZIP)),
    "gzip bomb of 1.5 MB, over the ratio": answering(sized(bomb(MIB + MIB // 2 + MIB), GZIP)),
    "deflate bomb": answering(
        sized(zlib.compress(bytes(100 * MIB), 9), b"Content-Encoding: deflate")
    ),
    "nested gzip": answering(sized(gzip.compress(bomb(MIB)), b"Content-Encoding: gzip, gzip")),
}
BROKEN = {
    "closed at once": answering(),
    "not HTTP": answering(b"SSH-2.0-OpenSSH_9.6\r\n\r\n"),
    "status is no number": answering(b"HTTP/1.1 abc OK\r\n\r\n"),
    "head cut off": answering(b"HTTP/1.1 200 OK\r\nContent-Le"),
    "body cut off": answering(sized(b'{"items": [', length=500)),
    "chunked body cut off": answering(CHUNKED, b"5\r\nhello\r\n"),
    "chunk size is junk": answering(CHUNKED, b"zz\r\nhello\r\n"),
    "two lengths": answering(OK + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab"),
    "negative length": answering(OK + b"Content-Length: -5\r\n\r\nab"),
    "not gzip": answering(sized(b"this is not gzip", GZIP)),
    "gzip cut off": answering(sized(gzip.compress(bytes(range(256)) * 99)[:200], GZIP, length=900)),
    "line break in a header": answering(OK + b"X-A: b\0c\r\n\r\n"),
    "huge header": answering(OK + b"X-A: " + b"a" * 100_000 + b"\r\n\r\n"),
    "endless headers": answering(OK, b"X-A: " + b"a" * 4000 + b"\r\n", forever=True),
}
SLOW = {
    "silent": silence,
    "silent after the head": answering(
        OK + b"Content-Length: 9\r\n\r\n", b"", forever=True, pause=9
    ),
    "one byte now and then": answering(
        OK + b"Content-Length: 100000\r\n\r\n", b"x", forever=True, pause=0.05
    ),
    "a header now and then": answering(OK, b"X-A: b\r\n", forever=True, pause=0.05),
}


@pytest.mark.parametrize("talk", TOO_MUCH.values(), ids=TOO_MUCH.keys())
async def test_answer_that_is_too_much_is_a_payload_error(
    talk: object, serve_raw: Serve, open_session: Open
) -> None:
    session = await open_session(await serve_raw(talk), bounds=SMALL)

    with pytest.raises(PayloadError):
        await session.request("GET", "/")


@pytest.mark.parametrize("talk", TOO_MUCH.values(), ids=TOO_MUCH.keys())
async def test_download_that_is_too_much_is_a_payload_error(
    talk: object, serve_raw: Serve, open_session: Open
) -> None:
    session = await open_session(await serve_raw(talk), bounds=SMALL)
    pieces: list[bytes] = []

    with pytest.raises(PayloadError):
        await download_into(pieces, session)

    assert sum(map(len, pieces)) <= SMALL.download_bytes


@pytest.mark.parametrize("talk", BROKEN.values(), ids=BROKEN.keys())
async def test_answer_that_is_broken_makes_the_partner_unavailable(
    talk: object, serve_raw: Serve, open_session: Open
) -> None:
    session = await open_session(await serve_raw(talk), bounds=SMALL)

    with pytest.raises(PartnerUnavailableError) as caught:
        await session.request("GET", "/v1/x", query={"token": "secret"})

    assert "secret" not in str(caught.value)
    assert "127.0.0.1" not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("talk", SLOW.values(), ids=SLOW.keys())
async def test_answer_that_takes_too_long_is_a_timeout(
    talk: object, serve_raw: Serve, open_session: Open
) -> None:
    bounds = Bounds(deadline=timedelta(seconds=0.2))
    session = await open_session(await serve_raw(talk), bounds=bounds)

    with pytest.raises(PartnerTimeoutError):
        await session.request("POST", "/", body=b"{}")


@pytest.mark.parametrize("clock", [SystemClock()], ids=["real time"])
async def test_answer_that_drips_is_given_up_before_the_deadline(
    clock: SystemClock, serve_raw: Serve, open_session: Open, counted: list[tuple[str, str]]
) -> None:
    bounds = Bounds(deadline=timedelta(seconds=30), slow_after=timedelta(seconds=0.2))
    session = await open_session(await serve_raw(SLOW["one byte now and then"]), bounds=bounds)
    began_at = clock.monotonic()

    with pytest.raises(PartnerTimeoutError, match="too slowly"):
        await session.request("GET", "/")

    assert clock.monotonic() - began_at < 5
    assert counted == [("claims", "timeout")]


@pytest.mark.parametrize("encoding", [b"br", b"zstd", b"compress", b"junk"])
async def test_answer_in_an_encoding_that_was_not_asked_for_is_refused(
    encoding: bytes, serve_raw: Serve, open_session: Open
) -> None:
    talk = answering(sized(b"\x0b\x02\x80abc\x03", b"Content-Encoding: " + encoding))
    session = await open_session(await serve_raw(talk))

    with pytest.raises((PayloadError, PartnerUnavailableError)):
        await session.request("GET", "/")


async def test_gzip_bomb_takes_no_more_memory_than_its_bound(
    serve_raw: Serve, open_session: Open
) -> None:
    session = await open_session(await serve_raw(TOO_MUCH["gzip bomb of 210 MB"]), bounds=SMALL)
    tracemalloc.start()

    with pytest.raises(PayloadError):
        await session.request("GET", "/")

    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 10 * MIB


async def test_answer_that_compresses_well_within_the_bounds_is_read(
    serve: Serve, open_session: Open
) -> None:
    body = b'{"id": "M-1", "status": "created"},' * 60_000

    async def partner(request: web.Request) -> web.StreamResponse:
        answer = web.Response(body=body)
        answer.enable_compression(web.ContentCoding.gzip)
        return answer

    session = await open_session(await serve(partner), bounds=Bounds(most_inflation=1000))

    assert (await session.request("GET", "/")).body == body


async def test_html_instead_of_json_is_a_payload_error(serve: Serve, open_session: Open) -> None:
    async def partner(request: web.Request) -> web.StreamResponse:
        return web.Response(text="<html>Sign in, secret</html>", content_type="text/html")

    session = await open_session(await serve(partner))

    answer = await session.request("GET", "/")

    with pytest.raises(PayloadError) as caught:
        answer.decode(dict[str, str])
    assert "secret" not in str(caught.value)


async def test_nobody_listening_makes_the_partner_unavailable(
    open_session: Open, clock: FakeClock, counted: list[tuple[str, str]]
) -> None:
    session = await open_session("http://127.0.0.1:9")

    with pytest.raises(PartnerUnavailableError, match="no connection"):
        await session.request("GET", "/")

    assert counted == [("claims", "partner_unavailable")] * 3


async def test_unknown_host_makes_the_partner_unavailable(open_session: Open) -> None:
    session = await open_session("http://partner.invalid")

    with pytest.raises(PartnerUnavailableError):
        await session.request("POST", "/")


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_cut_connection_is_not_answered_by_a_hidden_second_request(
    method: str, serve_raw: Serve, open_session: Open
) -> None:
    requests = 0

    async def cut(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal requests
        requests += 1

    session = await open_session(await serve_raw(cut))

    with pytest.raises(PartnerUnavailableError):
        await session.request(method, "/")

    assert requests == (3 if method == "GET" else 1)


async def test_download_that_breaks_off_fails_without_being_repeated(
    serve_raw: Serve, open_session: Open, counted: list[tuple[str, str]]
) -> None:
    session = await open_session(await serve_raw(BROKEN["body cut off"]))
    pieces: list[bytes] = []

    with pytest.raises(PartnerUnavailableError, match="broke off"):
        await download_into(pieces, session)

    assert counted == [("claims", "partner_unavailable")]


async def test_session_of_closed_partners_raises_one_of_our_errors(
    open_session: Open, serve: Serve
) -> None:
    async def partner(request: web.Request) -> web.StreamResponse:
        return web.Response()

    session = await open_session(await serve(partner))
    await session._partner.http.close()

    with pytest.raises(SyncerError):
        await session.request("GET", "/")
