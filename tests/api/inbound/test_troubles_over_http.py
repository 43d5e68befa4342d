"""The quarantine and what needs attention, over HTTP."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.api.conftest import House
    from tests.api.inbound.conftest import Garage


async def with_a_bad_quote(garage: Garage) -> dict[str, Any]:
    """Let the partner list a quote that cannot be read; gives its quarantined item."""
    garage.shop.add_quote("M-1", "Q-9", status=7)
    await garage.pull()
    [item] = (await garage.house.get("/v1/quarantine")).json["items"]
    return dict(item)


async def test_unreadable_item_is_shown_with_its_bytes(garage: Garage) -> None:
    item = await with_a_bad_quote(garage)

    assert (item["kind"], item["partner_ref"], item["resolved_at"]) == ("quote", "Q-9", None)
    assert b'"Q-9"' in base64.b64decode(item["raw_base64"])
    assert item["reason"]
    assert (await garage.house.get(f"/v1/quarantine/{item['id']}")).json == item


async def test_retry_reads_the_object_once_the_partner_has_mended_it(garage: Garage) -> None:
    item = await with_a_bad_quote(garage)
    garage.shop.edit("quote", "Q-9", status="submitted")

    reply = await garage.house.post(f"/v1/quarantine/{item['id']}/retry")

    assert reply.status == 200
    assert reply.json["resolved_at"] is not None
    assert (await garage.one("Q-9"))["status"] == "submitted"


async def test_retry_of_what_was_read_since_is_refused(garage: Garage) -> None:
    item = await with_a_bad_quote(garage)
    garage.shop.change_status("quote", "Q-9", "submitted", previousStatus=None)
    await garage.pull()

    reply = await garage.house.post(f"/v1/quarantine/{item['id']}/retry")

    assert (reply.status, reply.code) == (409, "already_resolved")


@pytest.mark.parametrize(
    ("query", "number"),
    [("repairer=garage-7&connector=claims360", 1), ("repairer=garage-9", 0)],
)
async def test_quarantine_is_filtered(garage: Garage, query: str, number: int) -> None:
    await with_a_bad_quote(garage)

    assert (await garage.house.get(f"/v1/quarantine?{query}")).json["total"] == number


async def test_unknown_item_is_not_found(house: House) -> None:
    read = await house.get("/v1/quarantine/none")
    retried = await house.post("/v1/quarantine/none/retry")

    assert (read.status, retried.status) == (404, 404)


async def test_attention_entry_goes_when_its_cause_goes(garage: Garage) -> None:
    item = await with_a_bad_quote(garage)
    with_cause = (await garage.house.get("/v1/attention")).json

    garage.shop.edit("quote", "Q-9", status="submitted")
    await garage.house.post(f"/v1/quarantine/{item['id']}/retry")

    [entry] = with_cause["items"]
    assert (entry["kind"], entry["subject"]["id"]) == ("item_quarantined", item["id"])
    assert (await garage.house.get("/v1/attention")).json == {
        "items": [],
        "next": None,
        "total": 0,
    }


async def test_rejected_credentials_need_a_person(garage: Garage) -> None:
    garage.shop.bodyshop_key = "bodyshop-key-that-was-withdrawn"
    await garage.house.refresh()

    [entry] = (await garage.house.get("/v1/attention")).json["items"]

    assert (entry["kind"], entry["repairer"], entry["connector"]) == (
        "credentials_rejected",
        "garage-7",
        "claims360",
    )
    assert entry["since"] is not None
