"""Errors: one body for all of them, the right status, and nothing that should not be told."""

from __future__ import annotations

import gzip
import json
from datetime import timedelta
from typing import Any

import pytest

from syncer.domain import errors
from syncer.web.bodies import DEEPEST_JSON, JSON_BODY_MAX_BYTES
from syncer.web.problems import status_of

JSON = {"Content-Type": "application/json"}
REPAIRER = "/v1/repairers/garage-7"


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (errors.InvalidError("no"), 422),
        (errors.NotFoundError("no"), 404),
        (errors.ConflictError("taken", "no"), 409),
        (errors.StaleError("no"), 412),
        (errors.FeedResetError("no"), 410),
        (errors.TooLargeError("no"), 413),
        (errors.RequestRefusedError(415, "unsupported_media_type", "no"), 415),
        (errors.CredentialsRejectedError("no"), 409),
        (errors.PartnerUnavailableError("no"), 503),
        (errors.PartnerTimeoutError("no"), 503),
        (errors.RateLimitedError("no"), 429),
        (errors.StoreBusyError("no"), 503),
        (errors.StorageFullError("no"), 507),
        (errors.ShuttingDownError("no"), 503),
        (errors.VaultSealedError("no"), 503),
        (errors.ConnectorQuarantinedError("no"), 503),
        (errors.CredentialUnreadableError("no"), 503),
        (errors.PayloadError("no"), 502),
        (errors.SyncerError("no"), 500),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else str(value),
)
def test_error_has_the_status_of_its_branch(error: errors.SyncerError, status: int) -> None:
    assert status_of(error) == status


async def test_problem_has_all_members_and_the_request_id(house: Any) -> None:
    reply = await house.get("/v1/repairers/nobody")

    assert reply.status == 404
    assert reply.headers["Content-Type"] == "application/problem+json"
    assert reply.json["type"] == "urn:syncer:problem:not_found"
    assert reply.json["status"] == 404
    assert reply.json["code"] == "not_found"
    assert reply.json["title"]
    assert reply.json["detail"]
    assert reply.json["instance"] == reply.headers["X-Request-Id"]


async def test_every_answer_carries_the_security_headers(house: Any) -> None:
    for path in ("/healthz", "/docs", "/v1/links", "/nowhere"):
        reply = await house.get(path)

        assert reply.headers["X-Content-Type-Options"] == "nosniff"
        assert reply.headers["Cache-Control"] == "no-store"
        assert "'none'" in reply.headers["Content-Security-Policy"]
        assert reply.headers["Server"] == "syncer"
        assert not [name for name in reply.headers if name.startswith("Access-Control")]


async def test_unknown_route_is_answered_with_404(house: Any) -> None:
    reply = await house.get("/v1/nowhere")

    assert (reply.status, reply.code) == (404, "not_found")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", "/v1/repairers/garage-7", {"GET", "HEAD", "PUT"}),
        ("POST", "/v1/links", {"GET", "HEAD"}),
        ("GET", "/v1/refresh", {"POST"}),
    ],
)
async def test_wrong_method_is_answered_with_what_is_allowed(
    house: Any, method: str, path: str, allowed: set[str]
) -> None:
    reply = await house.ask(method, path)

    assert (reply.status, reply.code) == (405, "method_not_allowed")
    assert set(reply.headers["Allow"].replace(" ", "").split(",")) == allowed


@pytest.mark.parametrize(
    "content_type",
    ["text/plain", "application/x-www-form-urlencoded", "application/json; charset=latin-1", ""],
)
async def test_body_of_another_type_is_refused(house: Any, content_type: str) -> None:
    reply = await house.put(REPAIRER, data=b'{"name":"G"}', headers={"Content-Type": content_type})

    assert (reply.status, reply.code) == (415, "unsupported_media_type")


async def test_body_with_the_charset_utf_8_is_taken(house: Any) -> None:
    headers = {"Content-Type": "application/json; charset=UTF-8"}

    reply = await house.put(REPAIRER, data='{"name":"Gärage"}'.encode(), headers=headers)

    assert reply.status == 201


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"{} {}",
        b'{"name":"G",}',
        b'{"name":NaN}',
        b'{"name":-Infinity}',
        b'{"name":"G","name":"H"}',
        b'{"name":"\xff"}',
        b'\xef\xbb\xbf{"name":"G"}',
        b'{"name":' + b"[" * 100_000,
        b'{"name":' + b"9" * 10_000 + b"}",
    ],
    ids=[
        "empty",
        "cut",
        "two values",
        "trailing comma",
        "NaN",
        "infinity",
        "doubled member",
        "not UTF-8",
        "byte order mark",
        "bottomless",
        "endless number",
    ],
)
async def test_broken_json_is_refused(house: Any, body: bytes) -> None:
    reply = await house.put(REPAIRER, data=body, headers=JSON)

    assert (reply.status, reply.code) == (400, "json_invalid")


async def test_json_is_refused_when_it_nests_too_deep(house: Any) -> None:
    depth = DEEPEST_JSON
    body = b'{"name":' + b"[" * depth + b"]" * depth + b"}"

    reply = await house.put(REPAIRER, data=body, headers=JSON)

    assert (reply.status, reply.code) == (400, "json_invalid")


@pytest.mark.parametrize("text", [r"a\u0000b", r"a\ud800b"], ids=["NUL", "lone surrogate"])
async def test_text_that_no_store_can_keep_is_refused_with_its_place(house: Any, text: str) -> None:
    body = f'{{"name":"G","sites":["ok","{text}"]}}'.encode()

    reply = await house.put(REPAIRER, data=body, headers=JSON)

    assert (reply.status, reply.code) == (422, "invalid")
    assert reply.pointers == ["/sites/1"]


async def test_body_is_refused_with_a_pointer_for_each_fault(house: Any) -> None:
    reply = await house.put(REPAIRER, {"sites": ["", 7], "a/b": 1})

    assert (reply.status, reply.code) == (422, "invalid")
    assert set(reply.pointers) == {"/name", "/sites/0", "/sites/1", "/a~1b"}


@pytest.mark.parametrize("body", [[], "text", 7, None], ids=["list", "text", "number", "null"])
async def test_body_that_is_no_object_is_refused(house: Any, body: Any) -> None:
    reply = await house.put(REPAIRER, data=json.dumps(body).encode(), headers=JSON)

    assert (reply.status, reply.code) == (422, "invalid")


async def test_body_is_refused_by_its_announced_length_before_it_comes(house: Any) -> None:
    head = (
        f"PUT {REPAIRER} HTTP/1.1\r\nHost: localhost:PORT\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer {'t' * 43}\r\nContent-Length: {JSON_BODY_MAX_BYTES + 1}\r\n\r\n"
    )

    status, answer = await house.raw(head)

    assert status == 413
    assert "too_large" in answer


async def test_body_is_refused_when_it_is_too_large_once_inflated(house: Any) -> None:

    body = gzip.compress(b'{"name":"' + b"g" * JSON_BODY_MAX_BYTES + b'"}')

    reply = await house.put(REPAIRER, data=body, headers=JSON | {"Content-Encoding": "gzip"})

    assert (reply.status, reply.code) == (413, "too_large")


async def test_route_without_a_body_takes_an_empty_one_only(house: Any) -> None:
    await house.add_repairer()
    path = f"{REPAIRER}/links/claims360/pause"

    empty = await house.post(path, {})
    full = await house.post(path, {"reason": "holiday"})

    assert empty.code == "link_unconfigured"
    assert (full.status, full.code) == (422, "invalid")


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("limit=0", "/limit"),
        ("limit=501", "/limit"),
        ("limit=many", "/limit"),
        ("after=xyz", "/after"),
        ("after=WzFd", "/after"),
        ("colour=red", "/colour"),
        ("limit=1&limit=2", "/limit"),
        ("state=nonsense", "/state/0"),
        ("state=active,nonsense", "/state/1"),
        ("repairer=Garage%207", "/repairer/0"),
        ("connector=a%00b", "/connector"),
    ],
)
async def test_query_is_refused_with_a_pointer_to_the_parameter(
    house: Any, query: str, pointer: str
) -> None:
    reply = await house.get(f"/v1/links?{query}")

    assert (reply.status, reply.code) == (422, "invalid")
    assert reply.pointers == [pointer]


async def test_route_without_parameters_refuses_any(house: Any) -> None:
    reply = await house.get("/v1/connectors/claims360?verbose=1")

    assert (reply.status, reply.code) == (422, "invalid")
    assert reply.pointers == ["/verbose"]


async def test_bug_is_answered_with_its_request_id_and_nothing_else(
    house: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object) -> None:
        raise RuntimeError("a secret detail")

    monkeypatch.setattr(type(house.services.links), "get", broken)

    reply = await house.get("/v1/repairers/garage-7/links/claims360")

    assert (reply.status, reply.code) == (500, "internal")
    assert b"secret detail" not in reply.body
    assert reply.json["instance"] == reply.headers["X-Request-Id"]


async def test_storage_that_is_full_is_answered_with_507(
    house: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(*_: object) -> None:
        raise errors.StorageFullError("The disk is full.")

    monkeypatch.setattr(type(house.services.store), "write", full)

    reply = await house.put(REPAIRER, {"name": "Garage"})

    assert (reply.status, reply.code) == (507, "storage_full")


async def test_retry_after_says_when_to_come_again(
    house: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    retry_at = house.clock.now() + timedelta(seconds=90)

    async def limited(*_: object) -> None:
        raise errors.RateLimitedError("Later.", retry_at=retry_at)

    monkeypatch.setattr(type(house.services.repairers), "get", limited)

    reply = await house.get(REPAIRER)

    assert reply.status == 429
    assert 80 <= int(reply.headers["Retry-After"]) <= 90
