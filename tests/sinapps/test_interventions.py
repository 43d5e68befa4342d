"""Sinapps over the whole host: missions in, steps out, and what a person gets to see of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from syncer_sinapps import wire
from syncer_sinapps.played import PlayedSinapps
from syncer_sinapps.played_world import PlayedAccount

from tests.sinapps.conftest import LINK, Office

DAY = (datetime.now(UTC) + timedelta(days=9)).date().isoformat()  # noqa: TID251  a day to come
SLOT = {"start": f"{DAY}T09:00", "end": f"{DAY}T10:00", "kind": "site"}
AMOUNTS = {
    "net": {"amount": "1240.50", "currency": "EUR"},
    "gross": {"amount": "1488.60", "currency": "EUR"},
}


async def test_an_intervention_goes_from_the_assignment_to_the_invoice(
    office: Office, account: PlayedAccount
) -> None:
    mission = account.assign("RechercheDeFuite")
    service = mission.services[0]
    await office.register()
    await office.pull()
    file = await office.file(mission.id)
    paper = await office.hand_in(file["id"], "devis.pdf")
    quote = {**AMOUNTS, "validation": "insurer"}

    early = await office.send(file["id"], "quote", quote, [paper])
    await office.sent(file["id"], "appointment", SLOT)
    await office.sent(file["id"], "quote", quote, [paper])
    twice = await office.send(file["id"], "quote", quote, [paper])
    account.decide(service, is_good=False)
    await office.pull()
    await office.sent(file["id"], "quote", quote, [paper])
    account.decide(service, is_good=True)
    await office.pull()
    await office.sent(file["id"], "works_date", {"date": DAY})
    done = await office.sent(file["id"], "invoice", {**AMOUNTS, "number": "F-1"}, [paper])
    await office.pull()

    shown = await office.file(mission.id)
    assert file["state"] == "assigned"
    assert (early.status, early.json["code"]) == (409, "transition_refused")
    assert "appointment is missing" in early.json["detail"]
    assert "waits for the insurer" in twice.json["detail"]
    assert done["receipt"]["raw"]["name"] == "deposerFacture"
    assert service.state == "FactureTravauxDeposee"
    assert shown["state"] == "invoiced"
    assert [each["event"] for each in shown["timeline"] if each["delivery"]] == [
        "appointment",
        "quote",
        "quote",
        "works_date",
        "invoice",
    ]
    assert [one["status"] for one in await office.records("quote")] == ["DevisValide"]


async def test_what_a_late_centre_gets_at_once_is_one_entry_of_the_feed(
    office: Office, account: PlayedAccount
) -> None:
    mission = account.assign()
    await office.register(role="centre_de_gestion")
    await office.pull()
    shared = [account.add_document(mission, f"rapport-{n}.pdf", shared=True) for n in range(70)]
    for one in shared:
        account.happened(account.tell(wire.SHARED_DOCUMENT, one))
    before = len(await office.changes("record.created"))

    await office.pull()

    [entry] = await office.changes("documents.updated")
    file = await office.file(mission.id)
    documents = await office.records("document")
    assert entry["data"]["count"] == 70
    assert entry["subject"] == {"type": "claim_file", "id": file["id"]}
    assert len(await office.changes("record.created")) == before
    assert len(documents) == 70
    assert {one["attachments"][0]["state"] for one in documents} == {"stored"}


async def test_an_open_solicitation_is_shown_and_answered_from_the_claim_file(
    office: Office, account: PlayedAccount
) -> None:
    account.role = wire.CENTRE
    mission = account.assign()
    asked = account.ask(mission, "Quelle est la cause ?")
    other = account.ask(mission, "À vous", emitter=wire.CENTRE, to=wire.INSURER)
    await office.register(role="centre_de_gestion")
    await office.pull()
    [record] = [r for r in await office.records("solicitation") if r["partner_ref"] == asked.id]
    file = await office.file(mission.id)

    listed = await office.good("GET", "/v1/attention")
    wrong = await office.send(
        file["id"], "solicitation_reply", {"solicitation": file["id"], "message": "?"}
    )
    answer = {"solicitation": record["id"], "message": "Un joint usé"}
    await office.sent(file["id"], "solicitation_reply", answer)
    after = await office.good(
        "GET", "/v1/attention"
    )  # the log of others' events tells nothing of it
    account.happened(account.tell("SollicitationRepondue", other))
    await office.pull()

    [entry] = listed["items"]
    assert (entry["kind"], entry["subject"]["id"]) == ("solicitation_open", record["id"])
    assert entry["text"] == "Assureur asks for Clarification."
    assert entry["since"] == record["status_changed_at"]
    assert (wrong.status, wrong.json["errors"][0]["pointer"]) == (422, "/payload/solicitation")
    assert asked.properties["reponse"] == "Un joint usé"
    assert after["items"] == []
    assert (await office.good("GET", "/v1/attention"))["items"] == []


async def test_a_mission_that_is_kept_out_makes_no_claim_file(
    office: Office, account: PlayedAccount
) -> None:
    kept, left_out = account.assign(), account.assign()
    rule = {"rule": "not ours", "kind": "mission", "number": left_out.inner["numero"]}
    await office.register(excludes=[rule])
    await office.pull()
    account.happened(account.tell("StatutModifie", left_out))
    await office.pull()

    files = await office.good("GET", "/v1/claim-files")

    assert [one["partner_ref"] for one in files["items"]] == [kept.id]


async def test_a_command_that_is_not_offered_blocks_until_a_person_tries_again(
    office: Office, account: PlayedAccount
) -> None:
    mission = account.assign()
    account.withdrawn_commands.add(wire.TAKE_APPOINTMENT)
    await office.register()
    await office.pull()
    file = await office.file(mission.id)

    blocked = await office.sent(file["id"], "appointment", SLOT, ends="blocked")
    account.withdrawn_commands.clear()
    await office.good("POST", f"/v1/deliveries/{blocked['id']}/retry")
    await office.until(blocked["id"], "delivered")

    assert "does not offer prendreRendezVous" in blocked["reason"]
    assert len(mission.services[0].appointments) == 1


async def test_a_rule_of_the_partner_is_shown_as_it_is_and_a_dry_run_finds_it_first(
    office: Office, account: PlayedAccount
) -> None:
    mission = account.assign()
    await office.register()
    await office.pull()
    mission.claim.properties["sinistre"]["date"] = "2099-01-01"
    file = await office.file(mission.id)

    tried = await office.sent(file["id"], "appointment", SLOT, ends="rejected", dry_run=True)
    sent = await office.sent(file["id"], "appointment", SLOT, ends="rejected")

    for one in (tried, sent):
        assert "La date de rendez-vous doit être postérieure" in one["reason"]
        assert "RG_RENDEZVOUS_0001" in one["reason"]


async def test_one_login_serves_passes_and_deliveries(
    office: Office, account: PlayedAccount
) -> None:
    mission = account.assign()
    await office.register()
    after_check = account.logouts
    await office.pull()
    file = await office.file(mission.id)
    await office.sent(file["id"], "comment", {"message": "Bonjour"})
    await office.pull()

    assert (account.logins, after_check) == (2, 1)


async def test_refused_logins_stay_within_what_locks_no_account(
    office: Office, account: PlayedAccount, partner: PlayedSinapps
) -> None:
    account.assign()
    await office.register()
    account.password = "another-password"
    account.sessions.clear()
    partner.seen.clear()

    states: list[Any] = []
    for _ in range(5):
        await office.ask("POST", f"{LINK}/resume")
        await office.ask("POST", "/v1/refresh?wait=30", {"repairer": "garage-7"})
        states.append((await office.good("GET", LINK))["state"])

    assert set(states) == {"credentials_rejected"}
    assert [what[1] for what in partner.seen].count("login") <= 3


@pytest.mark.parametrize("given", ["wrong", "right"])
async def test_credentials_are_tried_before_they_are_stored(
    office: Office, account: PlayedAccount, given: str
) -> None:
    password = account.password if given == "right" else "wrong-password"
    body = {"login": account.login, "password": password}

    reply = await office.ask("PUT", f"{LINK}/credentials", body)

    expected = (201, None) if given == "right" else (422, "credentials_rejected_by_partner")
    assert (reply.status, reply.json.get("code")) == expected


@pytest.mark.parametrize("redirect", [None, "/login"])
async def test_a_session_that_ends_under_a_sending_costs_no_attempt(
    office: Office, account: PlayedAccount, partner: PlayedSinapps, redirect: str | None
) -> None:
    mission = account.assign()
    await office.register()
    await office.pull()
    file = await office.file(mission.id)
    account.redirects_to = redirect
    ended: list[str] = []

    async def end_session(method: str, view: str, name: str) -> None:
        if (method, view) == ("PUT", "submit") and not ended:
            ended.append(name)
            account.sessions.clear()

    partner.before = end_session

    sent = await office.sent(file["id"], "comment", {"message": "Bonjour"})

    assert [attempt["outcome"] for attempt in sent["attempts"]] == ["done"]
    assert len(mission.inner["commentaires"]) == 1
