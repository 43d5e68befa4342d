"""Claim files of both networks over the API: the worked example, and a life from notice to end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.darva.conftest import INVOICE

if TYPE_CHECKING:
    from tests.darva.conftest import Garage

CLAIM = "2026SIN00123"


async def test_the_worked_example_goes_by(garage: Garage) -> None:
    garage.box.notice(CLAIM, "AS-7781")
    await garage.pull()

    states = [(await garage.file(CLAIM))["state"]]
    for event, document in (
        ("linked_to_sales_document", "S-1"),
        ("credit_note_created", "CN-1"),
        ("cancelled_by_hand", None),
        ("credit_note_deleted", "CN-1"),
    ):
        reply = await garage.event(CLAIM, event, document)
        assert reply.status == 200, reply.json
        states.append(reply.json["state"])

    assert states == ["unlinked", "linked", "unlinked", "cancelled", "linked"]
    file = await garage.file(CLAIM)
    assert file["in_sales_document"] is True
    assert [(step["event"], step["from"], step["to"]) for step in file["timeline"]] == [
        ("AS", "none", "unlinked"),
        ("linked_to_sales_document", "unlinked", "linked"),
        ("credit_note_created", "linked", "unlinked"),
        ("cancelled_by_hand", "unlinked", "cancelled"),
        ("credit_note_deleted", "cancelled", "linked"),
    ]
    [notice] = await garage.records("kind=notice")
    assert file["timeline"][0]["record"] == notice["id"]
    assert (file["reference"], file["claim_number"]) == (CLAIM, CLAIM)
    assert file["data"]["insurer"]["code"] == "DEMO"


async def test_a_claim_lives_from_its_notice_to_its_payment(garage: Garage) -> None:
    await garage.linked(CLAIM)
    await garage.sent("invoice", INVOICE, CLAIM)
    garage.box.follow_up(CLAIM, "12", "Complément")
    await garage.pull()
    changed = await garage.file(CLAIM)
    acknowledged = await garage.event(CLAIM, "warning_acknowledged")
    garage.box.follow_up(CLAIM, "36", "Validation")
    await garage.pull()
    validated = await garage.file(CLAIM)
    garage.box.put("AP", CLAIM)
    await garage.pull()
    paid = await garage.file(CLAIM)

    assert changed["state"] == "linked"
    assert [each["text"] for each in changed["warnings"]] == [
        "changes on the claim file: SD 12 Complément"
    ]
    assert (acknowledged.json["state"], acknowledged.json["warnings"]) == ("linked", [])
    assert validated["state"] == "awaiting_payment"
    assert (paid["state"], paid["in_sales_document"]) == ("finished", True)
    assert [each["text"] for each in paid["warnings"]] == ["closed by AP while in a sales document"]
    moves = [(step["event"], step["to"]) for step in paid["timeline"]]
    assert moves[2:4] == [("FA confirmed", "sent"), ("SD 12", "linked")]
    assert paid["timeline"][2]["delivery"] == paid["deliveries"][0]


async def test_what_comes_before_its_notice_waits_and_is_replayed_in_order(garage: Garage) -> None:
    garage.box.follow_up(CLAIM, "12", "Premier")
    garage.box.follow_up(CLAIM, "25", "Annulation de mission")
    await garage.pull()
    waiting = await garage.file(CLAIM)
    garage.box.notice(CLAIM, "AS-1", expert=None)
    await garage.pull()
    replayed = await garage.file(CLAIM)

    assert (waiting["state"], waiting["selectable"]) == ("none", False)
    assert [(step["event"], step["to"]) for step in replayed["timeline"]] == [
        ("AS", "unlinked"),
        ("SD 12", "unlinked"),
        ("SD 25", "finished"),
    ]
    assert replayed["unassigned"] is True


async def test_only_an_unlinked_file_is_selectable_and_the_reason_is_shown(garage: Garage) -> None:
    garage.box.notice("C-1", "AS-1")
    garage.box.notice("C-2", "AS-2")
    await garage.pull()
    await garage.event("C-1", "cancelled_by_hand")

    cancelled, open_ = await garage.file("C-1"), await garage.file("C-2")
    refused = await garage.event("C-1", "linked_to_sales_document", "S-1")

    assert (open_["selectable"], open_["selectable_reason"]) == (True, None)
    assert cancelled["selectable"] is False
    assert "cancelled by hand" in cancelled["selectable_reason"]
    assert (refused.status, refused.json["code"]) == (409, "transition_refused")
    assert "cancelled by hand" in refused.json["detail"]
    assert [each["reference"] for each in await garage.files("selectable=true")] == ["C-2"]


async def test_unknown_codes_and_types_stop_nothing(garage: Garage) -> None:
    garage.box.notice(CLAIM, "AS-1")
    garage.box.follow_up(CLAIM, "99", "Code nouveau")
    garage.box.put("ZZ", CLAIM)
    garage.box.put("AP", "C-2")

    ended = await garage.pull()

    assert (ended["state"], ended["counts"]["new"]) == ("succeeded", 3)
    [unknown] = await garage.records("kind=follow_up")
    assert (unknown["status"], unknown["extra"]["code"]) == ("SD 99", "99")
    assert unknown["extra"]["label"] == "Code nouveau"


async def test_two_insurers_with_one_claim_number_have_two_files(garage: Garage) -> None:
    garage.box.notice("C-1", "AS-1")
    garage.box.notice("C-1", "AS-1", insurer="OTHER")
    await garage.pull()

    files = await garage.files("reference=C-1")

    assert {file["partner_ref"] for file in files} == {"DEMO:C-1", "OTHER:C-1"}
    assert len(await garage.records("kind=notice")) == 2
