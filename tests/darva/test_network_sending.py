"""What leaves to both networks: once, and delivered when the receipt says so."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import pytest

from tests.darva.conftest import INVOICE

if TYPE_CHECKING:
    from tests.darva.conftest import Garage

OPENING = {"claim_number": "C-1", "insurer": "DEMO"}


@pytest.mark.parametrize(("operation", "type_"), [("invoice", "FA"), ("cover_voucher", "BDG")])
async def test_what_is_sent_is_delivered_when_the_receipt_comes(
    garage: Garage, operation: str, type_: str
) -> None:
    await garage.linked()

    sent = await garage.sent(operation, INVOICE, "C-1")
    before = (await garage.file("C-1"))["state"]
    await garage.pull()

    [message] = garage.box.taken
    delivered = await garage.good("GET", f"/v1/deliveries/{sent['id']}")
    assert (sent["state"], before) == ("sent", "linked")
    assert (message.type, message.id, message.insurer) == (type_, sent["id"], "DEMO")
    assert delivered["state"] == "delivered"
    assert (await garage.file("C-1"))["state"] == "sent"


async def test_a_rejecting_receipt_ends_the_delivery_and_moves_no_file(garage: Garage) -> None:
    garage.box.refusals["FA"] = "doublon"
    await garage.linked()

    sent = await garage.sent("invoice", INVOICE, "C-1")
    await garage.pull()

    ended = await garage.good("GET", f"/v1/deliveries/{sent['id']}")
    assert (ended["state"], ended["reason"]) == ("rejected", "doublon")
    assert (await garage.file("C-1"))["state"] == "linked"


async def test_a_receipt_that_comes_again_with_another_result_is_set_aside(garage: Garage) -> None:
    garage.box.refusals["FA"] = "doublon"
    await garage.linked()
    sent = await garage.sent("invoice", INVOICE, "C-1")
    first = list(garage.box.waiting.values())[-1]
    await garage.pull()

    again = garage.box.put("AR", "C-1", id=first.id, receipt=(sent["id"], "accepted", None))
    outcome = await garage.pull()

    [item] = (await garage.good("GET", "/v1/quarantine"))["items"]
    assert base64.b64decode(item["raw_base64"]) == again.raw
    assert item["partner_ref"] == f"DEMO:{first.id}"
    assert outcome["state"] == "partial"
    assert (await garage.good("GET", f"/v1/deliveries/{sent['id']}"))["state"] == "rejected"
    assert (await garage.file("C-1"))["state"] == "linked"


async def test_a_rejected_invoice_is_not_sent_again_once_its_file_left_the_sales_document(
    garage: Garage,
) -> None:
    garage.box.refusals["FA"] = "doublon"
    await garage.linked()
    sent = await garage.sent("invoice", INVOICE, "C-1")
    await garage.pull()
    await garage.event("C-1", "removed_from_sales_document")

    refused = await garage.ask("POST", f"/v1/deliveries/{sent['id']}/retry")

    assert (refused.status, refused.json["code"]) == (409, "transition_refused")
    assert (await garage.good("GET", f"/v1/deliveries/{sent['id']}"))["state"] == "rejected"


async def test_an_invoice_is_refused_from_any_file_that_is_not_linked(garage: Garage) -> None:
    garage.box.notice("C-1", "AS-1")
    await garage.pull()

    refused = await garage.send("invoice", INVOICE, "C-1")

    assert (refused.status, refused.json["code"]) == (409, "transition_refused")
    assert garage.box.taken == []


async def test_an_opening_request_makes_a_file_that_waits_for_its_notice(garage: Garage) -> None:
    sent = await garage.sent("opening_request", OPENING)
    before = await garage.file("C-1")
    again = await garage.send("opening_request", OPENING)
    await garage.pull()
    awaiting = await garage.file("C-1")
    garage.box.notice("C-1", "AS-1")
    await garage.pull()
    opened = await garage.file("C-1")

    assert (before["state"], before["selectable"]) == ("none", False)
    assert again.status == 409
    assert (awaiting["state"], awaiting["selectable"]) == ("awaiting_notice", False)
    assert (opened["id"], opened["state"]) == (before["id"], "unlinked")
    assert (await garage.good("GET", f"/v1/deliveries/{sent['id']}"))["state"] == "delivered"


async def test_a_rejected_opening_request_may_be_repeated(garage: Garage) -> None:
    garage.box.refusals["DO"] = "inconnu"
    await garage.sent("opening_request", OPENING)
    await garage.pull()
    rejected = await garage.file("C-1")
    garage.box.refusals.clear()

    await garage.sent("opening_request", OPENING)
    await garage.pull()

    assert rejected["state"] == "none"
    assert (await garage.file("C-1"))["state"] == "awaiting_notice"
    assert [message.type for message in garage.box.taken] == ["DO", "DO"]


async def test_an_opening_request_for_a_known_claim_is_refused(garage: Garage) -> None:
    garage.box.notice("C-1", "AS-1")
    await garage.pull()

    refused = await garage.send("opening_request", OPENING)

    assert (refused.status, refused.json["code"]) == (409, "transition_refused")


async def test_the_receipt_counts_in_order_of_what_came_with_it(garage: Garage) -> None:
    garage.box.holds_receipts = True
    await garage.linked()
    await garage.sent("invoice", INVOICE, "C-1")
    garage.box.follow_up("C-1", "12", "Avant")
    garage.box.release_receipts()
    garage.box.follow_up("C-1", "36", "Validation")

    await garage.pull()

    file = await garage.file("C-1")
    assert [(step["event"], step["to"]) for step in file["timeline"][2:]] == [
        ("SD 12", "linked"),
        ("FA confirmed", "sent"),
        ("SD 36", "awaiting_payment"),
    ]
