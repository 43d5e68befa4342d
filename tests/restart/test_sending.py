"""A dossier's way to the portal and back, over the HTTP API."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import FormData

from syncer.testing import Fault

if TYPE_CHECKING:
    from syncer_restart.played_account import Claim

    from tests.restart.conftest import Office


def the_claim(office: Office) -> Claim:
    [claim] = office.account.claims.values()
    return claim


def posts(office: Office) -> int:
    return sum(seen.method == "POST" for seen in office.portal.seen)


async def replaced(office: Office, claim_file: str, document: str, content: bytes) -> None:
    form = FormData(default_to_multipart=True)
    form.add_field("file", content, filename="better.pdf", content_type="application/pdf")
    path = f"/v1/claim-files/{claim_file}/documents/{document}/content"
    async with office.http.put(path, data=form) as answer:
        assert answer.status == 200, await answer.text()


async def test_a_dossier_is_refused_sent_followed_up_and_comes_back(office: Office) -> None:
    id_ = await office.claim_file()
    documents = await office.hand_in_all(id_, but="mandato")
    photo = await office.hand_in(id_, "foto")
    refused = await office.send(id_)
    assert (refused.status, refused.json["code"]) == (409, "documents_missing")
    assert refused.pointers == ["/documents/mandato"]
    assert posts(office) == 0

    documents["mandato"] = await office.hand_in(id_, "mandato")
    delivery = await office.sent(id_)
    number = the_claim(office).number
    shown = await office.good("GET", f"/v1/claim-files/{id_}")
    assert (delivery["state"], delivery["receipt"]["partner_ref"]) == ("delivered", number)
    assert (shown["partner_ref"], shown["state"]) == (number, "received")
    assert shown["reference"] == "P-2026-0042"

    office.account.move(number, "validata")
    await office.pull()
    await replaced(office, id_, documents["denuncia"], b"%PDF-1.4 better")
    await office.good("DELETE", f"/v1/claim-files/{id_}/documents/{photo}")
    followed = await office.sent(id_, "claim_follow_up")
    shown = await office.good("GET", f"/v1/claim-files/{id_}")
    counts = {
        name: followed["receipt"]["raw"][name] for name in ("ricevuti", "invariati", "rimossi")
    }
    assert counts == {"ricevuti": 1, "invariati": 4, "rimossi": 1}
    assert the_claim(office).attachments.keys() == set(documents.values())
    assert shown["state"] == "validated"
    events = [each["event"] for each in shown["timeline"]]
    assert events == ["claim_upload", "validata", "claim_follow_up"]
    assert shown["deliveries"] == [delivery["id"], followed["id"]]


async def test_an_incomplete_dossier_is_stored_with_what_is_missing(office: Office) -> None:
    id_ = await office.claim_file()
    await office.hand_in_all(id_, but="mandato")

    delivery = await office.sent(id_, allow_incomplete=True)
    shown = await office.good("GET", f"/v1/claim-files/{id_}")

    assert (delivery["state"], delivery["receipt"]["incomplete"]) == ("delivered", ["mandato"])
    assert shown["state"] == "incomplete"
    assert [each["text"] for each in shown["warnings"]] == ["stored, incomplete: mandato"]
    [way_round] = [each for each in shown["timeline"] if each["event"] == "sent_incomplete"]
    assert (way_round["note"], way_round["delivery"]) == ("without Mandate", delivery["id"])
    await office.hand_in(id_, "mandato")
    await office.sent(id_, "claim_follow_up")
    shown = await office.good("GET", f"/v1/claim-files/{id_}")
    assert (shown["state"], shown["warnings"]) == ("received", [])


@pytest.mark.parametrize(
    "fault",
    [
        Fault(status=None, is_after=True),
        Fault(status=500, is_after=True),
        Fault(status=201, is_after=True, body=b"<html>"),
    ],
    ids=["dropped", "500", "html"],
)
async def test_a_lost_answer_is_looked_up_and_nothing_is_sent_twice(
    office: Office, fault: Fault
) -> None:
    office.portal.faults = [replace(fault, method="POST", path="/denunce")]
    id_ = await office.claim_file()
    await office.hand_in_all(id_, but="mandato")
    lost = await office.sent(id_, allow_incomplete=True)
    assert [each["outcome"] for each in lost["attempts"]] == ["ambiguous"]

    await office.good("POST", f"/v1/deliveries/{lost['id']}/retry")
    delivery = await office.until(lost["id"], "delivered")

    assert delivery["receipt"]["partner_ref"] == the_claim(office).number
    assert delivery["receipt"]["incomplete"] == ["mandato"]
    assert posts(office) == 1


async def test_a_sending_that_never_arrived_is_made_again(office: Office) -> None:
    office.portal.faults = [Fault(status=None, method="POST", path="/denunce")]
    id_ = await office.claim_file()
    await office.hand_in_all(id_)
    lost = await office.sent(id_)

    await office.good("POST", f"/v1/deliveries/{lost['id']}/retry")
    delivery = await office.until(lost["id"], "delivered")

    assert delivery["receipt"]["partner_ref"] == the_claim(office).number
    assert posts(office) == 2
    shown = await office.good("GET", f"/v1/claim-files/{id_}")
    assert [each["at"] for each in shown["timeline"]] == [delivery["receipt"]["at"]]


async def test_documents_that_change_while_a_sending_waits_leave_as_they_were_accepted(
    office: Office,
) -> None:
    office.portal.faults = [Fault(status=None, method="POST", path="/denunce")]
    id_ = await office.claim_file()
    documents = await office.hand_in_all(id_)
    lost = await office.sent(id_)
    await replaced(office, id_, documents["denuncia"], b"%PDF-1.4 better")
    await office.good("DELETE", f"/v1/claim-files/{id_}/documents/{documents['mandato']}")

    await office.good("POST", f"/v1/deliveries/{lost['id']}/retry")
    await office.until(lost["id"], "delivered")

    arrived = {one.kind: one.sha256 for one in the_claim(office).attachments.values()}
    assert arrived == {kind: sha256(f"%PDF-1.4 {kind}".encode()).hexdigest() for kind in documents}


async def test_a_waiver_is_ours_and_the_portal_still_wants_the_document(office: Office) -> None:
    id_ = await office.claim_file()
    await office.hand_in_all(id_, but="mandato")
    path = f"/v1/claim-files/{id_}/documents/mandato/waiver"
    await office.good("POST", path, {"reason": "signed at the centre"})
    shown = await office.good("GET", f"/v1/claim-files/{id_}")
    assert shown["documents"] == {"received": 4, "missing": 0, "waived": 1, "complete": True}

    refused = await office.send(id_)
    allowed = await office.sent(id_, allow_incomplete=True)

    assert (refused.status, refused.pointers) == (409, ["/documents/mandato"])
    assert allowed["receipt"]["incomplete"] == ["mandato"]


async def test_a_follow_up_whose_answer_was_lost_is_repeated(office: Office) -> None:
    id_ = await office.claim_file()
    await office.hand_in_all(id_)
    await office.sent(id_)
    office.portal.faults = [Fault(status=None, path="/seguiti", is_after=True)]
    await office.hand_in(id_, "preventivo")
    lost = await office.sent(id_, "claim_follow_up")

    await office.good("POST", f"/v1/deliveries/{lost['id']}/retry")
    delivery = await office.until(lost["id"], "delivered")

    assert delivery["receipt"]["raw"]["invariati"] == 6
    assert len(the_claim(office).attachments) == 6


async def test_a_reference_that_the_portal_knows_is_rejected_and_its_number_shown(
    office: Office,
) -> None:
    claim = office.account.add_claim("P-2026-0042")
    id_ = await office.claim_file()
    await office.hand_in_all(id_)

    delivery = await office.sent(id_)
    follow_up = await office.sent(id_, "claim_follow_up")

    assert delivery["state"] == "rejected"
    assert delivery["attempts"][0]["code"] == "GIA_INVIATA"
    assert claim.number in delivery["reason"]
    assert delivery["receipt"]["partner_ref"] == claim.number
    assert delivery["receipt"]["raw"] == {"numeroDenuncia": claim.number}
    assert follow_up["state"] == "delivered", "what the portal has already holds up nobody"


async def test_a_closed_claim_takes_no_follow_up(office: Office) -> None:
    id_ = await office.claim_file()
    await office.hand_in_all(id_)
    await office.sent(id_)
    office.account.move(the_claim(office).number, "chiuso")

    delivery = await office.sent(id_, "claim_follow_up")

    assert delivery["state"] == "rejected"
    assert delivery["attempts"][0]["code"] == "DENUNCIA_CHIUSA"


@pytest.mark.parametrize(
    ("data", "pointer"),
    [
        ({"centre": {"vat_number": "01234567890", "name": "ASP"}}, "centre/vat_number"),
        ({"channel": "post"}, "channel"),
    ],
    ids=["check digit", "channel"],
)
async def test_what_is_wrong_is_refused_before_anything_leaves(
    office: Office, data: dict[str, Any], pointer: str
) -> None:
    id_ = await office.claim_file(**data)
    await office.hand_in_all(id_)

    reply = await office.send(id_)

    assert (reply.status, reply.pointers) == (422, [f"/claim_file/data/{pointer}"])
    assert posts(office) == 0
