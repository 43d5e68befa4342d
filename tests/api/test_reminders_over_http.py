"""Reminders and the log of mails over HTTP."""

from __future__ import annotations

import pytest

from tests.api.conftest import House

RULES = {"documents": [{"id": "mandat", "label": "Mandat"}]}
CLIENT = {"name": "Anna", "email": "anna@client.example", "language": "nl"}


@pytest.fixture
async def reminders(house: House) -> str:
    """Make a claim file that misses a document; gives the path of its reminders."""
    await house.put("/v1/repairers/garage-7", {"name": "Garage"})
    await house.put("/v1/document-rules/claims360.*", RULES)
    new = {"repairer": "garage-7", "connector": "claims360", "reference": "R-1"}
    made = await house.post("/v1/claim-files", {**new, "data": {"client": CLIENT}})
    return f"/v1/claim-files/{made.json['id']}/reminders"


async def test_preview_is_given_without_a_key(house: House, reminders: str) -> None:
    empty = await house.post(f"{reminders}/preview")
    edited = await house.post(f"{reminders}/preview", {"subject": "Vlug", "language": "fr"})

    assert (empty.status, empty.json["to"], empty.json["language"]) == (200, CLIENT["email"], "nl")
    assert empty.json["missing"] == ["mandat"]
    assert (edited.json["subject"], edited.json["language"]) == ("Vlug", "fr")


async def test_sending_needs_a_key_and_a_mail_server(house: House, reminders: str) -> None:
    keyless = await house.post(reminders, {})
    unsent = await house.post(reminders, {}, headers={"Idempotency-Key": "k-1"})

    assert (keyless.status, keyless.code) == (400, "idempotency_key_required")
    assert (unsent.status, unsent.code) == (503, "mail_not_configured")


async def test_body_is_checked(house: House, reminders: str) -> None:
    wrong = {"to": "nobody", "subject": "two\nlines", "language": "de", "copy": "x"}

    refused = await house.post(f"{reminders}/preview", wrong)

    assert refused.status == 422
    assert set(refused.pointers) == {"/to", "/subject", "/language", "/copy"}


async def test_unknown_ones_are_not_found(house: House) -> None:
    answers = [
        await house.post("/v1/claim-files/none/reminders/preview", {}),
        await house.get("/v1/mails/none"),
        await house.post("/v1/mails/none/retry"),
        await house.post("/v1/mails/none/resolve", {"outcome": "delivered"}),
    ]

    assert [answer.status for answer in answers] == [404, 404, 404, 404]


async def test_log_of_mails_is_a_list(house: House) -> None:
    answer = await house.get("/v1/mails?state=sent,queued&kind=reminder&limit=5")

    assert answer.json == {"items": [], "next": None, "total": 0}
