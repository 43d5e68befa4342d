"""A partner that answers anything at all: every pass ends, says why, and the next one works."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from syncer.dispatch.ambient import SystemClock
from syncer.testing import serve_app
from tests.attack.service import LINK, Service, serving
from tests.attack.strict_partner import Asked, StrictPartner, jpeg, problem

T1 = "2026-03-02T09:14:05.120Z"
GOOD = {
    "type": "mission",
    "id": "M-1",
    "status": "created",
    "statusChangedAt": T1,
    "version": 1,
    "photoCount": 0,
}
SERVER_TIME = "2026-03-02T10:00:00Z"


def page(**more: Any) -> bytes:
    """Write a good page, some of it replaced; ``...`` leaves a part out."""
    whole = {"items": [GOOD], "nextCursor": None, "hasMore": False, "serverTime": SERVER_TIME}
    return json.dumps({k: v for k, v in (whole | more).items() if v is not ...}).encode()


def beside(raw: bytes) -> bytes:
    """Write a page that holds one good item and something beside it."""
    return page().replace(b'"items": [', b'"items": [' + raw + b", ")


def item(**more: Any) -> bytes:
    """Write an item, some of it replaced."""
    return json.dumps({**GOOD, "id": "BAD", **more}).encode()


def raw_item(member: bytes) -> bytes:
    """Write an item with a member that no encoder would write."""
    return item().replace(b"{", b"{" + member + b", ", 1)


async def answer_with(service: Service, partner: StrictPartner, answer: web.Response) -> Any:
    """Have one listing answered so; gives the pass."""

    async def answering(asked: Asked) -> web.StreamResponse:
        return web.Response(status=answer.status, body=answer.body, headers=answer.headers)

    partner.answers["changes"] = answering
    ended = await service.refresh()
    del partner.answers["changes"]
    return ended


PAGES = {
    "nothing": b"",
    "null": b"null",
    "a list": b"[]",
    "an empty object": b"{}",
    "HTML": b"<html><body>Maintenance</body></html>",
    "cut off": page()[:-9],
    "two pages at once": page() + page(),
    "UTF-16": page().decode().encode("utf-16"),
    "items null": page(items=None),
    "items an object": page(items={}),
    "hasMore absent": page(hasMore=...),
    "hasMore a word": page(hasMore="yes"),
    "more without a cursor": page(hasMore=True),
    "the cursor a number": page(hasMore=True, nextCursor=7),
    "serverTime absent": page(serverTime=...),
    "serverTime without offset": page(serverTime="2026-03-02T10:00:00"),
    "21 MiB": page(filling="a" * (21 << 20)),
}


@pytest.mark.parametrize("body", PAGES.values(), ids=PAGES.keys())
async def test_a_page_that_is_none_fails_the_pass_and_leaves_the_next_one_alone(
    service: Service, partner: StrictPartner, body: bytes
) -> None:
    partner.put("mission", "M-1", T1, photoCount=0)

    ended = await answer_with(service, partner, web.Response(body=body))
    following = await service.refresh()

    assert (ended["state"], ended["error"]["code"]) == ("failed", "payload_invalid")
    assert (following["state"], following["counts"]["new"]) == ("succeeded", 1)


ITEMS = {
    "null": b"null",
    "a number": b"1",
    "a list": b"[]",
    "nested 100,000 deep": b'{"type":"mission","x":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "NaN": raw_item(b'"x": NaN'),
    "Infinity": raw_item(b'"x": -Infinity'),
    "a number of 5,000 digits": raw_item(b'"x": ' + b"9" * 5000),
    "half a surrogate pair": raw_item(b'"number": "\\ud800"'),
    "a NUL": raw_item(b'"number": "a\\u0000b"'),
    "a NUL in a name": raw_item(b'"a\\u0000b": 1'),
    "bytes that are no UTF-8": raw_item(b'"number": "\xff\xfe"'),
    "no id": item(id=None),
    "an empty id": item(id=""),
    "an id of 5,000 characters": item(id="x" * 5000),
    "an id with a NUL": item(id="x\0"),
    "a negative version": item(version=-1),
    "a version beyond 53 bits": item(version=2**60),
    "no status": item(status=None),
    "a status of 5,000 characters": item(status="x" * 5000),
    "no instant": item(statusChangedAt="yesterday"),
    "an instant without offset": item(statusChangedAt="2026-03-02T09:14:05"),
    "year 0": item(statusChangedAt="0000-01-01T00:00:00Z"),
    "before year 1 in UTC": item(statusChangedAt="0001-01-01T00:00:00+14:00"),
    "after year 9999 in UTC": item(statusChangedAt="9999-12-31T23:59:59-14:00"),
    "an amount as a number": item(totals={"net": 12.5}),
    "an amount with an exponent": item(totals={"net": "1e9"}),
    "30 February": item(lossDate="2026-02-30"),
    "a vehicle that is a text": item(vehicle="Renault"),
    "no type": item(type=None),
}


@pytest.mark.parametrize("raw", ITEMS.values(), ids=ITEMS.keys())
async def test_an_item_that_is_none_is_set_aside_and_the_one_beside_it_comes(
    service: Service, partner: StrictPartner, raw: bytes
) -> None:
    ended = await answer_with(service, partner, web.Response(body=beside(raw)))

    assert (ended["state"], ended["error"]) == ("partial", None)
    assert (ended["counts"]["new"], ended["counts"]["quarantined"]) == (1, 1)
    assert (await service.records()).keys() == {"M-1"}
    (row,) = await service.everything("/v1/quarantine")
    assert row["reason"]


ODD = {
    "control characters": item(id='BAD\r\n{"level":"ERROR"}\x1b[31m', status="a\n"),
    "a member named twice": raw_item(b'"id": "OTHER"'),
    "the first instant there is": item(statusChangedAt="0001-01-01T00:00:00Z"),
    "the last instant there is": item(statusChangedAt="9999-12-31T23:59:59.999999999Z"),
    "the largest numbers": item(version=2**53 - 1, vehicle={"mileageKm": 2**53 - 1}),
    "right to left": item(number="\u202etxt.exe", insured={"name": "\U0001f600" * 2000}),
}


@pytest.mark.parametrize("raw", ODD.values(), ids=ODD.keys())
async def test_an_item_that_is_odd_but_readable_is_taken_and_shown(
    service: Service, partner: StrictPartner, raw: bytes
) -> None:
    ended = await answer_with(service, partner, web.Response(body=beside(raw)))

    assert ended["state"] == "succeeded", ended
    assert len(await service.records()) == 2
    assert len([one for one in await service.feed() if one["type"] == "record.created"]) == 2
    assert (await service.refresh())["state"] == "succeeded"


def redirect(to: str, status: int = 302) -> Callable[[str], web.Response]:
    return lambda thief: web.Response(status=status, headers={"Location": to.format(thief=thief)})


def status_of(number: int) -> Callable[[str], web.Response]:
    return lambda _: web.Response(status=number, body=b"\x00" * 5000)


STATUSES = {
    **{str(number): (status_of(number), "unexpected_answer") for number in (201, 204, 206, 300)},
    **{str(number): (status_of(number), "unexpected_answer") for number in (304, 400, 410, 451)},
    "599": (status_of(599), "partner_unavailable"),
    "302 elsewhere": (redirect("http://{thief}/x"), "egress_refused"),
    "307 elsewhere": (redirect("http://{thief}/x", 307), "egress_refused"),
    "308 without a scheme": (redirect("//{thief}/x", 308), "egress_refused"),
    "302 to a file": (redirect("file:///etc/passwd"), "egress_refused"),
    "302 with a user": (redirect("http://a:b@{thief}/x"), "egress_refused"),
    "302 to junk": (redirect("http://[::1"), "unexpected_answer"),
    "302 in circles": (redirect("?again=1"), "unexpected_answer"),
}


async def test_a_listing_of_nothing_but_the_first_instant_there_is_does_not_stop_the_link(
    service: Service, partner: StrictPartner
) -> None:
    partner.put("mission", "M-1", "0001-01-01T00:00:00Z", photoCount=0)

    async def everything(asked: Asked) -> web.StreamResponse:
        return web.Response(body=page(items=list(partner.items.values())))

    partner.answers["changes"] = everything

    assert (await service.refresh())["state"] == "succeeded"
    assert (await service.refresh())["state"] == "succeeded"


@pytest.mark.parametrize(("answer", "code"), STATUSES.values(), ids=STATUSES.keys())
async def test_a_status_that_was_not_asked_for_fails_the_pass_and_takes_no_key_elsewhere(
    service: Service, partner: StrictPartner, answer: Callable[[str], web.Response], code: str
) -> None:
    stolen: list[str] = []

    async def steal(request: web.Request) -> web.Response:
        stolen.append(request.path_qs)
        return web.Response(body=page())

    thief = web.Application()
    thief.router.add_route("*", "/{any:.*}", steal)
    async with serve_app(thief) as base_url:
        other = base_url.removeprefix("http://").replace("127.0.0.1", "localhost")
        ended = await answer_with(service, partner, answer(other))

    assert (ended["state"], ended["error"]["code"]) == ("failed", code)
    assert stolen == []
    assert (await service.refresh())["state"] == "succeeded"


async def test_a_body_that_inflates_without_end_fails_the_pass(
    service: Service, partner: StrictPartner
) -> None:
    bomb = gzip.compress(bytes(64 << 20))
    answer = web.Response(body=bomb, headers={"Content-Encoding": "gzip"})

    ended = await answer_with(service, partner, answer)

    assert ended["error"]["code"] == "payload_invalid"


HUGE = 19 << 20
LONG_TO_READ = {
    "brackets": b'{"items":[' + b"[" * HUGE,
    "commas": b'{"items":[' + b"," * HUGE + b"]}",
    "empty objects": b'{"items":[' + b"{}," * (HUGE // 3) + b'{}],"hasMore":false}',
    "empty strings": b'{"items":[' + b'"",' * (HUGE // 3) + b'NaN],"hasMore":false}',
    "quotes": b'{"items":["' + b'"' * HUGE,
    "an open string": b'{"items":["' + b"a" * HUGE,
    "escapes": b'{"items":["' + b'\\"' * (HUGE // 2),
    "1,001 items": page(items=[GOOD] * 1001),
}


@pytest.mark.parametrize("body", LONG_TO_READ.values(), ids=LONG_TO_READ.keys())
async def test_a_body_that_would_take_long_to_read_keeps_nobody_waiting(
    service: Service, partner: StrictPartner, body: bytes
) -> None:
    """Some of these took minutes, in which the whole process stood still."""
    clock = SystemClock()
    waits: list[float] = []

    async def others() -> None:
        while True:
            asked_at = clock.monotonic()
            assert (await service.ask("GET", "/healthz")).status == 200
            waits.append(clock.monotonic() - asked_at)
            await asyncio.sleep(0.01)

    meanwhile = asyncio.create_task(others())
    ended = await answer_with(service, partner, web.Response(body=body))
    meanwhile.cancel()

    assert ended["error"]["code"] == "payload_invalid"
    assert max(waits) < 4


async def test_a_cookie_is_never_given_back(service: Service, partner: StrictPartner) -> None:
    answer = web.Response(body=page(), headers={"Set-Cookie": "session=1; Path=/"})
    await answer_with(service, partner, answer)

    await service.refresh()

    assert all("cookie" not in one.headers for one in partner.seen)


async def test_a_listing_that_never_ends_where_it_began_is_a_loop(
    service: Service, partner: StrictPartner
) -> None:
    async def circling(asked: Asked) -> web.StreamResponse:
        following = {"A": "B", "B": "C", "C": "A"}.get(asked.query.get("cursor", ""), "A")
        return web.Response(body=page(nextCursor=following, hasMore=True))

    partner.answers["changes"] = circling
    ended = await service.refresh()

    assert (ended["state"], ended["error"]["code"]) == ("failed", "page_loop")
    assert len(partner.asked("changes")) < 10
    assert (await service.records()).keys() == {"M-1"}


async def test_a_position_with_odd_characters_is_sent_back_as_it_was(
    service: Service, partner: StrictPartner
) -> None:
    position = "&limit=1#é\r\n x/%00\x01+"

    async def paging(asked: Asked) -> web.StreamResponse:
        more = "cursor" not in asked.query
        return web.Response(body=page(hasMore=more, nextCursor=position if more else None))

    partner.answers["changes"] = paging
    ended = await service.refresh()

    assert ended["state"] == "succeeded", ended
    assert partner.asked("changes")[-1].query["cursor"] == position


@asynccontextmanager
async def raw_partner(*header: bytes) -> AsyncIterator[str]:
    """Answer every request with a good page and bytes of our own among its headers."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while request := await _read_request(reader):
            body = page() if b"/changes" in request else b'{"id": "475869429"}'
            head = (b"HTTP/1.1 200 OK", *header, b"Content-Length: %d" % len(body))
            writer.write(b"\r\n".join((*head, b"", body)))
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def _read_request(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, ConnectionError):
        return b""


@pytest.mark.parametrize(
    "tag",
    [b'"\xff\xfe"', b'"a\x01"', b'"' + b"x" * 7000 + b'"', b""],
    ids=["no text", "a control character", "7,000 characters", "empty"],
)
async def test_an_etag_that_cannot_be_sent_back_does_not_stop_the_link_for_ever(
    folder: Path, partner: StrictPartner, tag: bytes
) -> None:
    async with raw_partner(b"ETag: " + tag) as base_url, serving(folder, base_url) as service:
        await service.good("PUT", f"{LINK}/credentials", partner.credentials())

        passes = [await service.refresh() for _ in range(3)]

    assert [one["state"] for one in passes] == ["succeeded"] * 3, passes


PHOTOS: dict[str, tuple[dict[str, Any], bytes | None, str | None]] = {
    "its hash differs": ({"sha256": "0" * 64}, None, "hash differs"),
    "shorter than announced": ({"bytes": 5000}, None, "size differs"),
    "longer than announced": ({"bytes": 5}, None, "size differs"),
    "announced with 8 PiB": ({"bytes": 2**53 - 1}, None, "size differs"),
    "announced as HTML": ({"contentType": "text/html"}, None, "type differs"),
    "announced as PNG": ({"contentType": "image/png"}, None, "type differs"),
    "HTML inside": ({}, b"<html><script>alert(1)</script>", "type not allowed"),
    "SVG inside": ({}, b"<svg xmlns='http://www.w3.org/2000/svg'/>", "type not allowed"),
    "a ZIP inside": ({}, b"PK\x03\x04" + bytes(60), "type not allowed"),
    "nothing inside": ({}, b"", "type not allowed"),
    "a hash in capitals": ({}, None, None),
    "a path for a name": ({"fileName": "../../../../etc/passwd"}, None, None),
    "a drive for a name": ({"fileName": "C:\\x\\y.jpg"}, None, None),
    "5,000 characters for a name": ({"fileName": "n" * 5000}, None, None),
    "a header for a name": ({"fileName": 'a\r\nX-Evil: "1".jpg'}, None, None),
    "no name": ({"fileName": None}, None, None),
    "HTML and JPEG at once": ({}, b"\xff\xd8\xff\xe0<html><script>", None),
}


async def test_photos_are_kept_only_when_they_are_what_they_claim_and_never_by_their_name(
    service: Service, partner: StrictPartner
) -> None:
    partner.put("mission", "M-1", T1)
    for id_, (announced, content, _) in PHOTOS.items():
        partner.add_photo("M-1", id_, jpeg(id_) if content is None else content, **announced)
    capitals = partner.photos["M-1"]["a hash in capitals"].announced
    capitals["sha256"] = capitals["sha256"].upper()

    ended = await service.refresh()

    attachments = (await service.records())["M-1"]["attachments"]
    reasons = [one["reason"] for one in attachments]
    assert (ended["state"], len(attachments)) == ("partial", len(PHOTOS))
    assert sorted(filter(None, reasons)) == sorted(why for _, _, why in PHOTOS.values() if why)
    for one in attachments:
        reply = await service.ask("GET", f"/v1/attachments/{one['id']}/content")
        assert reply.status == (200 if one["state"] == "stored" else 404)
        if reply.status == 200:
            disposition = reply.headers["Content-Disposition"]
            assert "X-Evil" not in reply.headers
            assert not set("/\\") & set(disposition)
            assert "sandbox" in reply.headers["Content-Security-Policy"]
    files = [file for file in (service.folder / "data" / "files").rglob("*") if file.is_file()]
    assert sorted(file.name for file in files) == sorted(
        one["sha256"].lower() for one in attachments if one["state"] == "stored"
    )


async def test_bad_photos_in_the_list_are_set_aside_and_the_good_ones_come(
    service: Service, partner: StrictPartner
) -> None:
    partner.put("mission", "M-1", T1)
    bad: tuple[dict[str, Any], ...] = (
        {"bytes": -1},
        {"sha256": None},
        {"fileName": "a\0b"},
        {"takenAt": "noon"},
    )
    for number, announced in enumerate(bad):
        partner.add_photo("M-1", f"BAD-{number}", jpeg(str(number)), **announced)
    partner.add_photo("M-1", "GOOD", jpeg("good"))

    ended = await service.refresh()

    assert (ended["state"], ended["counts"]["quarantined"]) == ("partial", len(bad))
    assert [one["name"] for one in (await service.records())["M-1"]["attachments"]] == ["GOOD.jpg"]


async def test_a_photo_that_redirects_elsewhere_is_refused(
    service: Service, partner: StrictPartner
) -> None:
    async def elsewhere(asked: Asked) -> web.StreamResponse:
        return web.Response(status=302, headers={"Location": "http://169.254.169.254/latest"})

    partner.put("mission", "M-1", T1)
    partner.add_photo("M-1", "P-1", jpeg("one"))
    partner.answers["photo"] = elsewhere

    await service.refresh()

    (photo,) = (await service.records())["M-1"]["attachments"]
    assert (photo["state"], photo["reason"]) == ("refused", "blocked destination")


DETAILS = {
    "another object's": b'{"type":"quote","id":"OTHER","status":"a","version":1,'
    b'"statusChangedAt":"2026-03-02T09:14:05.120Z"}',
    "of another type": b'{"type":"mission","id":"Q-1","status":"a","version":1,'
    b'"statusChangedAt":"2026-03-02T09:14:05.120Z"}',
    "of an unknown type": b'{"type":"ghost","id":"Q-1"}',
    "no JSON": b"<html>",
    "a list": b"[]",
}


@pytest.mark.parametrize("body", DETAILS.values(), ids=DETAILS.keys())
async def test_a_detail_that_is_none_sets_the_quote_aside_until_a_good_one_comes(
    service: Service, partner: StrictPartner, body: bytes
) -> None:
    partner.put("quote", "Q-1", T1, photoCount=0)
    partner.put("quote", "Q-2", T1, photoCount=0)

    async def detail(asked: Asked) -> web.StreamResponse:
        return web.Response(body=body) if asked.parts[1] == "Q-1" else partner.answer(asked)

    partner.answers["quote"] = detail
    ended = await service.refresh()
    (row,) = await service.everything("/v1/quarantine")
    del partner.answers["quote"]
    retried = await service.good("POST", f"/v1/quarantine/{row['id']}/retry")

    assert (ended["state"], ended["counts"]["new"]) == ("partial", 1)
    assert retried["resolved_at"] is not None
    assert (await service.records()).keys() == {"Q-1", "Q-2"}


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"id": 5}', b'{"id": "1"}'])
async def test_a_check_that_is_answered_with_junk_stores_nothing(
    idle: Service, partner: StrictPartner, body: bytes
) -> None:
    async def junk(asked: Asked) -> web.StreamResponse:
        return web.Response(body=body)

    partner.answers["check"] = junk
    reply = await idle.ask("PUT", f"{LINK}/credentials", partner.credentials())

    assert reply.status in {422, 502, 503}, reply.body
    assert reply.code in {
        "credentials_rejected_by_partner",
        "partner_unreachable",
        "payload_invalid",
    }
    assert (await idle.good("GET", f"{LINK}/credentials"))["configured"] is False


async def test_one_body_shop_that_is_refused_for_minutes_holds_up_no_other(
    folder: Path, partner: StrictPartner
) -> None:
    more = '\n[[repairers]]\nid = "garage-8"\nname = "The other"\n'
    partner.put("mission", "M-1", T1, photoCount=0)

    async def busy(asked: Asked) -> web.StreamResponse:
        if asked.headers["x-planning-api-key"] == partner.keys[1]:
            return problem(429, "TOO_MANY_REQUESTS", headers={"Retry-After": "3600"})
        return web.Response(body=page())

    partner.answers["changes"] = busy
    async with partner.serve() as base_url, serving(folder, base_url, more) as service:
        other = partner.credentials() | {"planning_api_key": "planning-key-of-the-other"}
        path = "/v1/repairers/garage-8/links/claims360/credentials?verify=skip"
        await service.good("PUT", f"{LINK}/credentials", partner.credentials())
        await service.good("PUT", path, other)

        held = await service.refresh()
        answer = await service.good("POST", "/v1/refresh?wait=30", {"repairer": "garage-8"})

    assert held["error"]["code"] == "rate_limited"
    assert [one["state"] for one in answer["passes"]] == ["succeeded"]
