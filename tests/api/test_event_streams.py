"""Server-sent events: sent as they come, kept alive, ended by the source or the shutdown."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import aiohttp
import pytest

from syncer.domain.errors import FeedResetError
from syncer.testing import FakeClock
from syncer.web import Answer, Call, Event, Events, route
from syncer.web.application import serve
from syncer.web.serving import listen
from syncer.web.streams import KEEP_ALIVE_SECONDS

TOKEN = "t" * 43


class Source:
    """Gives the events that are put into it, and knows whether it was closed."""

    def __init__(self, events: Sequence[Event] = ()) -> None:
        self.waiting: asyncio.Queue[Event | Exception | None] = asyncio.Queue()
        self.is_closed = asyncio.Event()
        for event in events:
            self.waiting.put_nowait(event)

    async def events(self) -> AsyncIterator[Event]:
        try:
            while (event := await self.waiting.get()) is not None:
                if isinstance(event, Exception):
                    raise event
                yield event
        finally:
            self.is_closed.set()


@asynccontextmanager
async def _streaming(house: Any, source: Source, clock: FakeClock) -> AsyncIterator[str]:
    @route("GET", "/stream", summary="Stream", tag="test", answers={200: None})
    async def stream(_call: Call[None, None]) -> Answer:
        return Answer(200, Events(source.events()))

    services = replace(house.services, clock=clock)
    app = serve([stream], services, token=TOKEN, allowed_hosts=())
    async with listen(app) as base_url:
        yield f"{base_url}/stream"


def _open(house: Any, url: str) -> Any:
    return house.http.get(url, headers={"Authorization": f"Bearer {TOKEN}"})


async def _event(answer: aiohttp.ClientResponse) -> str:
    """Read up to the next blank line."""
    return (await asyncio.wait_for(answer.content.readuntil(b"\n\n"), 10)).decode()


async def _until_it_waits(clock: FakeClock) -> None:
    for _ in range(1000):
        if clock.sleepers:
            return
        await asyncio.sleep(0)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


async def test_stream_sends_events_and_closes_when_the_source_ends(
    house: Any, clock: FakeClock
) -> None:
    source = Source([Event(type="progress", data={"n": 1}, id="e:1"), Event(type="ended", data=2)])
    source.waiting.put_nowait(None)

    async with _streaming(house, source, clock) as url, _open(house, url) as answer:
        text = (await answer.read()).decode()

    assert answer.status == 200
    assert answer.headers["Content-Type"] == "text/event-stream; charset=utf-8"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert text == (
        ': keep-alive\n\nid: e:1\nevent: progress\ndata: {"n":1}\n\nevent: ended\ndata: 2\n\n'
    )


async def test_silent_stream_is_kept_alive_by_a_comment(house: Any, clock: FakeClock) -> None:
    source = Source()

    async with _streaming(house, source, clock) as url, _open(house, url) as answer:
        assert await _event(answer) == ": keep-alive\n\n"
        await _until_it_waits(clock)
        clock.advance(timedelta(seconds=KEEP_ALIVE_SECONDS))

        assert await _event(answer) == ": keep-alive\n\n"


async def test_stream_ends_when_the_service_stops(house: Any, clock: FakeClock) -> None:
    source = Source()
    async with _streaming(house, source, clock) as url:
        answer = await _open(house, url)
        await _event(answer)

    assert await answer.content.read() == b""
    assert source.is_closed.is_set()
    assert clock.sleepers == 0


async def test_source_is_closed_when_the_reader_goes_away(house: Any, clock: FakeClock) -> None:
    source = Source()
    async with _streaming(house, source, clock) as url:
        async with _open(house, url) as answer:
            await _event(answer)
            answer.close()

        while not source.is_closed.is_set():
            source.waiting.put_nowait(Event(type="progress", data=0))
            await asyncio.sleep(0.01)


async def test_error_in_the_stream_is_its_last_event(house: Any, clock: FakeClock) -> None:
    source = Source()
    source.waiting.put_nowait(FeedResetError("Start again from a listing."))

    async with _streaming(house, source, clock) as url, _open(house, url) as answer:
        await _event(answer)

        assert await _event(answer) == (
            'event: error\ndata: {"code":"feed_reset","detail":"Start again from a listing."}\n\n'
        )
        assert await answer.content.read() == b""


async def test_bug_in_the_stream_ends_it_without_a_word(house: Any, clock: FakeClock) -> None:
    source = Source()
    source.waiting.put_nowait(RuntimeError("a secret detail"))

    async with _streaming(house, source, clock) as url, _open(house, url) as answer:
        text = await answer.read()

    assert text == b": keep-alive\n\n"
