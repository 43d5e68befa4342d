"""Logins: one at a time, kept between sessions, renewed once, never beyond the lock-out."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta

import pytest
from aiohttp import web

from syncer.domain.errors import CredentialsRejectedError, EgressRefusedError, NotFoundError
from syncer.domain.links import LinkKey
from syncer.observability import known_secrets
from syncer.partner import Partners
from syncer.partner.session import PartnerSession
from syncer.ports.sessions import SignIn
from syncer.sdk import Href, HttpSession, Login, Part
from syncer.testing import FakeClock

LINK = LinkKey("garage", "claims")
PASSWORD = "a-password-that-is-long"
Serve = Callable[..., Awaitable[str]]
Open = Callable[..., Awaitable[Partners]]


class Played:
    """A partner with sessions: its cookies are good until ``expire`` or ``uses`` answers."""

    def __init__(self) -> None:
        self.logins = 0
        self.logouts = 0
        self.requests: list[tuple[str, str, str]] = []
        self.good: set[str] = set()
        self.is_refusing = False
        self.accepts = True
        self.forgets = web.Response
        self.rotates = False

    def expire(self) -> None:
        self.good.clear()

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        if request.path == "/login":
            return await self._login(request)
        cookie = request.cookies.get("PLAY_SESSION", "")
        body = (await request.read()).decode()
        self.requests.append((request.method, request.raw_path, body))
        if cookie not in self.good or not self.accepts:
            return self.forgets(status=401)
        if request.path == "/logout":
            self.logouts += 1
        answer = web.json_response({"cookie": cookie, "headers": len(request.headers)})
        if self.rotates:
            self.good = {f"{cookie}x"}
            answer.set_cookie("PLAY_SESSION", f"{cookie}x")
        return answer

    async def _login(self, request: web.Request) -> web.StreamResponse:
        assert "Cookie" not in request.headers
        self.logins += 1
        await asyncio.sleep(0)
        if self.is_refusing or await request.json() != {"password": PASSWORD}:
            return web.Response(status=401)
        cookie = f"cookie-of-login-{self.logins}"
        self.good.add(cookie)
        answer = web.json_response({"said": PASSWORD, "home": "/home?page=1"})
        answer.set_cookie("PLAY_SESSION", cookie)
        answer.set_cookie("OTHER", "not-taken")
        return answer


async def authenticate(http: HttpSession) -> Login:
    answer = await http.request(
        "POST", "/login", body=f'{{"password":"{PASSWORD}"}}'.encode(), accept={200}
    )
    cookies = {"PLAY_SESSION": answer.cookies["PLAY_SESSION"]}
    return Login(cookies=cookies, facts=answer.decode(dict[str, str]))


async def sign_out(http: HttpSession) -> None:
    await http.request("PUT", "/logout")


def is_signed_out(status: int, location: str | None) -> bool:
    return status == 401 or (location or "").endswith("/login")


def sign_in(generation: int | None = 1) -> SignIn:
    known_secrets.add([PASSWORD])
    return SignIn(
        generation=generation,
        secrets=[PASSWORD],
        authenticate=authenticate,
        sign_out=sign_out,
        is_signed_out=is_signed_out,
    )


@pytest.fixture
def played() -> Played:
    return Played()


@pytest.fixture
async def partners(played: Played, serve: Serve, open_partners: Open) -> Partners:
    return await open_partners(await serve(played))


@pytest.fixture
def open_door(partners: Partners) -> Callable[..., PartnerSession]:
    """Open a session that logs in, as each pass and delivery gets its own."""

    def start(generation: int | None = 1) -> PartnerSession:
        return partners.http(
            LINK, auth_headers={}, correlation_id="pass", sign_in=sign_in(generation)
        )

    return start


Door = Callable[..., PartnerSession]


async def test_one_login_serves_all_sessions_of_a_link(open_door: Door, played: Played) -> None:
    sessions = [open_door() for _ in range(5)]

    await asyncio.gather(*(session.request("GET", "/x") for session in sessions * 3))
    login = await open_door().login()

    assert played.logins == 1
    assert login.facts["home"] == "/home?page=1"


async def test_an_ended_login_is_renewed_once_and_every_request_repeated_once(
    open_door: Door, played: Played
) -> None:
    session = open_door()
    await session.request("GET", "/first")
    played.expire()
    played.requests.clear()

    await asyncio.gather(
        session.request("GET", "/a"),
        session.request("PUT", "/b", body=b"one"),
        open_door().request("PUT", "/c", parts=[Part(name="file", content=b"two")]),
    )

    assert played.logins == 2
    bodies = [body for method, path, body in played.requests if path == "/b"]
    assert bodies == ["one", "one"]
    assert len(played.requests) == 6


async def test_a_redirect_to_the_login_page_is_an_end_too_and_never_followed(
    open_door: Door, played: Played
) -> None:
    session = open_door()
    await session.request("GET", "/first")
    played.forgets = lambda **_: web.Response(  # type: ignore[assignment]
        status=303, headers={"Location": "https://elsewhere.example/login"}
    )
    played.expire()

    answers = [await session.request(method, "/x") for method in ("GET", "PUT")]

    assert [answer.status for answer in answers] == [200, 200]
    assert played.logins == 2


async def test_a_download_survives_the_end_of_the_login(open_door: Door, played: Played) -> None:
    session = open_door()
    await session.request("GET", "/first")
    played.expire()

    async with session.download("/file") as download:
        content = b"".join([chunk async for chunk in download.chunks()])

    assert b"headers" in content
    assert played.logins == 2


async def test_a_fresh_login_that_is_not_accepted_is_renewed_once_and_given_up(
    open_door: Door, played: Played
) -> None:
    played.accepts = False

    with pytest.raises(CredentialsRejectedError):
        await open_door().request("GET", "/x")

    assert played.logins == 2


async def test_a_refused_login_is_shared_by_all_who_waited(open_door: Door, played: Played) -> None:
    played.is_refusing = True
    sessions = [open_door() for _ in range(6)]

    outcomes = await asyncio.gather(
        *(session.request("PUT", "/x") for session in sessions), return_exceptions=True
    )

    assert [type(outcome) for outcome in outcomes] == [CredentialsRejectedError] * 6
    assert played.logins == 1
    assert played.requests == []


async def test_no_more_than_three_logins_are_refused_within_a_day(
    open_door: Door, played: Played, clock: FakeClock
) -> None:
    played.is_refusing = True

    async def try_often() -> int:
        before = played.logins
        for _ in range(6):
            with suppress(CredentialsRejectedError):
                await open_door().request("GET", "/x")
        return played.logins - before

    first = await try_often()
    clock.advance(timedelta(hours=24))
    later = await try_often()

    assert (first, later) == (3, 3)


async def test_other_credentials_log_in_anew(open_door: Door, played: Played) -> None:
    await open_door(1).request("GET", "/x")

    await open_door(2).request("GET", "/x")

    assert played.logins == 2


async def test_the_login_of_a_verification_is_ended_after_it(
    open_door: Door, partners: Partners, played: Played
) -> None:
    await open_door(1).request("GET", "/x")
    await open_door(None).request("GET", "/x")

    await partners.sign_out(LINK, generation=None)
    await open_door(1).request("GET", "/x")

    assert (played.logins, played.logouts) == (2, 1)


async def test_logins_are_ended_when_the_host_stops(serve: Serve, open_partners: Open) -> None:
    played = Played()
    partners = await open_partners(await serve(played))
    session = partners.http(LINK, auth_headers={}, correlation_id="pass", sign_in=sign_in())
    await session.request("GET", "/x")

    await partners.__aexit__(None, None, None)

    assert played.logouts == 1


async def test_a_cookie_that_the_partner_renews_is_sent_from_then_on(
    open_door: Door, played: Played
) -> None:
    played.rotates = True
    session = open_door()

    for _ in range(3):
        await session.request("GET", "/x")

    assert played.logins == 1


async def test_secrets_of_a_login_are_cut_out_of_answers_and_logs(
    open_door: Door, played: Played
) -> None:
    session = open_door()

    answer = await session.request("GET", "/x")
    facts = (await session.login()).facts

    assert answer.decode(dict[str, object])["cookie"] == "[redacted]"
    assert facts["said"] == "[redacted]"
    assert "cookie-of-login-1" in known_secrets
    assert "cookie-of-login-1" not in repr(await session.login())


async def test_answers_give_no_cookies_but_to_a_login(open_door: Door, played: Played) -> None:
    played.rotates = True

    answer = await open_door().request("GET", "/x")

    assert answer.cookies == {}


async def test_a_session_without_login_says_so(partners: Partners) -> None:
    session = partners.http(LINK, auth_headers={}, correlation_id="pass")

    with pytest.raises(NotFoundError):
        await session.login()


# -- links that the partner gave -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("href", "query", "target"),
    [
        ("/core/x%2Fy?nbPage=1&nbElements=16", None, "/core/x%2Fy?nbPage=1&nbElements=16"),
        ("/x?since=0&maxEvents=15", {"since": 7}, "/x?maxEvents=15&since=7"),
        ("/x?a=1&%73ince=0&a=2", {"since": "é", "b": None}, "/x?a=1&a=2&since=%C3%A9"),
        ("/x", {"nbPage": 2}, "/x?nbPage=2"),
        ("missions/7", None, "/prefix/missions/7"),
        ("{base}/z?q#part", None, "/z?q"),
    ],
)
async def test_a_link_keeps_its_query_but_for_what_is_asked(
    serve: Serve, open_partners: Open, href: str, query: dict[str, str | int | None], target: str
) -> None:
    async def echo(request: web.Request) -> web.StreamResponse:
        return web.Response(text=request.raw_path)

    base = await serve(echo)
    partners = await open_partners(f"{base}/prefix")
    session = partners.http(LINK, auth_headers={}, correlation_id="pass")

    answer = await session.request("GET", Href(href.format(base=base)), query=query)

    assert answer.body.decode() == target


@pytest.mark.parametrize(
    "href",
    ["//other.example/x", "https://127.0.0.1/x", "http://u:p@{host}/x", "http://127.0.0.1:1"],
)
async def test_a_link_to_another_origin_gets_nothing(
    serve: Serve, open_partners: Open, href: str
) -> None:
    base = await serve(Played())
    partners = await open_partners(base)
    session = partners.http(LINK, auth_headers={}, correlation_id="pass")

    with pytest.raises(EgressRefusedError):
        await session.request("GET", Href(href.format(host=base.removeprefix("http://"))))
