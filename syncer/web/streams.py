"""Server-sent events: written as they come, kept alive by comments, ended by a shutdown."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

from aiohttp import web

from syncer.domain.errors import SyncerError
from syncer.ports.ambient import Clock
from syncer.web.answers import Event, Events, encode

KEEP_ALIVE_SECONDS = 15
STARTED = web.RequestKey("started", web.StreamResponse)
"""The answer that already began, on requests whose answer is a stream."""

_KEEP_ALIVE = b": keep-alive\n\n"


async def stream(
    request: web.Request, answer: Events, *, clock: Clock, stopping: asyncio.Event
) -> web.StreamResponse:
    """Send events until the source ends, the reader goes away, or the service stops."""
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream; charset=utf-8"})
    request[STARTED] = response
    await response.prepare(request)
    with suppress(ConnectionResetError):
        if request.method != "HEAD":
            await _send_all(response, answer.source, clock, stopping)
        await response.write_eof()
    return response


async def _send_all(
    response: web.StreamResponse,
    source: AsyncIterator[Event],
    clock: Clock,
    stopping: asyncio.Event,
) -> None:
    stop = asyncio.ensure_future(stopping.wait())
    following = asyncio.ensure_future(anext(source, None))
    try:
        await response.write(_KEEP_ALIVE)
        while not stopping.is_set():
            if not await _comes(following, stop, clock):
                await response.write(_KEEP_ALIVE)
            elif following.done():
                event = _result(following)
                if event is None:
                    return
                await response.write(_lines(event))
                if event.type == "error":
                    return
                following = asyncio.ensure_future(anext(source, None))
    finally:
        await _end(following, stop)
        if (close := getattr(source, "aclose", None)) is not None:
            await close()


async def _comes(
    following: asyncio.Future[Event | None], stop: asyncio.Future[Any], clock: Clock
) -> bool:
    """Wait for the next event or the shutdown; False when it is time for a comment."""
    pause = asyncio.ensure_future(clock.sleep(KEEP_ALIVE_SECONDS))
    try:
        awaited: set[asyncio.Future[Any]] = {following, stop, pause}
        done, _ = await asyncio.wait(awaited, return_when=asyncio.FIRST_COMPLETED)
    finally:
        await _end(pause)
    return following in done or stop in done


def _result(following: asyncio.Future[Event | None]) -> Event | None:
    try:
        return following.result()
    except SyncerError as error:
        return Event(type="error", data={"code": error.code, "detail": str(error)})


async def _end(*tasks: asyncio.Future[Any]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _lines(event: Event) -> bytes:
    named = f"id: {event.id}\n" if event.id is not None else ""
    return f"{named}event: {event.type}\ndata: ".encode() + encode(event.data) + b"\n\n"
