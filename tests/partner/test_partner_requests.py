"""What a request looks like at the partner."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest
from aiohttp import web

from syncer.domain.errors import NotFoundError, PayloadError
from syncer.domain.links import LinkKey
from syncer.partner import Partners
from syncer.partner.session import PartnerSession
from syncer.sdk import path_of

Serve = Callable[..., Awaitable[str]]
Open = Callable[..., Awaitable[PartnerSession]]


async def echo(request: web.Request) -> web.StreamResponse:
    return web.json_response(
        {
            "method": request.method,
            "target": request.raw_path,
            "headers": {name.lower(): value for name, value in request.headers.items()},
            "body": (await request.read()).decode(),
        }
    )


async def seen(session: PartnerSession, path: str, **options: object) -> dict[str, object]:
    answer = await session.request("GET", path, **options)  # type: ignore[arg-type]  # as given
    return answer.decode(dict[str, object])


async def test_request_carries_credentials_and_correlation_id(
    serve: Serve, open_session: Open
) -> None:
    session = await open_session(await serve(echo))

    headers = (await seen(session, "/v1/x"))["headers"]

    assert isinstance(headers, dict)
    assert headers["x-api-key"] == "secret-key-1"
    assert headers["authorization"] == "Basic c2VjcmV0"
    assert headers["x-correlation-id"] == "0199-correlation"


async def test_request_carries_its_own_headers_only_once(serve: Serve, open_session: Open) -> None:
    session = await open_session(await serve(echo))

    await seen(session, "/", headers={"If-None-Match": '"abc"'})
    headers = (await seen(session, "/"))["headers"]

    assert isinstance(headers, dict)
    assert "if-none-match" not in headers


@pytest.mark.parametrize(
    ("base_path", "path", "target"),
    [
        ("", "/v1/x", "/v1/x"),
        ("/", "v1/x", "/v1/x"),
        ("/gate/api", "/v1/x", "/gate/api/v1/x"),
        ("/gate/api/", "/v1/x", "/gate/api/v1/x"),
        ("/gate", "", "/gate/"),
        ("", path_of("/v1/{}/x", "a/b c"), "/v1/a%2Fb%20c/x"),
        ("", path_of("/v1/{}/x", ".."), "/v1/%2E%2E/x"),
        ("", path_of("/v1/{}", "1+1=é"), "/v1/1%2B1%3D%C3%A9"),
    ],
)
async def test_request_path_stays_below_the_base_url(
    base_path: str, path: str, target: str, serve: Serve, open_session: Open
) -> None:
    session = await open_session(await serve(echo) + base_path)

    assert (await seen(session, path))["target"] == target


async def test_request_query_is_percent_encoded_with_plus_and_without_none(
    serve: Serve, open_session: Open
) -> None:
    session = await open_session(await serve(echo))

    query = {"since": "2026-03-02T09:14:05+01:00", "limit": 200, "cursor": None, "a&b": "c=d e/é"}
    target = (await seen(session, "/x", query=query))["target"]

    assert target == "/x?since=2026-03-02T09%3A14%3A05%2B01%3A00&limit=200&a%26b=c%3Dd%20e%2F%C3%A9"


async def test_request_without_any_query_value_has_no_question_mark(
    serve: Serve, open_session: Open
) -> None:
    session = await open_session(await serve(echo))

    assert (await seen(session, "/x", query={"cursor": None}))["target"] == "/x"


@pytest.mark.parametrize(
    "path", ["/../x", "/a/./b", "/a/..", "/a b", "/a?b=c", "/a#b", "/é", "/%zz"]
)
async def test_request_path_that_is_not_encoded_or_climbs_is_refused(
    path: str, open_session: Open
) -> None:
    session = await open_session("http://127.0.0.1:9")

    with pytest.raises(PayloadError, match="percent-encoded"):
        await session.request("GET", path)


@pytest.mark.parametrize("value", ["a\r\nX-Evil: 1", "a\nb", "a\rb", "a\0b", "a\x7fb"])
async def test_request_header_with_a_control_character_is_refused_without_its_value(
    value: str, open_session: Open
) -> None:
    session = await open_session("http://127.0.0.1:9")

    with pytest.raises(PayloadError, match="X-Thing holds a control character") as caught:
        await session.request("GET", "/", headers={"X-Thing": value})

    assert value not in str(caught.value)


async def test_credentials_with_a_line_break_are_refused_before_anything_is_sent(
    open_partners: Callable[..., Awaitable[Partners]],
) -> None:
    partners = await open_partners("http://127.0.0.1:9")
    key = LinkKey("garage", "claims")
    session = partners.http(key, auth_headers={"X-Key": "a\r\nb"}, correlation_id="c")

    with pytest.raises(PayloadError, match="X-Key"):
        await session.request("GET", "/")


async def test_query_value_that_is_no_text_is_refused(open_session: Open) -> None:
    session = await open_session("http://127.0.0.1:9")

    with pytest.raises(PayloadError, match="query"):
        await session.request("GET", "/", query={"a": "\ud800"})


async def test_response_header_names_are_lowercase(serve: Serve, open_session: Open) -> None:
    async def tagged(request: web.Request) -> web.StreamResponse:
        return web.Response(body=b"x", headers={"ETag": '"1"'})

    session = await open_session(await serve(tagged))

    answer = await session.request("GET", "/")

    assert answer.headers["etag"] == '"1"'


async def test_post_sends_its_body_as_it_is(serve: Serve, open_session: Open) -> None:
    session = await open_session(await serve(echo))

    answer = await session.request("POST", "/", body=b'{"a":1}')

    assert answer.decode(dict[str, object])["body"] == '{"a":1}'


async def test_cookies_of_the_partner_are_not_sent_back(serve: Serve, open_session: Open) -> None:
    async def sticky(request: web.Request) -> web.StreamResponse:
        assert "Cookie" not in request.headers
        return web.Response(headers={"Set-Cookie": "session=1; Path=/"})

    base_url = (await serve(sticky)).replace("127.0.0.1", "localhost")  # jars ignore addresses
    session = await open_session(base_url)

    await session.request("GET", "/")
    await session.request("GET", "/")


async def test_proxy_of_the_environment_gets_no_request(
    serve: Serve, open_session: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def proxy(request: web.Request) -> web.StreamResponse:
        return web.Response(status=502)

    monkeypatch.setenv("http_proxy", await serve(proxy))
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    session = await open_session(await serve(echo))

    assert (await session.request("GET", "/")).status == 200


async def test_download_streams_content_with_its_headers(serve: Serve, open_session: Open) -> None:
    async def photo(request: web.Request) -> web.StreamResponse:
        return web.Response(body=b"\xff\xd8" * 100_000, content_type="image/jpeg")

    session = await open_session(await serve(photo))

    async with session.download("/photo") as download:
        content = b"".join([piece async for piece in download.chunks()])

    assert download.headers["content-type"] == "image/jpeg"
    assert content == b"\xff\xd8" * 100_000


async def test_link_of_an_unknown_connector_gets_no_session(
    open_partners: Callable[..., Awaitable[Partners]],
) -> None:
    partners = await open_partners("http://127.0.0.1:9")

    with pytest.raises(NotFoundError):
        partners.http(LinkKey("garage", "other"), auth_headers={}, correlation_id="c")


async def test_every_request_is_counted_by_its_status(
    serve: Serve, open_session: Open, counted: list[tuple[str, str]]
) -> None:
    async def varying(request: web.Request) -> web.StreamResponse:
        return web.Response(status=int(request.path[1:]))

    session = await open_session(await serve(varying))

    await session.request("GET", "/200")
    await session.request("GET", "/304", accept={200, 304})

    assert counted == [("claims", "200"), ("claims", "304")]
