"""Limits hold at the partner, whatever way the requests took there."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest
from aiohttp import web
from hypothesis import given, settings
from hypothesis import strategies as st

from syncer.dispatch.ambient import SystemClock
from syncer.domain.errors import RateLimitedError
from syncer.domain.links import LinkKey
from syncer.partner import Partners
from syncer.partner.limiter import Gates
from syncer.sdk.http import PartnerLimits
from syncer.testing.ambient import FakeClock

Serve = Callable[..., Awaitable[str]]
OpenPartners = Callable[..., Awaitable[Partners]]
LINK = LinkKey("garage", "claims")
PERIOD = timedelta(seconds=1)


def busiest(instants: list[float]) -> int:
    """Count the most instants in any window of the period, both ends included."""
    return max(
        (sum(begin <= at <= begin + 1.0 for at in instants) for begin in instants), default=0
    )


async def turn_the_clock(clock: FakeClock, work: asyncio.Task[None]) -> None:
    """Advance from one sleeper to the next until the work is done."""
    while not work.done():
        for _ in range(20):
            await asyncio.sleep(0)
        if not work.done() and clock.sleepers:
            clock.advance(clock._sleepers[0][0] - clock._elapsed)


class Simulation:
    """Requests of one link that take some time to the partner and some time back."""

    def __init__(self, requests: int, concurrent: int) -> None:
        self.clock = FakeClock()
        limits = PartnerLimits(requests=requests, period=PERIOD, concurrent=concurrent, source="x")
        self.gates = Gates(limits, self.clock)
        self.begun_at: list[float] = []
        self.counted_at: list[float] = []
        self.under_way = self.most_under_way = 0

    async def ask(self, asked_at: float, way_there: float, way_back: float) -> None:
        await self.clock.sleep(asked_at)
        gate = self.gates.of(LINK)
        if not gate.try_enter():
            await gate.enter()
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        self.begun_at.append(self.clock.monotonic())
        await self.clock.sleep(way_there)
        self.counted_at.append(self.clock.monotonic())
        await self.clock.sleep(way_back)
        self.under_way -= 1
        gate.answered()
        gate.leave()
        self.gates.settle(LINK, gate)

    async def run(self, asked: list[tuple[float, float, float]]) -> None:
        async with asyncio.TaskGroup() as group:
            for one in asked:
                group.create_task(self.ask(*one))


SECONDS = st.floats(min_value=0, max_value=3).map(lambda value: round(value, 3))


@settings(max_examples=60, deadline=None)
@given(
    requests=st.integers(min_value=1, max_value=6),
    concurrent=st.integers(min_value=1, max_value=8),
    asked=st.lists(st.tuples(SECONDS, SECONDS, SECONDS), min_size=1, max_size=25),
)
def test_limits_hold_in_every_window_wherever_requests_are_counted(
    requests: int, concurrent: int, asked: list[tuple[float, float, float]]
) -> None:
    async def simulate() -> Simulation:
        simulation = Simulation(requests, concurrent)
        work = asyncio.create_task(simulation.run(asked))
        await turn_the_clock(simulation.clock, work)
        await work
        return simulation

    simulation = asyncio.run(simulate())

    assert len(simulation.counted_at) == len(asked)
    assert busiest(simulation.begun_at) <= requests
    assert busiest(simulation.counted_at) <= requests
    assert simulation.most_under_way <= concurrent


async def test_requests_of_a_link_begin_in_the_order_in_which_they_came() -> None:
    simulation = Simulation(2, 1)
    order: list[int] = []

    async def ask(number: int) -> None:
        gate = simulation.gates.of(LINK)
        if not gate.try_enter():
            await gate.enter()
        order.append(number)
        await simulation.clock.sleep(0.1)
        gate.answered()
        gate.leave()

    async def ask_all() -> None:
        await asyncio.gather(*(ask(number) for number in range(7)))

    work = asyncio.create_task(ask_all())
    await turn_the_clock(simulation.clock, work)

    assert order == list(range(7))


async def test_newcomer_does_not_overtake_those_who_wait() -> None:
    clock = FakeClock()
    gate = Gates(PartnerLimits(concurrent=1, source="x"), clock).of(LINK)
    assert gate.try_enter()
    waiting = asyncio.create_task(gate.enter())
    await asyncio.sleep(0)

    gate.answered()
    gate.leave()

    assert not gate.try_enter()
    await waiting


async def test_long_download_gives_its_token_back_one_period_after_its_answer_began(
    serve: Serve, open_partners: OpenPartners, slept: list[float]
) -> None:
    async def partner(request: web.Request) -> web.StreamResponse:
        return web.Response(body=b"x" * 500_000)

    limits = PartnerLimits(requests=1, period=PERIOD, source="a test")
    partners = await open_partners(await serve(partner), limits=limits)
    session = partners.http(LINK, auth_headers={}, correlation_id="c")

    async with asyncio.timeout(5), session.download("/photo"):
        await session.request("GET", "/meanwhile")

    assert slept == [pytest.approx(1.01)]


async def test_links_at_rest_leave_nothing_behind() -> None:
    clock = FakeClock()
    gates = Gates(PartnerLimits(requests=5, period=PERIOD, source="x"), clock)
    for number in range(1000):
        link = LinkKey(f"garage-{number}", "claims")
        gate = gates.of(link)
        assert gate.try_enter()
        gate.answered()
        gate.leave()
        gates.settle(link, gate)
    assert len(gates) == 1000

    clock.advance(timedelta(seconds=2))
    gate = gates.of(LINK)
    gate.try_enter()
    gate.answered()
    gate.leave()
    gates.settle(LINK, gate)

    assert len(gates) == 1


async def test_waiting_that_is_cancelled_takes_no_room_away() -> None:
    gates = Gates(PartnerLimits(concurrent=1, source="x"), FakeClock())
    gate = gates.of(LINK)
    assert gate.try_enter()
    waiting = [asyncio.create_task(gate.enter()) for _ in range(3)]
    await asyncio.sleep(0)
    for task in waiting[:2]:
        task.cancel()
    await asyncio.wait(waiting[:2])

    gate.answered()
    gate.leave()
    await waiting[2]

    assert (gate.running, gate.waiting) == (1, 0)


@pytest.mark.parametrize("clock", [SystemClock()], ids=["real time"])
async def test_partner_never_counts_more_requests_than_it_allows(
    clock: SystemClock, serve: Serve, open_partners: OpenPartners
) -> None:
    counted_at: list[float] = []
    under_way = most_under_way = 0

    async def partner(request: web.Request) -> web.StreamResponse:
        nonlocal under_way, most_under_way
        under_way += 1
        most_under_way = max(most_under_way, under_way)
        counted_at.append(clock.monotonic())
        await asyncio.sleep(0.005)
        under_way -= 1
        return web.Response(status=200 if len(counted_at) % 5 else 404)

    limits = PartnerLimits(
        requests=10, period=timedelta(seconds=0.2), concurrent=4, source="a test"
    )
    partners = await open_partners(await serve(partner), limits=limits)
    session = partners.http(LINK, auth_headers={}, correlation_id="c")

    await asyncio.gather(*(session.request("GET", "/", accept={200, 404}) for _ in range(45)))

    windows = [sum(begin <= at <= begin + 0.2 for at in counted_at) for begin in counted_at]
    assert max(windows) <= 10
    assert most_under_way == 4
    assert counted_at[-1] - counted_at[0] < 3


async def test_cap_of_the_partner_holds_over_all_its_links(
    serve: Serve, open_partners: OpenPartners
) -> None:
    under_way = most_under_way = 0

    async def partner(request: web.Request) -> web.StreamResponse:
        nonlocal under_way, most_under_way
        under_way += 1
        most_under_way = max(most_under_way, under_way)
        await asyncio.sleep(0.005)
        under_way -= 1
        return web.Response()

    limits = PartnerLimits(concurrent=4, partner_concurrent=3, source="a test")
    partners = await open_partners(await serve(partner), limits=limits)
    sessions = [
        partners.http(LinkKey(f"garage-{n}", "claims"), auth_headers={}, correlation_id="c")
        for n in range(10)
    ]

    await asyncio.gather(*(session.request("GET", "/") for session in sessions for _ in range(3)))

    assert most_under_way == 3


async def test_requests_that_wait_for_the_gate_are_refused_when_a_hold_comes(
    serve: Serve, open_partners: OpenPartners
) -> None:
    requests = 0

    async def partner(request: web.Request) -> web.StreamResponse:
        nonlocal requests
        requests += 1
        return web.Response(status=429, headers={"Retry-After": "600"})

    limits = PartnerLimits(concurrent=1, source="a test")
    partners = await open_partners(await serve(partner), limits=limits)
    session = partners.http(LINK, auth_headers={}, correlation_id="c")

    failures = await asyncio.gather(
        *(session.request("GET", "/") for _ in range(5)), return_exceptions=True
    )

    assert [type(failure) for failure in failures] == [RateLimitedError] * 5
    assert requests == 1


async def test_requests_that_redirects_lead_to_count_as_well(
    serve: Serve, open_partners: OpenPartners, slept: list[float]
) -> None:
    async def partner(request: web.Request) -> web.StreamResponse:
        if request.path == "/new":
            return web.Response()
        return web.Response(status=302, headers={"Location": "/new"})

    limits = PartnerLimits(requests=1, period=PERIOD, source="a test")
    partners = await open_partners(await serve(partner), limits=limits)

    await partners.http(LINK, auth_headers={}, correlation_id="c").request("GET", "/old")

    assert slept == [pytest.approx(1.01)]
