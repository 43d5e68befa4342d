"""ETag, If-None-Match and If-Match."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

LINK = "/v1/repairers/garage-7/links/claims360"


async def _claim_file(house: Any) -> str:
    await house.configure()
    body = {"repairer": "garage-7", "connector": "claims360", "reference": "R-1", "data": {}}
    made = await house.post("/v1/claim-files", body)
    return f"/v1/claim-files/{made.json['id']}"


@pytest.mark.parametrize("path", ["/v1/links", LINK, "/v1/connectors", "/v1/repairers/garage-7"])
async def test_read_carries_the_hash_of_its_body_as_tag(house: Any, path: str) -> None:
    await house.add_repairer()

    reply = await house.get(path)

    assert reply.headers["ETag"] == f'"{hashlib.sha256(reply.body).hexdigest()}"'


@pytest.mark.parametrize("form", ["{}", "W/{}", '"other", {}', "*"])
async def test_unchanged_thing_is_answered_with_304_and_no_body(house: Any, form: str) -> None:
    await house.add_repairer()
    tag = (await house.get(LINK)).headers["ETag"]

    reply = await house.get(LINK, headers={"If-None-Match": form.format(tag)})

    assert reply.status == 304
    assert reply.body == b""
    assert reply.headers["ETag"] == tag


async def test_changed_thing_is_answered_anew(house: Any) -> None:
    await house.add_repairer()
    tag = (await house.get(LINK)).headers["ETag"]
    await house.put(f"{LINK}/settings", {"queueing": "none"})

    reply = await house.get(LINK, headers={"If-None-Match": tag})

    assert reply.status == 200
    assert reply.headers["ETag"] != tag


async def test_head_is_answered_like_get_without_the_body(house: Any) -> None:
    await house.add_repairer()
    read = await house.get(LINK)

    reply = await house.ask("HEAD", LINK)

    assert reply.status == 200
    assert reply.body == b""
    assert reply.headers["ETag"] == read.headers["ETag"]


@pytest.mark.parametrize("form", ["{}", '"other", {}', "*"])
async def test_change_is_made_when_the_thing_is_as_it_was_read(house: Any, form: str) -> None:
    path = await _claim_file(house)
    tag = (await house.get(path)).headers["ETag"]

    reply = await house.patch(
        path, {"data": {"channel": "restart"}}, headers={"If-Match": form.format(tag)}
    )

    assert reply.status == 200


@pytest.mark.parametrize("form", ['"other"', "W/{}"], ids=["other tag", "weak tag"])
async def test_change_is_refused_when_the_thing_is_another_by_now(house: Any, form: str) -> None:
    path = await _claim_file(house)
    read = await house.get(path)

    reply = await house.patch(
        path,
        {"data": {"channel": "restart"}},
        headers={"If-Match": form.format(read.headers["ETag"])},
    )

    assert (reply.status, reply.code) == (412, "stale")
    assert (await house.get(path)).json == read.json


async def test_second_of_two_changes_from_one_reading_is_refused(house: Any) -> None:
    path = await _claim_file(house)
    tag = (await house.get(path)).headers["ETag"]
    first = await house.patch(path, {"data": {"channel": "a"}}, headers={"If-Match": tag})

    second = await house.patch(path, {"data": {"channel": "b"}}, headers={"If-Match": tag})

    assert first.status == 200
    assert (second.status, second.code) == (412, "stale")


async def test_decision_is_refused_when_the_record_is_another_by_now(house: Any) -> None:
    await house.configure()
    await house.refresh()
    record = (await house.get("/v1/records")).json["items"][0]["id"]
    tag = (await house.get(f"/v1/records/{record}")).headers["ETag"]
    await house.post(f"/v1/records/{record}/accept")

    reply = await house.post(f"/v1/records/{record}/dismiss", headers={"If-Match": tag})

    assert (reply.status, reply.code) == (412, "stale")
