"""Idempotency-Key: the same request under the same key has its effect, and its answer, once."""

from __future__ import annotations

import asyncio
import hashlib
from contextlib import suppress
from typing import Any

import aiohttp
import msgspec
import pytest

from syncer.domain.stored import RememberedAnswer
from syncer.web.idempotency import Idempotency

LINK = "/v1/repairers/garage-7/links/claims360"
CREDENTIALS = f"{LINK}/credentials"
KEY = {"Idempotency-Key": "key-1"}


def _claim_file(reference: str = "2026-1") -> dict[str, Any]:
    return {"repairer": "garage-7", "connector": "claims360", "reference": reference, "data": {}}


async def test_same_key_and_body_give_the_same_answer_and_one_effect(house: Any) -> None:
    await house.configure()

    first = await house.post("/v1/claim-files", _claim_file(), headers=KEY)
    again = await house.post("/v1/claim-files", _claim_file(), headers=KEY)

    assert first.status == again.status == 201
    assert again.json == first.json
    assert again.headers.get("Location") == first.headers.get("Location")
    assert (await house.get("/v1/claim-files")).json["total"] == 1


async def test_body_is_compared_by_what_it_says(house: Any) -> None:
    await house.configure()
    headers = KEY | {"Content-Type": "application/json"}
    first = b'{"repairer":"garage-7","connector":"claims360","reference":"R","data":{}}'
    spaced = b'{"data": {}, "reference": "R", "connector": "claims360", "repairer": "garage-7"}'

    one = await house.post("/v1/claim-files", data=first, headers=headers)
    two = await house.post("/v1/claim-files", data=spaced, headers=headers)

    assert one.status == two.status == 201


async def test_other_body_under_the_same_key_is_refused(house: Any) -> None:
    await house.configure()
    await house.post("/v1/claim-files", _claim_file(), headers=KEY)

    reply = await house.post("/v1/claim-files", _claim_file("2026-2"), headers=KEY)

    assert (reply.status, reply.code) == (422, "idempotency_mismatch")


async def test_same_key_on_another_route_is_another_key(house: Any) -> None:
    await house.configure()
    await house.post("/v1/claim-files", _claim_file(), headers=KEY)

    reply = await house.post("/v1/refresh", {"repairer": "garage-7"}, headers=KEY)

    assert reply.status == 202


async def test_refused_request_may_be_sent_again_under_its_key(house: Any) -> None:
    await house.add_repairer()
    refused = await house.post("/v1/refresh", {"repairer": "garage-7"}, headers=KEY)
    await house.configure()

    reply = await house.post("/v1/refresh", {"repairer": "garage-7"}, headers=KEY)

    assert refused.status == 409
    assert reply.status == 202


@pytest.mark.parametrize(
    "key", ["", "a" * 256, "with space", "sch\u00f6n", "tab\there"], ids=lambda key: key[:10]
)
async def test_malformed_key_is_refused(house: Any, key: str) -> None:
    reply = await house.post("/v1/refresh", {}, headers={"Idempotency-Key": key})

    assert (reply.status, reply.code) == (422, "invalid")
    assert reply.pointers == ["/Idempotency-Key"]


async def test_longest_key_is_taken(house: Any) -> None:
    await house.configure()

    reply = await house.post("/v1/refresh", {}, headers={"Idempotency-Key": "~" * 255})

    assert reply.status == 202


async def test_lost_answer_of_a_registration_is_repeated(house: Any) -> None:
    await house.add_repairer()
    credentials = dict(house.partner.add_repairer("garage-7"))

    first = await house.put(CREDENTIALS, credentials, headers=KEY)
    again = await house.put(CREDENTIALS, credentials, headers=KEY)
    other = await house.put(CREDENTIALS, credentials | {"bodyshop_id": "1"}, headers=KEY)
    without = await house.put(CREDENTIALS, credentials)

    assert first.status == again.status == 201
    assert again.json == first.json
    assert (other.status, other.code) == (422, "idempotency_mismatch")
    assert (without.status, without.code) == (409, "credentials_already_set")


async def test_answer_of_a_registration_is_kept_in_the_write_that_stores_it(
    house: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process dies after the write and before anything else could be kept."""
    await house.add_repairer()
    credentials = dict(house.partner.add_repairer("garage-7"))

    async def dies(*_: object) -> None:
        raise asyncio.CancelledError

    with monkeypatch.context() as patched:
        patched.setattr(Idempotency, "keep", dies)
        with suppress(aiohttp.ServerDisconnectedError):
            await house.put(CREDENTIALS, credentials, headers=KEY)

    again = await house.put(CREDENTIALS, credentials, headers=KEY)
    assert again.status == 201


async def test_nothing_of_a_secret_body_can_be_recognised_in_the_store(
    house: Any,
) -> None:

    await house.add_repairer()
    credentials = dict(house.partner.add_repairer("garage-7"))
    await house.put(CREDENTIALS, credentials, headers=KEY)
    plain = hashlib.sha256(msgspec.json.encode(credentials, order="deterministic")).digest()

    async with house.services.store.read() as uow:
        kept = await uow.notes.answer(f"PUT {CREDENTIALS}", "key-1")

    assert kept is not None
    assert kept.fingerprint != plain
    for value in credentials.values():
        assert value.encode() not in kept.body


async def test_request_under_a_key_that_is_in_flight_is_refused(house: Any) -> None:
    await house.configure()
    reached, let_go = asyncio.Event(), asyncio.Event()

    async def hold(_request: object) -> None:
        reached.set()
        await let_go.wait()

    house.partner.before = hold
    body = {"repairer": "garage-7"}
    first = asyncio.create_task(house.post("/v1/refresh?wait=30", body, headers=KEY))
    await reached.wait()

    second = await house.post("/v1/refresh", body, headers=KEY)
    let_go.set()

    assert (second.status, second.code) == (409, "idempotency_in_progress")
    assert (await first).status == 200


async def test_claim_of_a_process_that_died_holds_nobody_up(house: Any) -> None:
    await house.configure()
    left = RememberedAnswer(fingerprint=b"?", status=None, headers={}, body=b"")
    at = house.clock.now()
    await house.write(lambda uow: uow.notes.remember("POST /v1/refresh", "key-1", left, at=at))

    reply = await house.post("/v1/refresh", {"repairer": "garage-7"}, headers=KEY)

    assert reply.status == 202


async def test_key_is_free_again_after_a_bug(house: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    await house.configure()

    async def broken(*_: object, **__: object) -> None:
        raise RuntimeError("a bug")

    with monkeypatch.context() as patched:
        patched.setattr(type(house.services.refresh), "start", broken)
        assert (await house.post("/v1/refresh", {}, headers=KEY)).status == 500

    assert (await house.post("/v1/refresh", {}, headers=KEY)).status == 202


async def test_race_under_one_key_has_one_effect(house: Any) -> None:
    await house.configure()

    replies = await asyncio.gather(
        *(house.post("/v1/claim-files", _claim_file(), headers=KEY) for _ in range(20))
    )

    assert {reply.status for reply in replies} <= {201, 409}
    assert {reply.code for reply in replies if reply.status == 409} <= {"idempotency_in_progress"}
    assert len({reply.json["id"] for reply in replies if reply.status == 201}) == 1
    assert (await house.get("/v1/claim-files")).json["total"] == 1
