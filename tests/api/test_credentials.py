"""Routes of credentials: registered once, never shown again."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

LINK = "/v1/repairers/garage-7/links/claims360"
PATH = f"{LINK}/credentials"


async def _ready(house: Any) -> dict[str, str]:
    await house.add_repairer()
    return dict(house.partner.add_repairer("garage-7"))


async def test_credentials_are_registered_and_no_pass_starts(house: Any) -> None:
    credentials = await _ready(house)

    reply = await house.put(PATH, credentials)

    assert reply.status == 201
    assert reply.json["configured"] is True
    assert sorted(reply.json["fields"]) == sorted(credentials)
    assert reply.json["generation"] == 1
    assert (await house.get(LINK)).json["state"] == "active"
    assert (await house.get("/v1/passes")).json["total"] == 0


async def test_credentials_are_described_by_their_names_only(house: Any) -> None:
    credentials = await _ready(house)
    before = await house.get(PATH)
    made = await house.put(PATH, credentials)

    after = await house.get(PATH)

    assert before.json["configured"] is False
    assert after.json == made.json
    for value in credentials.values():
        assert value.encode() not in after.body + made.body


@pytest.mark.parametrize(
    "body", [{}, {"bodyshop_id": "1"}, [], None, "right", {"nonsense": {"deep": 1}}]
)
async def test_second_registration_is_refused_whatever_it_brings(house: Any, body: Any) -> None:
    await house.configure()

    reply = await house.put(
        PATH,
        body,
        data=b"null" if body is None else None,
        headers={"Content-Type": "application/json"},
    )

    assert (reply.status, reply.code) == (409, "credentials_already_set")
    assert "helpdesk" in reply.json["detail"]


async def test_second_registration_with_the_same_values_is_refused_alike(house: Any) -> None:
    credentials = await house.configure()

    same = await house.put(PATH, credentials)
    other = await house.put(PATH, credentials | {"bodyshop_id": "1"})

    assert same.status == other.status == 409
    assert same.json | {"instance": ""} == other.json | {"instance": ""}


@pytest.mark.parametrize("body", [{}, []], ids=["empty", "no object"])
async def test_missing_fields_are_named_and_nothing_is_stored(house: Any, body: Any) -> None:
    await _ready(house)

    reply = await house.put(PATH, body)

    assert (reply.status, reply.code) == (422, "credentials_incomplete")
    assert set(reply.pointers) == {"/bodyshop_id", "/bodyshop_api_key", "/planning_api_key"}
    assert (await house.get(PATH)).json["configured"] is False


@pytest.mark.parametrize(
    "change",
    [{"extra": "x"}, {"bodyshop_id": ""}, {"bodyshop_id": "abc"}, {"planning_api_key": 7}],
    ids=["extra", "empty", "badly formed", "no text"],
)
async def test_faulty_fields_are_named_without_their_values(house: Any, change: Any) -> None:
    credentials = await _ready(house)

    reply = await house.put(PATH, credentials | change)

    assert (reply.status, reply.code) == (422, "credentials_invalid")
    assert reply.pointers == [f"/{next(iter(change))}"]
    for value in credentials.values():
        assert value.encode() not in reply.body


async def test_credentials_that_the_partner_refuses_are_not_stored(house: Any) -> None:
    credentials = await _ready(house)

    reply = await house.put(PATH, credentials | {"planning_api_key": "wrong-key-wrong-key"})

    assert (reply.status, reply.code) == (422, "credentials_rejected_by_partner")
    assert (await house.get(PATH)).json["configured"] is False


async def test_unverified_credentials_are_stored_without_asking_the_partner(house: Any) -> None:
    credentials = await _ready(house)

    reply = await house.put(f"{PATH}?verify=skip", credentials)

    assert reply.status == 201
    assert house.partner.seen == []


@pytest.mark.parametrize("verify", ["no", "", "true"])
async def test_verify_takes_skip_only(house: Any, verify: str) -> None:
    credentials = await _ready(house)

    reply = await house.put(f"{PATH}?verify={verify}", credentials)

    assert (reply.status, reply.code) == (422, "invalid")


async def test_sixth_verification_within_the_hour_is_refused(house: Any) -> None:
    credentials = await _ready(house)
    wrong = credentials | {"planning_api_key": "wrong-key-wrong-key"}
    for _ in range(5):
        assert (await house.put(PATH, wrong)).status == 422

    reply = await house.put(PATH, credentials)

    assert (reply.status, reply.code) == (429, "too_many_verifications")
    assert 0 < int(reply.headers["Retry-After"]) <= 3600
    house.clock.ahead += timedelta(hours=1, seconds=1)
    assert (await house.put(PATH, credentials)).status == 201


@pytest.mark.parametrize("method", ["PATCH", "DELETE", "POST"])
async def test_credentials_know_no_other_method(house: Any, method: str) -> None:
    await house.configure()

    reply = await house.ask(method, PATH, {})

    assert (reply.status, reply.code) == (405, "method_not_allowed")
    assert set(reply.headers["Allow"].split(",")) == {"GET", "HEAD", "PUT"}
    assert (await house.get(PATH)).json["configured"] is True


async def test_prefilled_field_may_be_left_out_but_not_changed(house: Any) -> None:
    credentials = dict(house.partner.add_repairer("garage-7"))
    bodyshop_id = credentials.pop("bodyshop_id")
    prefilled = {"claims360": {"bodyshop_id": bodyshop_id}}
    await house.put("/v1/repairers/garage-7", {"name": "G", "prefilled": prefilled})

    changed = await house.put(PATH, credentials | {"bodyshop_id": "1"})
    left_out = await house.put(PATH, credentials)

    assert (changed.status, changed.code) == (422, "credentials_invalid")
    assert changed.pointers == ["/bodyshop_id"]
    assert left_out.status == 201


async def test_race_of_registrations_has_one_winner(house: Any) -> None:
    credentials = await _ready(house)

    replies = await asyncio.gather(
        *(house.put(f"{PATH}?verify=skip", credentials) for _ in range(200))
    )

    statuses = [reply.status for reply in replies]
    assert (statuses.count(201), statuses.count(409)) == (1, 199)
