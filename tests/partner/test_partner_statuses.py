"""What each status means: which error, how many requests, how long a wait."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest
from aiohttp import web

from syncer.domain.errors import (
    CredentialsRejectedError,
    PartnerTimeoutError,
    PartnerUnavailableError,
    RateLimitedError,
    SyncerError,
    UnexpectedAnswerError,
)
from syncer.domain.links import LinkKey
from syncer.partner import Partners
from syncer.partner.holds import Holds
from syncer.partner.retry import parse_retry_after
from syncer.partner.session import PartnerSession
from syncer.testing.ambient import START, FakeClock

Serve = Callable[..., Awaitable[str]]
Open = Callable[..., Awaitable[PartnerSession]]
OpenPartners = Callable[..., Awaitable[Partners]]


class Scripted:
    """Answers with one status after the other, then goes on with the last."""

    def __init__(self, *answers: tuple[int, dict[str, str]] | int) -> None:
        self._answers = [a if isinstance(a, tuple) else (a, {}) for a in answers]
        self.requests = 0

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        status, headers = self._answers[min(self.requests, len(self._answers) - 1)]
        self.requests += 1
        return web.Response(status=status, headers=headers, text="secret payload")


@pytest.mark.parametrize(
    ("status", "error", "requests"),
    [
        (204, UnexpectedAnswerError, 1),
        (304, UnexpectedAnswerError, 1),
        (400, UnexpectedAnswerError, 1),
        (401, CredentialsRejectedError, 1),
        (403, CredentialsRejectedError, 1),
        (404, UnexpectedAnswerError, 1),
        (408, PartnerTimeoutError, 3),
        (409, UnexpectedAnswerError, 1),
        (410, UnexpectedAnswerError, 1),
        (413, UnexpectedAnswerError, 1),
        (415, UnexpectedAnswerError, 1),
        (422, UnexpectedAnswerError, 1),
        (429, RateLimitedError, 3),
        (500, PartnerUnavailableError, 3),
        (501, PartnerUnavailableError, 1),
        (502, PartnerUnavailableError, 3),
        (503, PartnerUnavailableError, 3),
        (504, PartnerUnavailableError, 3),
    ],
)
async def test_status_becomes_its_error_after_the_allowed_attempts(
    status: int, error: type[SyncerError], requests: int, serve: Serve, open_session: Open
) -> None:
    partner = Scripted(status)
    session = await open_session(await serve(partner))

    with pytest.raises(error) as caught:
        await session.request("GET", "/v1/x", query={"token": "secret"})

    assert partner.requests == requests
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("status", [204, 304, 404, 410, 422, 500])
async def test_accepted_status_is_an_answer(status: int, serve: Serve, open_session: Open) -> None:
    partner = Scripted(status)
    session = await open_session(await serve(partner))

    answer = await session.request("GET", "/", accept={status})

    assert (answer.status, partner.requests) == (status, 1)


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
async def test_request_succeeds_when_a_repetition_does(
    status: int, serve: Serve, open_session: Open
) -> None:
    partner = Scripted(status, status, 200)
    session = await open_session(await serve(partner))

    answer = await session.request("GET", "/")

    assert (answer.status, partner.requests) == (200, 3)


@pytest.mark.parametrize("method", ["POST", "PATCH"])
async def test_request_that_is_not_idempotent_is_not_repeated(
    method: str, serve: Serve, open_session: Open
) -> None:
    partner = Scripted(503)
    session = await open_session(await serve(partner))

    with pytest.raises(PartnerUnavailableError):
        await session.request(method, "/", body=b"{}")

    assert partner.requests == 1


async def test_repetitions_wait_with_full_jitter_up_to_a_doubling_bound(
    serve: Serve, open_session: Open, slept: list[float]
) -> None:
    session = await open_session(await serve(Scripted(500)))

    with pytest.raises(PartnerUnavailableError):
        await session.request("GET", "/")

    assert slept == [0.5, 1.0]  # chance is at its highest here


async def test_download_is_repeated_before_its_content_begins(
    serve: Serve, open_session: Open
) -> None:
    partner = Scripted(503, 200)
    session = await open_session(await serve(partner))

    async with session.download("/photo") as download:
        content = [piece async for piece in download.chunks()]

    assert (content, partner.requests) == ([b"secret payload"], 2)


async def test_download_raises_the_error_of_its_status(serve: Serve, open_session: Open) -> None:
    session = await open_session(await serve(Scripted(404)))

    with pytest.raises(UnexpectedAnswerError, match="404 for GET /photo"):
        async with session.download("/photo"):
            pass


# -- Retry-After ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0.0),
        ("7", 7.0),
        (" 7 ", 7.0),
        ("3600", 3600.0),
        ("3601", 3600.0),
        ("99999999999999999999999999", 3600.0),
        ("9" * 5000, 3600.0),
        ("-5", 0.0),
        ("Mon, 02 Mar 2026 09:15:20 GMT", 20.0),
        ("Monday, 02-Mar-26 09:15:20 GMT", 20.0),
        ("Mon Mar  2 09:15:20 2026", 20.0),
        ("Mon, 02 Mar 2026 10:15:20 +0100", 20.0),
        ("Mon, 02 Mar 2026 08:00:00 GMT", 0.0),
        ("Fri, 01 Jan 2099 00:00:00 GMT", 3600.0),
        ("Fri, 99 Foo 2099 00:00:00 GMT", None),
        ("", None),
        ("soon", None),
        ("1.5", None),
        ("7 seconds", None),
        ("1e3", None),
        ("0x10", None),
        ("--5", None),
        ("٣", None),
        ("²", None),
        ("\x01", None),
    ],
)
def test_retry_after_is_read_within_its_range_or_counts_as_absent(
    text: str, seconds: float | None
) -> None:
    assert parse_retry_after({"Retry-After": text}, START) == seconds


def test_retry_after_that_is_missing_counts_as_absent() -> None:
    assert parse_retry_after({}, START) is None


def test_retry_after_as_a_date_is_measured_from_the_answers_own_date() -> None:
    an_hour_off = {
        "Date": "Mon, 02 Mar 2026 10:15:00 GMT",
        "Retry-After": "Mon, 02 Mar 2026 10:15:05 GMT",
    }

    assert parse_retry_after(an_hour_off, START) == 5.0


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_short_retry_after_is_waited_for_in_place(
    status: int, serve: Serve, open_session: Open, slept: list[float]
) -> None:
    partner = Scripted((status, {"Retry-After": "17"}), 200)
    session = await open_session(await serve(partner))

    await session.request("GET", "/")

    assert (slept, partner.requests) == ([17.0], 2)


@pytest.mark.parametrize("status", [429, 503])
async def test_long_retry_after_is_handed_on_without_a_second_request(
    status: int, serve: Serve, open_session: Open, slept: list[float]
) -> None:
    partner = Scripted((status, {"Retry-After": "31"}))
    session = await open_session(await serve(partner))

    with pytest.raises(RateLimitedError) as caught:
        await session.request("GET", "/")

    assert caught.value.retry_at == START + timedelta(seconds=31)
    assert (slept, partner.requests) == ([], 1)


async def test_repetitions_stop_when_the_waits_add_up_to_the_total_time(
    serve: Serve, open_session: Open, clock: FakeClock
) -> None:
    partner = Scripted((429, {"Retry-After": "30"}), (429, {"Retry-After": "30"}), 500)
    session = await open_session(await serve(partner))

    with pytest.raises(PartnerUnavailableError):
        await session.request("GET", "/")

    assert partner.requests == 3
    assert clock.monotonic() == 60.0


async def test_repetition_is_not_begun_beyond_the_total_time(
    serve: Serve, open_session: Open, clock: FakeClock
) -> None:
    requests = 0

    async def partner(request: web.Request) -> web.StreamResponse:
        nonlocal requests
        requests += 1
        clock.advance(timedelta(seconds=40))
        return web.Response(status=503, headers={"Retry-After": "25"})

    session = await open_session(await serve(partner))

    with pytest.raises(PartnerUnavailableError) as caught:
        await session.request("GET", "/")

    assert requests == 1
    assert caught.value.retry_at == START + timedelta(seconds=65)


def test_holds_that_ended_are_forgotten() -> None:
    clock = FakeClock()
    holds = Holds(clock)
    for number in range(100):
        holds.place(LinkKey(f"garage-{number}", "claims"), 60)

    clock.advance(timedelta(seconds=60))
    holds.place(LinkKey("garage", "claims"), 60)

    assert len(holds) == 1


def test_shorter_wait_does_not_end_a_hold_early() -> None:
    clock = FakeClock()
    holds = Holds(clock)
    key = LinkKey("garage", "claims")

    holds.place(key, 600)
    holds.place(key, 5)

    assert holds.until(key) == START + timedelta(seconds=600)


async def test_held_link_is_refused_at_once_until_the_hold_ends(
    serve: Serve, open_partners: OpenPartners, clock: FakeClock
) -> None:
    partner = Scripted((429, {"Retry-After": "120"}), 200)
    partners = await open_partners(await serve(partner))
    key = LinkKey("garage", "claims")
    session = partners.http(key, auth_headers={}, correlation_id="c")
    with pytest.raises(RateLimitedError):
        await session.request("GET", "/")

    clock.advance(timedelta(seconds=119))
    with pytest.raises(RateLimitedError) as caught:
        await session.request("GET", "/")

    assert caught.value.retry_at == START + timedelta(seconds=120) == partners.hold(key)
    assert partner.requests == 1
    clock.advance(timedelta(seconds=1))
    assert (await session.request("GET", "/")).status == 200
    assert partners.hold(key) is None


async def test_hold_of_one_link_leaves_the_others_alone(
    serve: Serve, open_partners: OpenPartners
) -> None:
    partner = Scripted((429, {"Retry-After": "120"}), 200)
    partners = await open_partners(await serve(partner))
    held = partners.http(LinkKey("garage", "claims"), auth_headers={}, correlation_id="c")
    other = partners.http(LinkKey("other", "claims"), auth_headers={}, correlation_id="c")
    with pytest.raises(RateLimitedError):
        await held.request("GET", "/")

    assert (await other.request("GET", "/")).status == 200
    assert partners.hold(LinkKey("other", "claims")) is None


async def test_other_calls_of_a_link_wait_too_when_the_partner_asks_for_a_short_wait(
    serve: Serve, open_session: Open, clock: FakeClock
) -> None:
    begun_at: list[float] = []
    answers = iter([(429, {"Retry-After": "10"}), (200, {}), (200, {})])

    async def partner(request: web.Request) -> web.StreamResponse:
        begun_at.append(clock.monotonic())
        status, headers = next(answers)
        return web.Response(status=status, headers=headers)

    session = await open_session(await serve(partner))
    with pytest.raises(RateLimitedError):
        await session.request("POST", "/")

    await asyncio.gather(session.request("GET", "/"), session.request("GET", "/"))

    assert begun_at == [0.0, 10.0, 10.0]
