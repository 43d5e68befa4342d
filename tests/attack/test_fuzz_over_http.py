"""Made-up bytes from both sides of a running host: it answers, says why, and stays well."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from aiohttp import web
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.attack.service import LINK, Service
from tests.attack.strict_partner import Asked, StrictPartner, jpeg
from tests.campaign import COUNTS

T = TypeVar("T")

MANY = settings(
    max_examples=120 * COUNTS.examples_factor,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
SERVER_TIME = "2026-03-02T10:00:00Z"
ITEM: dict[str, Any] = {
    "type": "quote",
    "id": "Q-1",
    "missionId": "M-1",
    "status": "approved",
    "statusChangedAt": "2026-03-02T09:14:05.120Z",
    "version": 4,
    "site": {"id": "gent", "name": "Gent"},
    "vehicle": {"plate": "1-ABC-234", "powerKw": 92, "firstRegistrationDate": "2019-05-14"},
    "insurer": {"name": "Demo", "claimNumber": "24/778-1"},
    "lossDate": "2026-02-21",
    "totals": {"net": "1240.50", "currency": "EUR"},
    "photoCount": 1,
}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=40),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3)
    ),
    max_leaves=6,
)
NAMES = st.sampled_from([*ITEM, "lines", "expert", "insured", "number", "updatedAt"])
INSTANTS = st.datetimes().map(lambda at: f"{at.isoformat()}Z") | st.text(max_size=30)


def replaced(item: dict[str, Any], changes: dict[str, Any], at: str, id_: str) -> dict[str, Any]:
    return {**item, "statusChangedAt": at, "id": id_, **changes}


ITEMS = st.builds(
    replaced,
    st.just(ITEM),
    st.dictionaries(NAMES, JSON, max_size=3),
    INSTANTS,
    st.text(min_size=1, max_size=12),
)
ODD_PAGES = st.fixed_dictionaries(
    {"items": st.lists(ITEMS | JSON, max_size=4) | JSON, "serverTime": st.just(SERVER_TIME) | JSON},
    optional={"hasMore": st.booleans() | JSON, "nextCursor": st.text(max_size=20) | JSON},
)
ENDS = {"hasMore": st.just(False), "serverTime": st.just(SERVER_TIME)}
GOES_ON = ENDS | {"hasMore": st.just(True), "nextCursor": st.text(min_size=1, max_size=20)}
PAGES = st.fixed_dictionaries({"items": st.lists(ITEMS | ITEMS | JSON, max_size=5), **ENDS})
PARTS = st.fixed_dictionaries({"items": st.lists(ITEMS | ITEMS | JSON, max_size=5), **GOES_ON})


def broken(body: bytes, place: int, cut: int, noise: bytes) -> bytes:
    """Write noise over a part of a body."""
    place %= len(body) + 1
    return body[:place] + noise + body[place + cut :]


def written(value: Any) -> bytes:
    return json.dumps(value).encode(errors="replace")


NOISY = st.builds(
    broken, PAGES.map(written), st.integers(0, 4000), st.integers(0, 9), st.binary(max_size=6)
)
BODIES = PAGES.map(written) | PARTS.map(written) | NOISY | ODD_PAGES.map(written)


def told(loop: asyncio.AbstractEventLoop, work: Callable[[], Awaitable[T]]) -> T:
    """Have the loop of the host do something, from the thread that makes things up."""

    async def do() -> T:
        return await work()

    return asyncio.run_coroutine_threadsafe(do(), loop).result(60)


async def test_whatever_a_partner_lists_ends_the_pass_with_a_reason_and_no_bug(
    service: Service, partner: StrictPartner
) -> None:
    loop = asyncio.get_running_loop()
    partner.add_photo("M-1", "P-1", jpeg("one"))

    def work(body: bytes, detail: bytes, photos: bytes) -> None:
        answers = {"changes": body, "quote": detail, "photos": photos}

        async def answering(asked: Asked) -> web.StreamResponse:
            is_last = "cursor" in asked.query
            last = {"items": [ITEM], "hasMore": False, "serverTime": SERVER_TIME}
            content = json.dumps(last).encode() if is_last else answers[asked.operation]
            return web.Response(body=content)

        partner.answers = dict.fromkeys(answers, answering)
        partner._begun.clear()  # its own count of requests in the last second
        ended = told(loop, service.refresh)
        code = (ended["error"] or {}).get("code")
        assert ended["state"] in {"succeeded", "partial", "failed"}
        assert code in {None, "payload_invalid", "page_loop"}, ended

    details = ITEMS.map(written) | ITEMS.map(written) | st.binary()
    photos = JSON.map(lambda value: written({"photos": [value]})) | st.binary()
    await asyncio.to_thread(MANY(given(BODIES, details, photos)(work)))

    await service.records()
    await service.feed()
    for path in ("/v1/quarantine", "/v1/claim-files", "/v1/passes", "/v1/attention"):
        await service.everything(path)


LISTS = ("records", "passes", "links", "repairers", "connectors", "quarantine", "claim-files")
CURSORS = st.text() | st.lists(JSON, max_size=3).map(
    lambda parts: base64.urlsafe_b64encode(written(parts)).decode()
)


async def test_a_made_up_cursor_is_refused_or_gives_a_page(service: Service) -> None:
    loop = asyncio.get_running_loop()

    def work(name: str, cursor: str, limit: int) -> None:
        async def ask() -> None:
            params = {"after": cursor, "limit": str(limit)}
            reply = await service.ask("GET", f"/v1/{name}", params=params)
            assert reply.status in {200, 422, 410}, (reply.status, reply.body)

        told(loop, ask)

    names = st.sampled_from([*LISTS, "attention", "changes"])
    cursors = CURSORS.filter(lambda text: text.isprintable())
    await asyncio.to_thread(MANY(given(names, cursors, st.integers(1, 500))(work)))


TARGETS = st.sampled_from([
    b"/v1/records/",
    b"/v1/records?q=",
    b"/v1/repairers/",
    f"{LINK}/".encode(),
    b"/v1/changes?after=",
    b"/v1/attachments/",
    b"/docs/",
    b"/",
])  # fmt: skip
METHODS = st.sampled_from([b"GET", b"PUT", b"POST", b"PATCH", b"HEAD", b"OPTIONS", b"BREW"])
HEADERS = st.sampled_from(
    [b"Content-Type: ", b"If-None-Match: ", b"Range: ", b"If-Match: ", b"X: "]
)


async def test_made_up_requests_are_never_answered_with_a_fault_of_ours(service: Service) -> None:
    loop = asyncio.get_running_loop()
    host, port = service.host.address.removeprefix("http://").split(":")

    async def send(request: bytes) -> bytes:
        reader, writer = await asyncio.open_connection(host, int(port))
        try:
            writer.write(request)
            await writer.drain()
            async with asyncio.timeout(10):
                return await reader.read()
        except ConnectionError:
            return b""
        finally:
            writer.close()

    def work(method: bytes, target: bytes, rest: bytes, header: bytes, more: bytes) -> None:
        head = b" ".join((method, target + rest.replace(b" ", b"%20"), b"HTTP/1.1"))
        token = service.token.encode()
        lines = [head, b"Host: %s:%s" % (host.encode(), port.encode()), b"Connection: close"]
        lines += [b"Authorization: Bearer " + token, header + more, b"Content-Length: 2"]
        request = b"\r\n".join([*lines, b"", b"{}"])

        answer = told(loop, lambda: send(request))

        status = answer.split(b" ", 2)[1] if answer else b"closed"
        assert not status.startswith(b"5"), (request, answer)
        assert token not in answer
        assert b"Traceback" not in answer

    texts = st.text(max_size=20).map(lambda text: text.encode(errors="replace"))
    noise = (st.binary(max_size=20) | texts).filter(lambda raw: not set(raw) & set(b"\r\n"))
    await asyncio.to_thread(MANY(given(METHODS, TARGETS, noise, HEADERS, noise)(work)))

    assert (await service.ask("GET", "/healthz")).status == 200
