"""Expected documents over HTTP: rule sets, waivers, counts on every row, and exact filters."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from tests.api.test_documents import Desk, desk, form_of, pdf

if TYPE_CHECKING:
    from tests.api.conftest import House
    from tests.api.inbound.conftest import Garage

__all__ = ["desk"]
RULES = "/v1/document-rules/claims360.*"
EXPECTED: dict[str, Any] = {
    "documents": [
        {"id": "mandato", "label": "Mandato"},
        {"id": "kbis", "label": "K-bis", "optional_for": ["private"]},
        {"id": "foto", "label": "Foto", "required": False},
    ]
}
WHY = {"reason": "the insurer has it"}


async def file_of(desk: Desk) -> Any:
    return (await desk.house.get(f"/v1/claim-files/{desk.id}")).json


def counts(received: int, missing: int, waived: int) -> dict[str, Any]:
    return {
        "received": received,
        "missing": missing,
        "waived": waived,
        "complete": missing == 0,
    }


async def test_a_rule_set_is_made_read_replaced_and_listed(desk: Desk) -> None:
    made = await desk.house.put(RULES, EXPECTED)
    again = await desk.house.put(RULES, {"connector": "claims360", "claim_type": "*", **EXPECTED})

    assert (made.status, again.status) == (201, 200)
    assert (made.json["changed"], again.json["changed"]) == (1, 0)
    read = await desk.house.get(RULES)
    assert read.json == {name: value for name, value in made.json.items() if name != "changed"}
    assert read.json["documents"][1]["optional_for"] == ["private"]
    assert (read.json["name"], read.json["origin"]) == ("claims360.*", "api")
    await desk.house.put("/v1/document-rules/claims360.motor", {"documents": []})
    page = (await desk.house.get("/v1/document-rules?limit=1")).json
    rest = (await desk.house.get(f"/v1/document-rules?limit=1&after={page['next']}")).json
    names = [one["name"] for one in (*page["items"], *rest["items"])]
    assert (names, page["total"], rest["next"]) == (["claims360.*", "claims360.motor"], 2, None)
    assert (await desk.house.get("/v1/document-rules/claims360.none")).status == 404


@pytest.mark.parametrize(
    ("name", "body", "pointer"),
    [
        ("nobody.*", EXPECTED, "/rule_set"),
        ("claims360", EXPECTED, "/rule_set"),
        ("claims360.*", {"connector": "darva", **EXPECTED}, "/connector"),
        ("claims360.*", {"documents": [{"id": "a/b", "label": "x"}]}, "/documents/0/id"),
        ("claims360.*", {"documents": [{"id": "other", "label": "x"}]}, "/documents/0/id"),
        ("claims360.*", {"documents": [{"id": "a", "label": "x"}] * 2}, "/documents/1/id"),
        ("claims360.*", {"documents": [{"id": "a", "label": ""}]}, "/documents/0/label"),
        ("claims360.*", {}, "/documents"),
    ],
)
async def test_a_faulty_rule_set_is_refused(desk: Desk, name: str, body: Any, pointer: str) -> None:
    reply = await desk.house.put(f"/v1/document-rules/{name}", body)

    assert (reply.status, reply.pointers) == (422, [pointer])


async def test_a_file_shows_what_is_received_and_what_is_missing(desk: Desk) -> None:
    await desk.house.put(RULES, EXPECTED)
    assert (await file_of(desk))["documents"] == counts(0, 2, 0)

    document = (await desk.hand_in(type_=None)).json
    assert (await file_of(desk))["documents"] == counts(0, 2, 0)
    await desk.house.patch(f"{desk.path}/{document['id']}", {"type": "mandato"})

    rows = await desk.rows()
    assert {type_: row["state"] for type_, row in rows.items()} == {
        "mandato": "received",
        "kbis": "missing",
        "foto": "optional",
    }
    assert (await file_of(desk))["documents"] == counts(1, 1, 0)
    data = {"data": {"client": {"profile": "private"}}}
    await desk.house.patch(f"/v1/claim-files/{desk.id}", data)
    assert (await desk.rows())["kbis"]["state"] == "optional"
    assert (await file_of(desk))["documents"] == counts(1, 0, 0)
    told = await desk.told()
    assert [one["data"]["missing"] for one in told] == [2, 2, 1, 0]
    await desk.house.ask("DELETE", f"{desk.path}/{document['id']}")
    assert (await file_of(desk))["documents"] == counts(0, 1, 0)


async def test_a_waiver_says_why_and_can_be_taken_back(desk: Desk) -> None:
    await desk.house.put(RULES, EXPECTED)
    path = f"{desk.path}/mandato/waiver"

    waived = await desk.house.post(path, WHY, headers={"Idempotency-Key": "w-1"})
    again = await desk.house.post(path, WHY, headers={"Idempotency-Key": "w-1"})
    anew = await desk.house.post(path, WHY)

    assert (waived.status, waived.json["state"]) == (200, "waived")
    waiver = waived.json["waiver"]
    assert (waiver["reason"], waiver["by"]) == (WHY["reason"], "person")
    assert waived.json == again.json == anew.json == (await desk.rows())["mandato"]
    assert (await file_of(desk))["documents"] == counts(0, 1, 1)
    back = await desk.house.ask("DELETE", path)
    assert (back.status, back.json["state"], back.json["waiver"]) == (200, "missing", None)
    assert (await desk.house.ask("DELETE", path)).status == 404
    shown = await file_of(desk)
    assert shown["documents"] == counts(0, 2, 0)
    assert [(one["event"], one["note"]) for one in shown["timeline"]] == [
        ("document_waived", f"Mandato: {WHY['reason']}"),
        ("waiver_taken_back", "Mandato"),
    ]


async def test_only_what_is_expected_can_be_waived_and_only_with_a_reason(desk: Desk) -> None:
    await desk.house.put(RULES, EXPECTED)

    unknown = await desk.house.post(f"{desk.path}/nothing/waiver", WHY)
    empty = await desk.house.post(f"{desk.path}/mandato/waiver", {"reason": " "})
    stale = await desk.house.post(f"{desk.path}/mandato/waiver", WHY, headers={"If-Match": '"x"'})

    assert (unknown.status, unknown.code) == (404, "not_found")
    assert (empty.status, empty.pointers) == (422, ["/reason"])
    assert stale.status == 412


async def test_a_renamed_type_keeps_its_documents_and_waivers(desk: Desk) -> None:
    await desk.house.put(RULES, EXPECTED)
    await desk.hand_in(type_="mandato")
    await desk.house.post(f"{desk.path}/kbis/waiver", WHY)
    renamed = [{**one, "label": f"New {one['label']}"} for one in EXPECTED["documents"]]

    reply = await desk.house.put(RULES, {"documents": renamed})

    assert reply.json["changed"] == 0
    rows = await desk.rows()
    assert (rows["mandato"]["label"], rows["mandato"]["state"]) == ("New Mandato", "received")
    assert (rows["kbis"]["label"], rows["kbis"]["state"]) == ("New K-bis", "waived")


async def test_the_counts_hold_when_documents_come_and_rules_change_at_once(desk: Desk) -> None:
    await desk.house.put(RULES, EXPECTED)
    types = ("mandato", "kbis", "foto")

    await asyncio.gather(
        *(desk.hand_in(pdf(f"{n}"), types[n % 3]) for n in range(9)),
        desk.house.put(RULES, {"documents": EXPECTED["documents"][:2]}),
        desk.house.post(f"{desk.path}/kbis/waiver", WHY),
        desk.house.patch(f"/v1/claim-files/{desk.id}", {"data": {"channel": "web"}}),
    )

    rows = await desk.rows()
    assert sum(len(row["documents"]) for row in rows.values()) == 9
    assert (await file_of(desk))["documents"] == counts(2, 0, 0)


@pytest.fixture
async def garage(house: House) -> Garage:
    from tests.api.inbound.conftest import LINK, Garage

    await house.add_repairer()
    shop = house.partner.add_shop()
    assert (await house.put(f"{LINK}/credentials", shop.credentials())).status == 201
    garage = Garage(house, shop)
    await garage.settings(start_date="2020-01-01")
    return garage


async def test_imported_records_show_and_filter_by_what_their_file_misses(garage: Garage) -> None:
    house = garage.house
    await house.put(RULES, EXPECTED)
    garage.shop.add_mission("M-1", status="assigned")
    garage.shop.add_photo("M-1")
    garage.shop.add_quote("M-1", "Q-1")
    await garage.pull()
    mission = await garage.one("M-1")
    desk = Desk(house, mission["claim_file"])

    assert mission["missing_documents"] == (await garage.one("Q-1"))["missing_documents"] == 2
    found = (await house.get("/v1/records?missing_documents=true")).json
    assert (len(found["items"]), found["total"]) == (2, 2)
    assert (await house.get("/v1/records?missing_documents=false")).json["total"] == 0
    await desk.hand_in(type_="mandato")
    await desk.house.post(f"{desk.path}/kbis/waiver", WHY)
    assert (await garage.one("Q-1"))["missing_documents"] == 0
    assert (await house.get("/v1/records?missing_documents=true")).json["total"] == 0
    assert (await house.get("/v1/claim-files?missing_documents=false")).json["total"] == 1


async def test_an_attachment_is_classified_as_a_document_and_back(garage: Garage) -> None:
    house = garage.house
    garage.shop.add_mission("M-1", status="assigned")
    garage.shop.add_photo("M-1")
    await garage.pull()
    await house.put(RULES, {"documents": [{"id": "foto", "label": "Foto"}]})
    mission = await garage.one("M-1")
    [photo] = mission["attachments"]
    desk = Desk(house, mission["claim_file"])
    one = f"{desk.path}/{photo['id']}"
    assert mission["missing_documents"] == 1

    reply = await house.patch(one, {"type": "foto"})

    assert (reply.status, reply.json["id"], reply.json["type"]) == (200, photo["id"], "foto")
    mission = await garage.one("M-1")
    assert (mission["attachments"][0]["kind"], mission["missing_documents"]) == ("foto", 0)
    replaced = await desk.send("PUT", f"{one}/content", form_of(pdf("x")))
    assert (replaced.status, replaced.code) == (409, "attachment_content")
    assert (await house.ask("DELETE", one)).status == 204
    mission = await garage.one("M-1")
    assert (mission["attachments"][0]["kind"], mission["missing_documents"]) == ("photo", 1)
    content = await house.get(f"/v1/attachments/{photo['id']}/content")
    assert len(content.body) == photo["bytes"]


async def convert(desk: Desk) -> None:
    path = f"/v1/claim-files/{desk.id}/events"
    reply = await desk.house.post(path, {"event": "converted"})
    assert reply.status == 200, reply.body


async def missing(house: House, query: str = "") -> Any:
    reply = await house.get(f"/v1/documents/missing?{query}")
    assert reply.status == 200, reply.body
    return reply.json


async def troubles(house: House) -> list[Any]:
    items = (await house.get("/v1/attention")).json["items"]
    return [one for one in items if one["kind"] == "documents_missing"]


async def test_what_a_quote_collected_moves_along_and_what_it_misses_is_seen(desk: Desk) -> None:
    house = desk.house
    await house.put(RULES, EXPECTED)
    document = (await desk.hand_in(type_="mandato")).json
    assert (await missing(house))["total"] == 0
    assert (await missing(house, "stage=quote"))["total"] == 1
    assert await troubles(house) == []

    await convert(desk)

    assert (await desk.rows())["mandato"]["documents"][0]["id"] == document["id"]
    [row] = (await missing(house))["items"]
    assert (row["claim_file"], row["reference"], row["stage"]) == (desk.id, "R-1", "converted")
    assert row["missing"] == [{"type": "kbis", "label": "K-bis", "state": "missing"}]
    [trouble] = await troubles(house)
    assert (trouble["subject"]["id"], trouble["since"]) == (desk.id, row["since"])
    assert "K-bis" in trouble["text"]
    await desk.house.post(f"{desk.path}/kbis/waiver", WHY)
    assert (await missing(house))["items"] == []
    assert await troubles(house) == []


async def test_documents_come_while_a_quote_is_converted(desk: Desk) -> None:
    await desk.house.put(RULES, EXPECTED)

    await asyncio.gather(
        convert(desk), desk.hand_in(pdf("1"), "mandato"), desk.hand_in(pdf("2"), "kbis")
    )

    assert (await file_of(desk))["documents"] == counts(2, 0, 0)
    assert (await missing(desk.house, "stage=quote,converted"))["total"] == 0


async def test_the_view_pages_and_filters_exactly(desk: Desk) -> None:
    house = desk.house
    await house.add_repairer("garage-8")
    await house.put(RULES, EXPECTED)
    await convert(desk)
    for number, repairer in enumerate(("garage-7", "garage-8", "garage-8")):
        new = {"repairer": repairer, "connector": "claims360", "reference": f"N-{number}"}
        await convert(Desk(house, (await house.post("/v1/claim-files", new)).json["id"]))

    first = await missing(house, "limit=3")
    rest = await missing(house, f"limit=3&after={first['next']}")

    references = [one["reference"] for one in (*first["items"], *rest["items"])]
    assert references == ["R-1", "N-0", "N-1", "N-2"]
    assert (first["total"], rest["total"], rest["next"]) == (4, 4, None)
    assert (await missing(house, "repairer=garage-8"))["total"] == 2
    assert (await missing(house, "connector=darva"))["total"] == 0
    assert (await missing(house, "stage=quote,archived"))["total"] == 0
    assert len(await troubles(house)) == 4
    assert (await house.get("/v1/documents/missing?stage=order")).status == 422


async def test_an_archived_file_is_not_counted_again(desk: Desk) -> None:
    await convert(desk)
    path = f"/v1/claim-files/{desk.id}/events"
    assert (await desk.house.post(path, {"event": "archived"})).status == 200

    reply = await desk.house.put(RULES, EXPECTED)

    assert reply.json["changed"] == 0
    assert (await file_of(desk))["documents"] == counts(0, 0, 0)
