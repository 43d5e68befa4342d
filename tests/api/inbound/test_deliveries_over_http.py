"""Deliveries over the real API to the played Claims360: dossiers, photos, and what goes wrong."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import FormData
from syncer_claims360 import played_pictures

from syncer.testing import Fault
from tests.api.conftest import TOKEN

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.api.conftest import House, Reply
    from tests.api.inbound.conftest import Garage

LINK = "/v1/repairers/garage-7/links/claims360"
DOSSIER = {"plate": "1-ABC-234", "mileage_km": 84210}


@dataclass
class Desk:
    """The planning system's side: makes claim files and sends."""

    garage: Garage
    keys: Iterator[int] = field(default_factory=count)

    @property
    def house(self) -> House:
        return self.garage.house

    async def claim_file(self, reference: str = "2026/118", **data: Any) -> str:
        body = {
            "repairer": "garage-7", "connector": "claims360", "reference": reference, "data": data,
        }  # fmt: skip
        made = await self.house.post("/v1/claim-files", body)
        assert made.status == 201, made.body
        return str(made.json["id"])

    async def ask(self, body: dict[str, Any], key: str | None = None) -> Reply:
        headers = {"Idempotency-Key": key or f"key-{next(self.keys)}"}
        return await self.house.post("/v1/deliveries", body, headers=headers)

    async def send(self, claim_file: str, operation: str = "vehicle_update", **more: Any) -> str:
        payload = more.pop("payload", DOSSIER if operation == "vehicle_update" else {})
        body = {"claim_file": claim_file, "operation": operation, "payload": payload, **more}
        reply = await self.ask(body)
        assert reply.status == 202, reply.body
        assert reply.headers["Location"] == f"/v1/deliveries/{reply.json['id']}"
        return str(reply.json["id"])

    async def work(self) -> None:
        """Let everything that is due be tried."""
        outbound = self.house.wired.outbound
        await outbound.outbox.sweep()
        while tasks := list(outbound.dispatcher._running):
            await asyncio.wait(tasks, timeout=10)

    async def later(self, hours: float = 24) -> None:
        """Let time pass, and work."""
        self.house.clock.ahead += timedelta(hours=hours)
        await self.work()

    async def shown(self, id_: str) -> dict[str, Any]:
        reply = await self.house.get(f"/v1/deliveries/{id_}")
        assert reply.status == 200, reply.body
        view: dict[str, Any] = reply.json
        return view

    async def move(self, id_: str, verb: str, body: Any = None) -> Reply:
        return await self.house.post(f"/v1/deliveries/{id_}/{verb}", body)

    async def photo(self, claim_file: str, content: bytes) -> str:
        form = FormData(default_to_multipart=True)
        form.add_field("type", "foto")
        form.add_field("file", content, filename="côté.jpg", content_type="image/jpeg")
        url = f"{self.house.base_url}/v1/claim-files/{claim_file}/documents"
        headers = {"Authorization": f"Bearer {TOKEN}"}
        async with self.house.http.post(url, data=form, headers=headers) as answer:
            assert answer.status == 201, await answer.text()
            return str((await answer.json())["id"])


@pytest.fixture
def desk(garage: Garage) -> Desk:
    return Desk(garage)


async def test_a_dossier_makes_a_mission_that_comes_back_to_its_claim_file(desk: Desk) -> None:
    file = await desk.claim_file()
    id_ = await desk.send(file)
    assert (await desk.shown(id_))["state"] == "queued"

    await desk.work()

    mission = desk.garage.shop.dossiers["2026/118"]
    shown = await desk.shown(id_)
    assert (shown["state"], shown["receipt"]["partner_ref"]) == ("delivered", mission)
    claim_file = (await desk.house.get(f"/v1/claim-files/{file}")).json
    assert (claim_file["partner_ref"], claim_file["deliveries"]) == (mission, [id_])
    desk.garage.shop.objects["mission", mission].item["number"] = "their own number"
    await desk.garage.pull()
    assert (await desk.garage.one(mission))["claim_file"] == file
    assert (await desk.house.get(f"/v1/claim-files/{file}")).json["reference"] == "2026/118"


async def test_a_mission_that_was_pulled_before_its_receipt_is_joined(desk: Desk) -> None:
    """The partner made the mission and the answer was lost; a pass was quicker than the look-up."""
    file = await desk.claim_file()
    desk.house.partner.faults.append(Fault(status=None, method="POST", is_after=True))
    id_ = await desk.send(file)
    await desk.work()
    [mission] = desk.garage.shop.dossiers.values()
    desk.garage.shop.objects["mission", mission].item["number"] = "their own number"
    await desk.garage.pull()
    assert (await desk.garage.one(mission))["claim_file"] != file

    await desk.later()

    assert (await desk.shown(id_))["state"] == "delivered"
    assert (await desk.garage.one(mission))["claim_file"] == file
    found = (await desk.house.get(f"/v1/claim-files?partner_ref={mission}")).json
    assert [one["id"] for one in found["items"]] == [file]


FAULTS = (
    (Fault(status=None, is_after=True), "ambiguous", "partner_unavailable"),
    (Fault(status=500, is_after=True), "ambiguous", "partner_unavailable"),
    (Fault(status=408, is_after=True), "ambiguous", "timeout"),
    (Fault(status=201, body=b"<html>", is_after=True), "ambiguous", "payload_invalid"),
    (Fault(status=206, body=b"{}", is_after=True), "ambiguous", "unexpected_answer"),
    (Fault(status=302, is_after=True), "ambiguous", "unexpected_answer"),
    (Fault(status=None), "ambiguous", "partner_unavailable"),
    (Fault(status=502), "ambiguous", "partner_unavailable"),
    (Fault(status=429, headers={"Retry-After": "1"}), "retry", "rate_limited"),
    (Fault(status=503, headers={"Retry-After": "1"}), "retry", "partner_unavailable"),
)


async def test_whatever_the_answer_the_dossier_arrives_once(desk: Desk) -> None:
    missions = len(desk.garage.shop.objects)
    for number, (fault, outcome, code) in enumerate(FAULTS):
        desk.house.partner.faults = [replace(fault, method="POST")]
        id_ = await desk.send(await desk.claim_file(f"F-{number}"))

        await desk.work()
        [attempt] = (await desk.shown(id_))["attempts"]
        await desk.later()

        assert (attempt["outcome"], attempt["code"]) == (outcome, code), fault
        assert (await desk.shown(id_))["state"] == "delivered", fault
        assert len(desk.garage.shop.objects) == missions + number + 1, fault


async def test_a_reference_that_somebody_else_has_is_refused_in_the_partners_words(
    desk: Desk,
) -> None:
    desk.garage.shop.send_dossier("2026/118", "2-XYZ-987", 10)
    id_ = await desk.send(await desk.claim_file())

    await desk.work()

    shown = await desk.shown(id_)
    assert (shown["state"], shown["attempts"][0]["code"]) == ("rejected", "REFERENCE_KNOWN")
    attention = (await desk.house.get("/v1/attention")).json["items"]
    assert [(one["kind"], one["subject"]["id"]) for one in attention] == [
        ("delivery_rejected", id_)
    ]
    assert (await desk.house.post(f"/v1/deliveries/{id_}/retry")).status == 200
    await desk.work()
    retried = await desk.shown(id_)
    assert [one["code"] for one in retried["attempts"]] == ["REFERENCE_KNOWN", "REFERENCE_KNOWN"]
    assert retried["state"] == "rejected"


async def test_a_dossier_sent_twice_is_refused_and_does_not_hold_up_its_photos(desk: Desk) -> None:
    file_id = await desk.claim_file()
    await desk.send(file_id)
    await desk.work()
    again = await desk.send(file_id)
    await desk.work()

    photo = await desk.photo(file_id, played_pictures.jpeg("a"))
    photos = await desk.send(file_id, "photos", attachments=[photo])

    told = (await desk.shown(again))["receipt"]
    assert ((await desk.shown(again))["state"], told["partner_ref"] is not None) == (
        "rejected",
        True,
    )
    assert (await desk.shown(photos))["reason"] is None


async def test_refused_keys_stop_the_link_and_nothing_is_counted(desk: Desk) -> None:
    desk.house.partner.faults.append(Fault(status=403, method="POST", times=9))
    id_ = await desk.send(await desk.claim_file())

    await desk.work()
    await desk.later()

    shown = await desk.shown(id_)
    link = (await desk.house.get(LINK)).json
    assert (shown["state"], shown["reason"]) == ("queued", "credentials_rejected")
    assert link["state"] == "credentials_rejected"
    assert sum(seen.method == "POST" for seen in desk.house.partner.seen) == 1
    refused = await desk.ask({"claim_file": shown["claim_file"], "operation": "photos"})
    assert (refused.status, refused.code) == (409, "link_not_active")
    desk.house.partner.faults.clear()
    assert (await desk.house.post(f"{LINK}/resume")).status == 200
    await desk.work()
    assert (await desk.shown(id_))["state"] == "delivered"


async def test_chosen_photos_follow_their_dossier_and_go_once_each(desk: Desk) -> None:
    file = await desk.claim_file()
    first = await desk.photo(file, played_pictures.jpeg("a"))
    second = await desk.photo(file, played_pictures.jpeg("b"))
    await desk.send(file)
    desk.house.partner.faults.append(
        Fault(status=None, method="POST", path="/photos", is_after=True)
    )
    id_ = await desk.send(
        file, "photos", attachments=[first, second], payload={"captions": {second: "côté"}}
    )

    await desk.work()
    if (await desk.shown(id_))["state"] == "retrying":
        await desk.later()

    shop = desk.garage.shop
    mission = shop.dossiers["2026/118"]
    held = shop.photos_of(mission)
    assert [one.announced["fileName"] for one in held] == ["côté.jpg", "côté.jpg"]
    assert sorted(shop.captions.values()) == ["", "côté"]
    receipt = (await desk.shown(id_))["receipt"]["raw"]["photos"]
    assert [one["attachment"] for one in receipt] == [first, second]


async def test_photos_without_a_mission_are_blocked_until_there_is_one(desk: Desk) -> None:
    file = await desk.claim_file()
    photo = await desk.photo(file, played_pictures.jpeg("a"))
    id_ = await desk.send(file, "photos", attachments=[photo])
    await desk.work()
    assert (await desk.shown(id_))["state"] == "blocked"

    await desk.send(file)
    await desk.work()
    assert (await desk.move(id_, "retry")).json["state"] == "queued"
    await desk.work()

    assert (await desk.shown(id_))["state"] == "delivered"


async def test_what_cannot_be_sent_is_refused_where_it_stands(desk: Desk) -> None:
    file = await desk.claim_file(vehicle={"mileage_km": 90_000})
    pdf = {"claim_file": file, "operation": "photos", "attachments": ["nothing"]}

    low = await desk.ask({"claim_file": file, "operation": "vehicle_update", "payload": DOSSIER})
    old = {"claim_file": file, "connector": "winformex", "operation": "vehicle_update"}
    superseded = await desk.ask({**old, "payload": DOSSIER})

    assert (low.status, low.pointers) == (422, ["/payload/mileage_km"])
    assert "84210" in low.json["errors"][0]["message"]
    assert "90000" in low.json["errors"][0]["message"]
    assert (superseded.status, superseded.code) == (409, "superseded")
    assert "claims360" in superseded.json["detail"]
    assert (await desk.ask(pdf)).pointers == ["/attachments/0"]
    assert (await desk.ask({**pdf, "claim_file": "nowhere"})).status == 404
    unkeyed = await desk.house.post("/v1/deliveries", pdf)
    assert (unkeyed.status, unkeyed.code) == (400, "idempotency_key_required")
    assert (await desk.house.get("/v1/deliveries")).json["total"] == 0


async def test_the_same_key_is_one_delivery(desk: Desk) -> None:
    body = {"claim_file": await desk.claim_file(), "operation": "vehicle_update"}
    first = await desk.ask({**body, "payload": DOSSIER}, key="same")
    again = await desk.ask({**body, "payload": DOSSIER}, key="same")
    other = await desk.ask({**body, "payload": {**DOSSIER, "plate": "X"}}, key="same")

    assert (first.status, again.status, again.json) == (202, 202, first.json)
    assert (other.status, other.code) == (422, "idempotency_mismatch")
    assert (await desk.house.get("/v1/deliveries")).json["total"] == 1


async def test_the_list_filters_and_persons_do_only_what_the_state_allows(desk: Desk) -> None:
    one, two = await desk.claim_file("A"), await desk.claim_file("B")
    ids = [await desk.send(one), await desk.send(two)]

    async def listed(query: str) -> list[str]:
        items = (await desk.house.get(f"/v1/deliveries?{query}")).json["items"]
        return [each["id"] for each in items]

    assert await listed("state=queued,sending&operation=vehicle_update") == ids[::-1]
    assert await listed(f"claim_file={two}&repairer=garage-7&connector=claims360") == ids[1:]
    page = (await desk.house.get("/v1/deliveries?limit=1")).json
    assert (await listed(f"limit=1&after={page['next']}"), page["total"]) == ([ids[0]], 2)
    assert (await desk.house.get("/v1/deliveries?state=lost")).status == 422
    assert (await desk.move(ids[0], "resolve", {"outcome": "delivered"})).code == "state_forbids"
    assert (await desk.move(ids[0], "retry")).code == "state_forbids"
    assert (await desk.move(ids[0], "cancel")).json["state"] == "cancelled"
    assert (await desk.move(ids[0], "cancel")).code == "state_forbids"
    assert (await desk.move("nowhere", "cancel")).status == 404


async def test_the_feed_tells_of_every_state(desk: Desk) -> None:
    desk.house.partner.faults.append(Fault(status=None, method="POST", is_after=True))
    id_ = await desk.send(await desk.claim_file())
    await desk.work()
    await desk.later()

    entries = (await desk.house.get("/v1/changes?limit=500")).json["items"]
    told = [one for one in entries if one["subject"] == {"type": "delivery", "id": id_}]
    assert [one["data"]["state"] for one in told] == [
        "queued", "sending", "retrying", "sending", "delivered",
    ]  # fmt: skip
    assert {one["type"] for one in told} == {"delivery.updated"}


async def test_a_second_dossier_of_a_pulled_mission_stays_on_its_claim_file(desk: Desk) -> None:
    mission = await desk.garage.one("M-1")
    file = mission["claim_file"]
    payload = {"plate": "1-ABC-234", "mileage_km": 9_000_000}
    id_ = await desk.send(file, payload=payload)
    await desk.work()
    made = (await desk.shown(id_))["receipt"]["partner_ref"]

    desk.garage.shop.change_status("mission", "M-1", "closed")
    await desk.garage.pull()

    assert made != "M-1"
    assert (await desk.garage.one("M-1"))["claim_file"] == file
    assert (await desk.garage.one(made))["claim_file"] == file


async def test_a_connector_shows_what_it_sends(desk: Desk) -> None:
    shown = (await desk.house.get("/v1/connectors/claims360")).json["operations"]

    assert [(one["name"], one["lost_answer"]) for one in shown] == [
        ("vehicle_update", "lookup"),
        ("photos", "key"),
    ]
    assert shown[0]["payload"]["required"] == ["plate", "mileage_km"]
    assert shown[1]["files"]["most_bytes"] == 10 * 1024 * 1024
