"""Claim files over HTTP."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.api.conftest import House
    from tests.api.inbound.conftest import Garage

NEW = {"repairer": "garage-7", "connector": "claims360", "reference": "W-1"}


async def test_mission_and_its_quotes_share_a_claim_file(garage: Garage) -> None:
    mission = await garage.one("M-1")

    shown = (await garage.house.get(f"/v1/claim-files/{mission['claim_file']}")).json

    assert shown["reference"] == mission["number"]
    assert shown["partner_ref"] == "M-1"
    assert len(shown["records"]) == 3
    assert shown["data"]["vehicle"]["plate"] == mission["vehicle"]["plate"]
    assert (shown["state"], shown["selectable"]) == (None, None)
    assert shown["documents"] == {"received": 0, "missing": 0, "waived": 0, "complete": True}


async def test_planning_system_makes_a_file(garage: Garage) -> None:
    data = {"client": {"name": "Jansens An"}, "quote": {"net": {"amount": "1", "currency": "EUR"}}}

    reply = await garage.house.post("/v1/claim-files", {**NEW, "claim_type": "motor", "data": data})

    assert reply.status == 201
    read = await garage.house.get(reply.headers["Location"])
    assert read.json == reply.json
    assert (read.json["data"], read.json["claim_type"]) == (data, "motor")


async def test_known_reference_answers_with_the_id_of_its_file(garage: Garage) -> None:
    made = await garage.house.post("/v1/claim-files", NEW)

    again = await garage.house.post("/v1/claim-files", NEW)

    assert (again.status, again.code) == (409, "reference_known")
    assert again.json["id"] == made.json["id"]


async def test_reference_of_a_mission_is_known_too(garage: Garage) -> None:
    mission = await garage.one("M-1")

    reply = await garage.house.post("/v1/claim-files", {**NEW, "reference": mission["number"]})

    assert (reply.status, reply.json["id"]) == (409, mission["claim_file"])


async def test_mission_with_the_reference_of_a_file_that_was_made_joins_it(
    garage: Garage,
) -> None:
    made = await garage.house.post("/v1/claim-files", NEW)

    garage.shop.add_mission("M-7", number="W-1")
    await garage.pull()

    assert (await garage.one("M-7"))["claim_file"] == made.json["id"]


async def test_reference_that_the_planning_system_gave_never_changes(garage: Garage) -> None:
    made = await garage.house.post("/v1/claim-files", NEW)
    garage.shop.add_mission("M-7", number="W-1")
    await garage.pull()

    garage.shop.change_status("mission", "M-7", "closed", number="2026/other")
    await garage.pull()

    shown = (await garage.house.get(made.headers["Location"])).json
    assert (shown["reference"], shown["partner_ref"]) == ("W-1", "M-7")


async def test_missions_of_one_number_have_a_claim_file_each(garage: Garage) -> None:
    first = await garage.one("M-1")

    garage.shop.add_mission("M-8", number=first["number"])
    await garage.pull()

    assert (await garage.one("M-8"))["claim_file"] != first["claim_file"]


async def test_file_is_made_once_under_one_key(garage: Garage) -> None:
    headers = {"Idempotency-Key": "file-1"}

    first = await garage.house.post("/v1/claim-files", NEW, headers=headers)
    again = await garage.house.post("/v1/claim-files", NEW, headers=headers)

    assert (first.status, again.status) == (201, 201)
    assert again.json == first.json
    assert again.headers["Location"] == first.headers["Location"]


async def test_files_of_one_reference_asked_for_at_once_are_one(garage: Garage) -> None:
    replies = await asyncio.gather(*(garage.house.post("/v1/claim-files", NEW) for _ in range(10)))

    assert sorted(reply.status for reply in replies) == [201] + [409] * 9


@pytest.mark.parametrize(
    ("parts", "pointer"),
    [
        pytest.param({"repairer": "nobody"}, "/repairer", id="unknown-repairer"),
        pytest.param({"connector": "nowhere"}, "/connector", id="unknown-connector"),
        pytest.param({"reference": "W" * 65}, "/reference", id="longer-than-the-partner-takes"),
        pytest.param({"reference": ""}, "/reference", id="empty-reference"),
        pytest.param({"data": {"colour": "red"}}, "/data/colour", id="unknown-field"),
        pytest.param(
            {"data": {"vehicle": {"mileage_km": "1"}}}, "/data/vehicle/mileage_km", id="text"
        ),
        pytest.param({"data": {"loss": {"date": "soon"}}}, "/data/loss/date", id="no-date"),
        pytest.param({"state": "linked"}, "/state", id="unknown-member"),
    ],
)
async def test_file_that_cannot_be_is_refused(
    house: House, parts: dict[str, Any], pointer: str
) -> None:
    await house.add_repairer()

    reply = await house.post("/v1/claim-files", {**NEW, **parts})

    assert (reply.status, reply.pointers) == (422, [pointer])


async def test_file_of_a_disabled_connector_is_refused(house: House) -> None:
    await house.add_repairer()

    reply = await house.post("/v1/claim-files", {**NEW, "connector": "darva"})

    assert (reply.status, reply.code) == (409, "connector_disabled")


async def test_entered_data_survive_the_same_mission_deposited_again(garage: Garage) -> None:
    path = f"/v1/claim-files/{(await garage.one('M-1'))['claim_file']}"
    await garage.house.patch(path, {"data": {"vehicle": {"mileage_km": 1}}})
    vehicle = {**garage.shop.objects["mission", "M-1"].item["vehicle"], "mileageKm": 99}

    garage.shop.redeposit("M-1", vehicle=vehicle)
    await garage.pull()

    shown = (await garage.house.get(path)).json
    assert shown["data"]["vehicle"]["mileage_km"] == 1
    [conflict] = shown["conflicts"]
    assert (conflict["field"], conflict["ours"], conflict["partner"]) == (
        "vehicle.mileage_km",
        1,
        99,
    )
    assert len(await garage.items("kind=mission")) == 1


async def test_null_takes_back_what_was_entered(garage: Garage) -> None:
    path = f"/v1/claim-files/{(await garage.one('M-1'))['claim_file']}"
    before = (await garage.house.get(path)).json["data"]
    await garage.house.patch(path, {"data": {"vehicle": {"mileage_km": 1}}})

    after = await garage.house.patch(path, {"data": {"vehicle": {"mileage_km": None}}})

    assert after.json["data"] == before


async def test_stale_condition_enters_nothing(garage: Garage) -> None:
    path = f"/v1/claim-files/{(await garage.one('M-1'))['claim_file']}"
    tag = (await garage.house.get(path)).headers["ETag"]
    first = await garage.house.patch(path, {"data": {"channel": "a"}}, headers={"If-Match": tag})

    second = await garage.house.patch(path, {"data": {"channel": "b"}}, headers={"If-Match": tag})

    assert (first.status, second.status) == (200, 412)
    assert (await garage.house.get(path)).json["data"]["channel"] == "a"


@pytest.mark.parametrize(
    ("query", "number"),
    [
        ("partner_ref=m-1", 1),
        ("repairer=garage-7", 1),
        ("repairer=garage-9", 0),
        ("state=linked", 0),
        ("selectable=true", 0),
        ("q=m-1&connector=claims360", 1),
        ("missing_documents=true", 0),
    ],
)
async def test_list_filters_with_an_exact_total(garage: Garage, query: str, number: int) -> None:
    reply = await garage.house.get(f"/v1/claim-files?{query}")

    assert (reply.json["total"], len(reply.json["items"])) == (number, number)


async def test_unknown_file_is_not_found(house: House) -> None:
    read = await house.get("/v1/claim-files/none")
    entered = await house.patch("/v1/claim-files/none", {"data": {}})

    assert (read.status, entered.status) == (404, 404)
