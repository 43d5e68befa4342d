"""What a person is offered before anything is sent: ASP centres, and a first assessment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from syncer.testing import Fault
from tests.restart.conftest import LINK

if TYPE_CHECKING:
    from tests.restart.conftest import Office


async def test_the_asp_centres_are_offered(office: Office) -> None:
    offered = await office.good("GET", f"{LINK}/choices/centre")

    assert offered == {
        "items": [
            {"vat_number": one["piva"], "name": one["ragioneSociale"]}
            for one in office.account.centres
        ]
    }


async def test_a_field_without_choices_is_not_found(office: Office) -> None:
    other = LINK.replace("restart", "example")

    for path in (f"{LINK}/choices/channel", f"{other}/choices/centre"):
        reply = await office.ask("GET", path)

        assert (reply.status, reply.json["code"]) == (404, "not_found")


async def test_a_link_that_cannot_run_offers_nothing(office: Office) -> None:
    await office.good("POST", f"{LINK}/pause")

    reply = await office.ask("GET", f"{LINK}/choices/centre")

    assert (reply.status, reply.json["code"]) == (409, "link_paused")
    assert not any(seen.path == "/centri-asp" for seen in office.portal.seen)


async def test_refused_credentials_stop_the_link(office: Office) -> None:
    office.portal.faults = [Fault(status=401, path="/centri-asp")]

    reply = await office.ask("GET", f"{LINK}/choices/centre")

    assert (reply.status, reply.json["code"]) == (409, "credentials_rejected")
    assert (await office.good("GET", LINK))["state"] == "credentials_rejected"


async def test_a_portal_that_answers_junk_or_nothing_is_said_to(office: Office) -> None:
    for status, body, expected in (
        (200, b"<html>", (502, "payload_invalid")),
        (500, b"", (503, "partner_unavailable")),
    ):
        office.portal.faults = [Fault(status=status, path="/centri-asp", times=9, body=body)]

        reply = await office.ask("GET", f"{LINK}/choices/centre")

        assert (reply.status, reply.json["code"]) == expected


async def test_direct_settlement_is_judged_by_the_data_that_is_there(office: Office) -> None:
    id_ = await office.claim_file()
    applies = await office.good("POST", f"/v1/claim-files/{id_}/assessment")
    change = {"data": {"loss": {"vehicles": 3, "collision": None}}}
    await office.good("PATCH", f"/v1/claim-files/{id_}", change)

    no_more = await office.good("POST", f"/v1/claim-files/{id_}/assessment")

    assert applies["direct_settlement"] is True
    assert len(applies["reasons"]) == 4
    assert no_more == {
        "direct_settlement": False,
        "reasons": [
            "Not exactly two vehicles are involved.",
            "It is not known whether the vehicles collided (loss.collision).",
        ],
    }


async def test_a_connector_without_an_assessment_has_none(office: Office) -> None:
    body = {"repairer": "officina-7", "connector": "example", "reference": "X-1"}
    made = await office.good("POST", "/v1/claim-files", body)

    for id_ in (made["id"], "0193ffff-0000-7000-8000-000000000000"):
        reply = await office.ask("POST", f"/v1/claim-files/{id_}/assessment")

        assert (reply.status, reply.json["code"]) == (404, "not_found")
