"""Statuses come back into claim files with their times, and into the feed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from tests.restart.conftest import REPAIRER

if TYPE_CHECKING:
    from tests.restart.conftest import Office

AT = datetime(2026, 3, 2, 9, 14, 5, 120_000, tzinfo=UTC)


async def files(office: Office) -> dict[str | None, Any]:
    listed = await office.good("GET", f"/v1/claim-files?repairer={REPAIRER}&connector=restart")
    return {each["reference"]: each for each in listed["items"]}


async def feed(office: Office, type_: str) -> list[Any]:
    entries = (await office.good("GET", "/v1/changes?limit=500"))["items"]
    return [entry for entry in entries if entry["type"] == type_]


async def test_each_status_stands_in_the_timeline_with_its_time(office: Office) -> None:
    id_ = await office.claim_file("P-1")
    office.account.add_claim("P-1", number="D-1", since=AT)
    await office.pull()
    office.account.move("D-1", "rimborso_parziale", refunded="1200.00")
    office.account.claims["D-1"].since = "2026-03-03T00:30:00+02:00"
    await office.pull()
    await office.pull()

    claim_file = await office.good("GET", f"/v1/claim-files/{id_}")

    assert (claim_file["partner_ref"], claim_file["state"]) == ("D-1", "partly_refunded")
    assert [
        (each["at"], each["event"], each["from"], each["to"]) for each in claim_file["timeline"]
    ] == [
        ("2026-03-02T09:14:05.120000Z", "ricevuta", None, "received"),
        ("2026-03-02T22:30:00Z", "rimborso_parziale", "received", "partly_refunded"),
    ]
    assert claim_file["data"]["extra"]["rimborsato"] == "1200.00"
    moved = await feed(office, "claim_file.state_changed")
    assert [entry["data"]["state"] for entry in moved] == ["received", "partly_refunded"]
    assert {entry["subject"]["id"] for entry in moved} == {id_}


async def test_a_status_of_a_reference_that_nobody_knows_makes_a_claim_file(office: Office) -> None:
    office.account.add_claim("P-2", "affidata", number="D-2", since=AT)
    office.account.add_claim(None, "chiuso", number="D-3", since=AT)
    await office.pull()

    made = await files(office)

    assert (made["P-2"]["state"], made["P-2"]["partner_ref"]) == ("entrusted", "D-2")
    assert (made[None]["state"], made[None]["partner_ref"]) == ("closed", "D-3")


async def test_the_portal_is_right_and_what_it_says_is_shown(office: Office) -> None:
    id_ = await office.claim_file("P-1")
    centre = {"piva": "10000000009", "ragioneSociale": "Centro Torino"}
    office.account.add_claim("P-1", "chiuso", number="D-1", since=AT, centre=centre)
    await office.pull()
    claim = office.account.claims["D-1"]
    claim.status, claim.since = "sospesa", (AT + timedelta(minutes=1)).isoformat()
    await office.pull()
    claim.status, claim.since = "affidata", (AT + timedelta(minutes=2)).isoformat()
    await office.pull()

    claim_file = await office.good("GET", f"/v1/claim-files/{id_}")

    assert claim_file["state"] == "entrusted"
    assert [each["event"] for each in claim_file["timeline"]] == ["chiuso", "sospesa", "affidata"]
    assert claim_file["data"]["centre"]["vat_number"] == "01234567897"
    assert [each["field"] for each in claim_file["conflicts"]] == [
        "centre.name",
        "centre.vat_number",
    ]


async def test_a_bad_row_is_set_aside_until_it_can_be_read(office: Office) -> None:
    office.account.add_claim("P-1", number="D-1", since=AT)
    office.account.raw.append(b'{"numeroDenuncia":"D-9","stato":7}')
    await office.pull()
    await office.pull()
    [aside] = (await office.good("GET", "/v1/quarantine"))["items"]
    made = await files(office)
    office.account.raw.clear()
    office.account.add_claim("P-9", number="D-9", since=AT)
    await office.pull()

    read_since = await office.good("GET", f"/v1/quarantine/{aside['id']}")

    assert (aside["partner_ref"], aside["resolved_at"]) == ("D-9", None)
    assert made["P-1"]["state"] == "received"
    assert read_since["resolved_at"] is not None
