"""The circuit breaker and the retry budget: a partner that is down is left alone."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

import pytest
from aiohttp import web
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from syncer.domain.errors import (
    CredentialsRejectedError,
    PartnerUnavailableError,
    SyncerError,
    UnexpectedAnswerError,
)
from syncer.domain.links import LinkKey
from syncer.domain.stored import BreakerState
from syncer.partner import Partners
from syncer.partner.breaker import Breaker, State
from syncer.partner.session import PartnerSession
from syncer.partner.tally import Tally
from syncer.testing.ambient import START, FakeClock

Serve = Callable[..., Awaitable[str]]
Open = Callable[..., Awaitable[PartnerSession]]
OpenPartners = Callable[..., Awaitable[Partners]]


class NoJitter:
    def uniform(self, low: float, high: float) -> float:
        return (low + high) / 2


class HighJitter:
    def uniform(self, low: float, high: float) -> float:
        return high


def make_breaker(clock: FakeClock, moved: list[State] | None = None) -> Breaker:
    states = [] if moved is None else moved
    return Breaker(
        "claims",
        clock=clock,
        chance=NoJitter(),
        tally=Tally(clock),
        moved=lambda state, _: states.append(state),
    )


def fail(breaker: Breaker, times: int) -> None:
    for _ in range(times):
        breaker.record(failed=True, probe=False)


def succeed(breaker: Breaker, times: int) -> None:
    for _ in range(times):
        breaker.record(failed=False, probe=False)


# -- opening --------------------------------------------------------------------------------------


def test_breaker_stays_closed_below_the_fewest_calls() -> None:
    breaker = make_breaker(FakeClock())

    fail(breaker, 9)

    assert breaker.state is State.CLOSED


def test_breaker_opens_at_half_of_the_fewest_calls() -> None:
    breaker = make_breaker(FakeClock())

    succeed(breaker, 5)
    fail(breaker, 5)

    assert breaker.state is State.OPEN


def test_breaker_stays_closed_below_the_failing_share() -> None:
    breaker = make_breaker(FakeClock())

    succeed(breaker, 51)
    fail(breaker, 49)

    assert breaker.state is State.CLOSED


def test_breaker_forgets_what_is_older_than_the_window() -> None:
    clock = FakeClock()
    breaker = make_breaker(clock)
    fail(breaker, 9)

    clock.advance(timedelta(seconds=60))
    fail(breaker, 9)

    assert breaker.state is State.CLOSED


def test_breaker_counts_what_lies_within_the_window() -> None:
    clock = FakeClock()
    breaker = make_breaker(clock)
    fail(breaker, 9)

    clock.advance(timedelta(seconds=59))
    fail(breaker, 1)

    assert breaker.state is State.OPEN


def test_open_breaker_refuses_and_says_until_when() -> None:
    breaker = make_breaker(FakeClock())
    fail(breaker, 10)

    with pytest.raises(PartnerUnavailableError) as caught:
        breaker.admit()

    assert caught.value.retry_at == START + timedelta(seconds=30)


def test_breaker_opens_twice_as_long_each_time_up_to_15_minutes() -> None:
    clock = FakeClock()
    breaker = make_breaker(clock)
    fail(breaker, 10)
    openings = []
    for _ in range(8):
        with pytest.raises(PartnerUnavailableError) as caught:
            breaker.check()
        assert caught.value.retry_at is not None
        opening = caught.value.retry_at - clock.now()
        openings.append(opening.total_seconds())
        clock.advance(opening)
        assert breaker.admit()
        breaker.record(failed=True, probe=True)

    assert openings == [30, 60, 120, 240, 480, 900, 900, 900]


def test_breaker_jitters_its_opening_by_a_fifth() -> None:
    clock = FakeClock()
    breaker = Breaker(
        "claims", clock=clock, chance=HighJitter(), tally=Tally(clock), moved=lambda *_: None
    )

    fail(breaker, 10)

    with pytest.raises(PartnerUnavailableError) as caught:
        breaker.check()
    assert caught.value.retry_at == START + timedelta(seconds=36)


# -- probing --------------------------------------------------------------------------------------


def half_opened(clock: FakeClock) -> Breaker:
    breaker = make_breaker(clock)
    fail(breaker, 10)
    clock.advance(timedelta(seconds=30))
    return breaker


def test_half_open_breaker_lets_one_probe_through() -> None:
    breaker = half_opened(FakeClock())

    assert breaker.admit()
    with pytest.raises(PartnerUnavailableError):
        breaker.admit()


def test_breaker_closes_when_the_probe_succeeds_and_starts_anew() -> None:
    clock = FakeClock()
    breaker = half_opened(clock)
    breaker.admit()

    breaker.record(failed=False, probe=True)
    fail(breaker, 9)

    assert breaker.state is State.CLOSED
    assert not breaker.admit()


def test_probe_that_was_given_up_makes_room_for_another() -> None:
    breaker = half_opened(FakeClock())
    breaker.admit()

    breaker.abandon_probe()

    assert breaker.admit()


def test_late_answer_of_an_older_call_does_not_decide_over_the_probe() -> None:
    breaker = half_opened(FakeClock())
    breaker.admit()

    breaker.record(failed=False, probe=False)
    breaker.record(failed=True, probe=False)

    assert breaker.state is State.HALF_OPEN


class BreakerMachine(RuleBasedStateMachine):
    """Any order of calls, ends and time: what the breaker promises holds."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = FakeClock()
        self.breaker = make_breaker(self.clock)
        self.calls: list[bool] = []

    @rule()
    def begin(self) -> None:
        was_closed = self.breaker.state is State.CLOSED
        refused_until: datetime | None = None
        try:
            self.calls.append(self.breaker.admit())
        except PartnerUnavailableError as error:
            refused_until = error.retry_at
        if refused_until is None:
            return
        assert not was_closed
        assert self.clock.now() < refused_until <= self.clock.now() + timedelta(minutes=15)

    @precondition(lambda self: self.calls)
    @rule(failed=st.booleans(), last=st.booleans())
    def end(self, *, failed: bool, last: bool) -> None:
        self.breaker.record(failed=failed, probe=self.calls.pop(-1 if last else 0))

    @precondition(lambda self: any(self.calls))
    @rule()
    def give_up_probe(self) -> None:
        self.calls.remove(True)
        self.breaker.abandon_probe()

    @rule(times=st.integers(min_value=1, max_value=12), failed=st.booleans())
    def end_many(self, times: int, *, failed: bool) -> None:
        for _ in range(times):
            self.breaker.record(failed=failed, probe=False)

    @rule(seconds=st.sampled_from([0.1, 1, 20, 31, 61, 901]))
    def wait(self, seconds: float) -> None:
        self.clock.advance(timedelta(seconds=seconds))

    @invariant()
    def at_most_one_probe(self) -> None:
        assert sum(self.calls) <= 1

    @invariant()
    def never_stuck(self) -> None:
        if any(self.calls) or self.breaker.state is State.CLOSED:
            return
        remaining = self.breaker._open_until - self.clock.monotonic()
        assert remaining <= 900


BreakerMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestBreakerMachine = BreakerMachine.TestCase


# -- over a restart -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ahead", "seconds"), [(20, 20), (-20, 0), (10**7, 1080)], ids=["open", "over", "far too far"]
)
def test_breaker_goes_on_after_a_restart(ahead: int, seconds: int) -> None:
    clock = FakeClock()
    breaker = make_breaker(clock)
    open_until = START + timedelta(seconds=ahead)

    breaker.restore(BreakerState(connector="claims", open_until=open_until, openings=2))

    clock.advance(timedelta(seconds=seconds))
    assert breaker.admit()
    breaker.record(failed=True, probe=True)
    with pytest.raises(PartnerUnavailableError) as caught:
        breaker.check()
    assert caught.value.retry_at == clock.now() + timedelta(seconds=120)


# -- in sessions ----------------------------------------------------------------------------------


async def call(session: PartnerSession, times: int) -> list[SyncerError]:
    failures = []
    for _ in range(times):
        try:
            await session.request("POST", "/")
        except SyncerError as error:
            failures.append(error)
    return failures


@pytest.mark.parametrize("status", [401, 403, 404, 422, 429])
async def test_what_concerns_one_link_never_counts_against_the_partner(
    status: int, serve: Serve, open_session: Open
) -> None:
    requests = 0

    async def partner(request: web.Request) -> web.StreamResponse:
        nonlocal requests
        requests += 1
        return web.Response(status=status)

    session = await open_session(await serve(partner))

    failures = await call(session, 30)

    assert requests == 30
    assert not any(isinstance(failure, PartnerUnavailableError) for failure in failures)


async def test_partner_that_is_down_is_left_alone_then_probed_then_used_again(
    serve: Serve,
    open_session: Open,
    clock: FakeClock,
    saved: list[BreakerState],
    counted: list[tuple[str, str]],
) -> None:
    is_up, requests = False, 0

    async def partner(request: web.Request) -> web.StreamResponse:
        nonlocal requests
        requests += 1
        return web.Response(status=200 if is_up else 500)

    session = await open_session(await serve(partner))

    failures = await call(session, 40)
    assert requests == 10
    assert isinstance(failures[-1], PartnerUnavailableError)
    assert failures[-1].retry_at is not None

    clock.advance(failures[-1].retry_at - clock.now())
    is_up = True
    assert await call(session, 20) == []
    assert requests == 30
    moves = [what for _, what in counted if what.startswith("breaker")]
    assert moves == ["breaker open", "breaker half_open", "breaker closed"]
    assert saved[-1] == BreakerState(connector="claims", open_until=None, openings=0)


async def test_breaker_that_was_saved_open_refuses_without_a_request(
    open_session: Open, saved: list[BreakerState]
) -> None:
    open_until = START + timedelta(seconds=90)
    saved.append(BreakerState(connector="claims", open_until=open_until, openings=3))
    saved.append(BreakerState(connector="removed", open_until=open_until, openings=3))
    session = await open_session("http://127.0.0.1:9")

    with pytest.raises(PartnerUnavailableError) as caught:
        await session.request("GET", "/")

    assert caught.value.retry_at == open_until


async def test_probe_that_is_refused_for_its_credentials_closes_the_breaker(
    serve: Serve, open_session: Open, saved: list[BreakerState]
) -> None:
    async def partner(request: web.Request) -> web.StreamResponse:
        return web.Response(status=401)

    saved.append(BreakerState(connector="claims", open_until=START, openings=3))
    session = await open_session(await serve(partner))

    failures = await call(session, 2)

    assert [type(failure) for failure in failures] == [CredentialsRejectedError] * 2


async def test_probe_that_is_cancelled_leaves_the_next_call_as_the_probe(
    serve: Serve, open_session: Open, saved: list[BreakerState]
) -> None:
    has_come = asyncio.Event()

    async def partner(request: web.Request) -> web.StreamResponse:
        if request.path == "/hangs":
            has_come.set()
            await asyncio.sleep(60)
        return web.Response()

    saved.append(BreakerState(connector="claims", open_until=START, openings=1))
    session = await open_session(await serve(partner))
    probe = asyncio.create_task(session.request("GET", "/hangs"))
    await has_come.wait()

    probe.cancel()
    await asyncio.wait({probe})

    assert (await session.request("GET", "/")).status == 200


# -- retry budget ---------------------------------------------------------------------------------


async def test_retries_stay_within_three_a_minute_when_there_are_few_requests(
    serve: Serve, open_partners: OpenPartners
) -> None:
    requests = 0

    async def partner(request: web.Request) -> web.StreamResponse:
        nonlocal requests
        requests += 1
        return web.Response(status=429)

    partners = await open_partners(await serve(partner))

    for number in range(6):
        link = LinkKey(f"garage-{number}", "claims")
        session = partners.http(link, auth_headers={}, correlation_id="c")
        with pytest.raises(SyncerError):
            await session.request("GET", "/")

    assert requests == 6 + 3


async def test_retries_may_be_a_tenth_of_many_requests(
    serve: Serve, open_session: Open, clock: FakeClock
) -> None:
    requests: dict[str, int] = {"/good": 0, "/bad": 0}

    async def partner(request: web.Request) -> web.StreamResponse:
        requests[request.path] += 1
        return web.Response(status=200 if request.path == "/good" else 408)

    session = await open_session(await serve(partner))
    for _ in range(100):
        await session.request("GET", "/good")

    for _ in range(10):
        with pytest.raises(SyncerError):
            await session.request("GET", "/bad")

    retries = requests["/bad"] - 10
    assert 10 <= retries <= 0.1 * sum(requests.values())


async def test_unexpected_answers_are_not_retried_and_cost_no_budget(
    serve: Serve, open_session: Open, slept: list[float]
) -> None:
    async def partner(request: web.Request) -> web.StreamResponse:
        return web.Response(status=404)

    session = await open_session(await serve(partner))

    for _ in range(5):
        with pytest.raises(UnexpectedAnswerError):
            await session.request("GET", "/")

    assert slept == []
