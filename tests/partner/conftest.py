"""Played partners on loopback, a clock that never makes anybody wait, and chance without chance."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from datetime import timedelta

import pytest
from aiohttp import web

from syncer.domain.links import LinkKey
from syncer.domain.stored import BreakerState
from syncer.partner import Bounds, Partners, Target
from syncer.partner.session import PartnerSession
from syncer.sdk.http import PartnerLimits
from syncer.testing.ambient import FakeClock
from syncer.testing.serving import LOOPBACK, serve_app

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
NO_LIMITS = PartnerLimits(concurrent=64, source="none: a test")


class RushingClock(FakeClock):
    """A wait passes at once, and is written down."""

    def __init__(self, slept: list[float]) -> None:
        super().__init__()
        self._slept = slept

    async def sleep(self, seconds: float) -> None:
        self._slept.append(seconds)
        self.advance(timedelta(seconds=seconds))
        await asyncio.sleep(0)


class HighChance:
    def uniform(self, low: float, high: float) -> float:
        return high


class ListedMemory:
    def __init__(self, saved: list[BreakerState]) -> None:
        self._saved = saved

    async def load(self) -> Sequence[BreakerState]:
        return list(self._saved)

    async def save(self, state: BreakerState) -> None:
        self._saved.append(state)


class ListedMeter:
    def __init__(self, counted: list[tuple[str, str]]) -> None:
        self._counted = counted

    def requested(self, connector: str, status: str) -> None:
        self._counted.append((connector, status))

    def breaker_moved(self, connector: str, state: str) -> None:
        self._counted.append((connector, f"breaker {state}"))


@pytest.fixture
def slept() -> list[float]:
    return []


@pytest.fixture
def clock(slept: list[float]) -> FakeClock:
    return RushingClock(slept)


@pytest.fixture
def saved() -> list[BreakerState]:
    return []


@pytest.fixture
def counted() -> list[tuple[str, str]]:
    return []


@pytest.fixture
async def owned() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as stack:
        yield stack


@pytest.fixture
def serve(owned: AsyncExitStack) -> Callable[[Handler], Awaitable[str]]:
    """Serve one handler for every path."""

    async def start(handler: Handler) -> str:
        async def answer(request: web.Request) -> web.StreamResponse:
            return await handler(request)

        app = web.Application()
        app.router.add_route("*", "/{path:.*}", answer)
        return await owned.enter_async_context(serve_app(app))

    return start


@pytest.fixture
def serve_raw(owned: AsyncExitStack) -> Callable[[Talk], Awaitable[str]]:
    """Serve bytes as they are: called with each connection after the request's head was read."""

    async def start(talk: Talk) -> str:
        async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                await reader.readuntil(b"\r\n\r\n")
                await talk(reader, writer)
            except (OSError, asyncio.IncompleteReadError):
                pass
            finally:
                writer.close()

        server = await asyncio.start_server(connected, LOOPBACK, 0)

        async def stop() -> None:
            server.close()
            await asyncio.sleep(0)

        owned.push_async_callback(stop)
        return f"http://{LOOPBACK}:{server.sockets[0].getsockname()[1]}"

    return start


@pytest.fixture
def open_partners(
    owned: AsyncExitStack,
    clock: FakeClock,
    saved: list[BreakerState],
    counted: list[tuple[str, str]],
) -> Callable[..., Awaitable[Partners]]:
    """Open the one partner ``claims`` at an address."""

    async def start(
        base_url: str,
        *,
        limits: PartnerLimits = NO_LIMITS,
        bounds: Bounds | None = None,
        allow_insecure: bool = True,
    ) -> Partners:
        target = Target(base_url=base_url, allow_insecure=allow_insecure, limits=limits)
        partners = Partners(
            {"claims": target},
            clock=clock,
            chance=HighChance(),
            memory=ListedMemory(saved),
            meter=ListedMeter(counted),
            bounds=bounds,
        )
        return await owned.enter_async_context(partners)

    return start


@pytest.fixture
def open_session(
    open_partners: Callable[..., Awaitable[Partners]],
) -> Callable[..., Awaitable[PartnerSession]]:
    """Open a session of the link (garage, claims) with two secret headers."""

    async def start(base_url: str, **options: object) -> PartnerSession:
        partners = await open_partners(base_url, **options)
        return partners.http(
            LinkKey("garage", "claims"),
            auth_headers={"X-Api-Key": "secret-key-1", "Authorization": "Basic c2VjcmV0"},
            correlation_id="0199-correlation",
        )

    return start
