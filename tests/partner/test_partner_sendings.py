"""Whether what was sent may have taken effect, and what a partner says of what it refused."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable

import pytest
from aiohttp import web

from syncer.domain.errors import LeaseLostError, SyncerError, UnexpectedAnswerError
from syncer.domain.links import LinkKey
from syncer.observability import known_secrets
from syncer.partner import Partners
from syncer.partner.partner import LARGE_BODY_BYTES
from syncer.partner.problems import LARGEST_PROBLEM_BYTES
from syncer.partner.session import PartnerSession

Serve = Callable[[Callable[[web.Request], Awaitable[web.StreamResponse]]], Awaitable[str]]
Open = Callable[..., Awaitable[Partners]]
LINK = LinkKey("garage", "claims")
SECRET = "key-of-the-garage-4711"


class Watch:
    """Counts what left and is in doubt."""

    def __init__(self) -> None:
        self.doubts: set[object] = set()
        self.sent = 0
        self.lost = False

    def leaving(self) -> object:
        if self.lost:
            raise LeaseLostError("lost")
        self.sent += 1
        mark = object()
        self.doubts.add(mark)
        return mark

    def took_no_effect(self, mark: object) -> None:
        self.doubts.discard(mark)


def session(partners: Partners, watch: Watch) -> PartnerSession:
    headers = {"X-Key": SECRET}
    return partners.http(LINK, auth_headers=headers, correlation_id="d-1", watch=watch)


@pytest.mark.parametrize(
    ("status", "in_doubt"),
    [
        *((status, False) for status in (400, 401, 403, 404, 409, 410, 413, 415, 422, 425, 429)),
        *((status, True) for status in (200, 201, 204, 206, 302, 303, 408, 500, 502, 504)),
        (503, False),
    ],
)
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
async def test_only_a_clear_refusal_leaves_no_doubt(
    serve: Serve, open_partners: Open, status: int, in_doubt: bool, method: str
) -> None:
    async def answer(request: web.Request) -> web.Response:
        return web.Response(status=status)

    watch = Watch()
    link = session(await open_partners(await serve(answer)), watch)

    for accept in ({200}, {status}):
        watch.doubts.clear()
        with contextlib.suppress(SyncerError):
            await link.request(method, "/things", accept=accept)
        assert bool(watch.doubts) == in_doubt


async def test_reading_is_never_in_doubt(serve: Serve, open_partners: Open) -> None:
    async def answer(request: web.Request) -> web.Response:
        return web.Response(status=500)

    watch = Watch()
    link = session(await open_partners(await serve(answer)), watch)

    with pytest.raises(SyncerError):
        await link.request("GET", "/things")

    assert watch.sent == 0


async def test_a_partner_that_is_not_there_was_not_reached(open_partners: Open) -> None:
    watch = Watch()
    link = session(await open_partners("http://127.0.0.1:1"), watch)

    with pytest.raises(SyncerError):
        await link.request("POST", "/things", body=b"{}", repeatable=True)

    assert (watch.sent > 1, watch.doubts) == (True, set())


async def test_who_lost_the_lease_sends_nothing(serve: Serve, open_partners: Open) -> None:
    seen: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        seen.append(request.path)
        return web.Response()

    watch = Watch()
    watch.lost = True
    link = session(await open_partners(await serve(answer)), watch)

    with pytest.raises(LeaseLostError):
        await link.request("POST", "/things", body=b"{}")

    assert seen == []
    assert (await link.request("GET", "/things")).status == 200


PROBLEMS = [
    (b'{"code": "A_1", "detail": "plate is odd", "title": "t"}', ("A_1", "plate is odd")),
    (b'{"code": 7, "title": "Odd\\n\\u001b[31m plate"}', (None, "Odd [31m plate")),
    (f'{{"detail": "who is {SECRET}?"}}'.encode(), (None, "who is [redacted]?")),
    (b'{"detail": "%s"}' % (b"x" * 9_000), (None, "x" * 500)),
    (b'{"detail": "%s"}' % (b"x" * LARGEST_PROBLEM_BYTES), (None, None)),
    (b"<html>no</html>", (None, None)),
    (b"[1]", (None, None)),
    (b"\xff", (None, None)),
    (b"", (None, None)),
]


@pytest.mark.parametrize(("body", "words"), PROBLEMS, ids=range(len(PROBLEMS)))
async def test_a_refusal_comes_with_the_partners_words_and_without_our_secrets(
    serve: Serve, open_partners: Open, body: bytes, words: tuple[str | None, str | None]
) -> None:
    known_secrets.add([SECRET])

    async def answer(request: web.Request) -> web.Response:
        return web.Response(status=422, body=body, content_type="application/problem+json")

    link = session(await open_partners(await serve(answer)), Watch())

    with pytest.raises(UnexpectedAnswerError) as refused:
        await link.request("POST", "/things", body=b"{}")

    assert (refused.value.partner_code, refused.value.partner_text) == words


async def test_what_is_large_to_send_gets_the_time_that_it_takes(
    serve: Serve, open_partners: Open
) -> None:
    async def answer(request: web.Request) -> web.Response:
        return web.Response(text=str(len(await request.read())))

    partners = await open_partners(await serve(answer))
    link = session(partners, Watch())
    body = b"x" * (LARGE_BODY_BYTES - 1)

    assert (await link.request("POST", "/things", body=body)).body == str(len(body)).encode()
    partner = partners._partner_of(LINK)
    small = link._prepare("POST", "/", None, None, b"x", repeatable=False)
    large = link._prepare("POST", "/", None, None, b"x" * 4 * LARGE_BODY_BYTES, repeatable=False)
    assert partner.timeout_for(small).total == 60
    assert (partner.timeout_for(large).total or 0) == 60 + 16
