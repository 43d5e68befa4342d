"""A partner that says our secrets back: nobody reads them."""

from __future__ import annotations

import base64
import json
from collections.abc import Awaitable, Callable
from urllib.parse import quote

import pytest
from aiohttp import web

from syncer.domain.links import LinkKey
from syncer.observability import known_secrets
from syncer.partner import Partners
from syncer.partner.echoes import Echoes
from syncer.testing import serve_app

Open = Callable[..., Awaitable[Partners]]
LINK = LinkKey("garage", "claims")

SECRET = 'a/secret "of" ours \\ 4711'


@pytest.fixture
def echoes() -> Echoes:
    known_secrets.add([SECRET])
    return Echoes([f"Bearer {SECRET}", "application/json"])


@pytest.mark.parametrize(
    "body",
    [
        SECRET.encode(),
        json.dumps({"a": f"x{SECRET}y"}).encode(),
        json.dumps({"a": SECRET}).replace("/", "\\/").encode(),
    ],
    ids=["plain", "JSON", "JSON with slashes escaped"],
)
def test_a_secret_is_cut_out_of_a_body_and_the_rest_stays(echoes: Echoes, body: bytes) -> None:
    cut = echoes.cut_from_body(body)

    assert b"4711" not in cut
    assert b"[redacted]" in cut
    assert cut.startswith(body[:1] if body.startswith(b"{") else b"[")


def test_user_and_password_are_cut_out_however_they_are_said_back() -> None:
    known_secrets.add([SECRET])
    pair = base64.b64encode(f"officina:{SECRET}".encode()).decode()
    echoes = Echoes([f"Basic {pair}", "Basic officina"])

    cut = echoes.cut_from_body(json.dumps({"sent": f"Basic {pair}", "as": SECRET}).encode())

    assert json.loads(cut) == {"sent": "Basic [redacted]", "as": "[redacted]"}


def test_a_header_that_is_no_secret_is_left_in_answers(echoes: Echoes) -> None:
    assert echoes.cut_from_body(b'"application/json"') == b'"application/json"'


async def test_an_answer_that_echoes_the_keys_reaches_the_connector_without_them(
    open_partners: Open,
) -> None:
    key = "a-planning-key-0123456789"
    known_secrets.add([key])

    async def echo(request: web.Request) -> web.Response:
        sent = request.headers["X-Key"]
        return web.json_response({"key": sent}, headers={"ETag": sent, "X-Path": quote(sent)})

    app = web.Application()
    app.router.add_get("/echo", echo)
    async with serve_app(app) as base_url:
        partners = await open_partners(base_url)
        session = partners.http(LINK, auth_headers={"X-Key": key}, correlation_id="0199")
        answer = await session.request("GET", "/echo")

    assert json.loads(answer.body) == {"key": "[redacted]"}
    assert answer.headers["etag"] == answer.headers["x-path"] == "[redacted]"
