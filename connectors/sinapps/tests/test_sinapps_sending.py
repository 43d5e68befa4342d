"""Outbound: commands as they are offered, in order, and once whatever fails in between."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from syncer_sinapps import matrix, wire
from syncer_sinapps.played import PlayedSinapps
from syncer_sinapps.played_pages import Pages
from syncer_sinapps.played_world import PlayedAccount, PlayedMission

from syncer.sdk import (
    DeliveryBlockedError,
    DeliveryRejectedError,
    Event,
    InvalidError,
    Kind,
    RecordKey,
    TransitionRefusedError,
)
from syncer.testing import START
from syncer.testing.playing import Fault

from .desk import Desk, file_of, standing_after

MakeDesk = Callable[..., Awaitable[Desk]]
CENTRE = "centre_de_gestion"
SLOT = {"start": "2026-03-20T09:00", "end": "2026-03-20T10:30", "kind": "site"}
AMOUNTS = {
    "net": {"amount": "1240.50", "currency": "EUR"},
    "gross": {"amount": "1488.60", "currency": "EUR"},
}
QUOTE = {**AMOUNTS, "validation": "insurer"}
INVOICE = {**AMOUNTS, "number": "F-1"}
ACTOR = {"email": "nouveau@example.org", "phones": {"telPortable": "0700000000"}}


@pytest.fixture
def mission(account: PlayedAccount) -> PlayedMission:
    return account.assign()


@pytest.fixture
async def desk(make_desk: MakeDesk, mission: PlayedMission) -> Desk:
    return await make_desk(mission)


def services(desk: Desk) -> dict[str, Any]:
    return dict(desk.claim_file.standing.facts["services"])


# -- the way of an intervention --------------------------------------------------------------------


async def test_an_intervention_goes_from_the_appointment_to_the_invoice(
    desk: Desk, mission: PlayedMission, account: PlayedAccount
) -> None:
    service = mission.services[0]

    await desk.send(desk.delivery("appointment", SLOT, id_="a"))
    await desk.send(desk.delivery("quote", QUOTE, id_="q1", files=[file_of("f1")]))
    account.decide(service, is_good=False)
    desk.claim_file = replace(
        desk.claim_file,
        standing=_told(desk, {"service": service.id, "step": "quote_refused"}, "1"),
    )
    await desk.send(desk.delivery("quote", QUOTE, id_="q2", files=[file_of("f2")]))
    account.decide(service, is_good=True)
    desk.claim_file = replace(
        desk.claim_file,
        standing=_told(desk, {"service": service.id, "step": "quote_validated"}, "2"),
    )
    await desk.send(desk.delivery("works_date", {"date": "2026-04-02"}, id_="w"))
    receipt = await desk.send(desk.delivery("invoice", INVOICE, id_="i", files=[file_of("f3")]))

    assert service.state == "FactureTravauxDeposee"
    assert receipt.raw["name"] == "deposerFacture"
    assert desk.claim_file.standing.state == "invoiced"
    assert services(desk)[service.id] == {
        "stage": "invoiced",
        "quotes": 2,
        "refused": 1,
        "validation": "insurer",
    }
    assert [one.properties["cle"] for one in mission.documents] == ["q1-1", "q2-1", "i-1"]
    with pytest.raises(TransitionRefusedError, match="deposited already"):
        desk.validate(desk.delivery("works_date", {"date": "2026-04-03"}))


def _told(desk: Desk, data: Mapping[str, Any], key: str) -> Any:
    event = Event(name="told", key=key, at=START, data=data)
    return desk.connector.lifecycle.apply(desk.claim_file.standing, event)


@pytest.mark.parametrize(
    ("operation", "payload", "missing"),
    [
        ("quote", QUOTE, "appointment"),
        ("quote_received", {**AMOUNTS, "number": "D-1"}, "appointment"),
        ("quote_refused_outside", {"number": "D-1", "reason": "trop cher"}, "No quote"),
        ("works_date", {"date": "2026-04-02"}, "validated quote"),
        ("invoice", INVOICE, "works date"),
        ("quote_decision", {"decision": "approve"}, "Only a management centre"),
    ],
)
async def test_a_step_out_of_order_is_refused_with_what_is_missing(
    desk: Desk, partner: PlayedSinapps, operation: str, payload: Mapping[str, Any], missing: str
) -> None:
    partner.seen.clear()

    with pytest.raises(TransitionRefusedError, match=missing):
        desk.validate(desk.delivery(operation, payload))

    assert partner.seen == []


async def test_a_centre_steers_its_craftsman_before_it_deposits(
    make_desk: MakeDesk, mission: PlayedMission, account: PlayedAccount
) -> None:
    account.role = wire.CENTRE
    desk = await make_desk(mission, role=CENTRE)
    received = {**AMOUNTS, "number": "D-1"}
    await desk.send(desk.delivery("appointment", SLOT, id_="a"))

    with pytest.raises(TransitionRefusedError, match="quote_received"):
        desk.validate(desk.delivery("quote", QUOTE))
    await desk.send(desk.delivery("quote_received", received, id_="r1"))
    refusal = {"number": "D-1", "reason": "trop cher"}
    await desk.send(desk.delivery("quote_refused_outside", refusal, id_="n1"))
    await desk.send(desk.delivery("quote_received", received, id_="r2"))
    pending = {**QUOTE, "validation": "centre"}
    await desk.send(desk.delivery("quote", pending, id_="q", files=[file_of("f")]))
    with pytest.raises(TransitionRefusedError, match="waits for the management centre"):
        desk.validate(desk.delivery("quote_received", received))
    await desk.send(desk.delivery("quote_decision", {"decision": "approve"}, id_="d"))

    facts = services(desk)[mission.services[0].id]
    assert mission.services[0].state == "DevisValide"
    assert (facts["stage"], facts["quotes"], facts["refused"]) == ("quote_validated", 2, 1)


async def test_a_mission_with_two_services_wants_one_named(
    make_desk: MakeDesk, account: PlayedAccount
) -> None:
    mission = account.assign(services=2)
    desk = await make_desk(mission)
    second = mission.services[1]

    with pytest.raises(InvalidError) as refused:
        desk.validate(desk.delivery("appointment", SLOT))
    await desk.send(desk.delivery("appointment", {**SLOT, "service": second.id}))

    assert [fault.pointer for fault in refused.value.errors] == ["/payload/service"]
    assert [len(one.appointments) for one in mission.services] == [0, 1]


@pytest.mark.parametrize(
    ("changed", "pointer"),
    [
        ({"end": "2026-03-20T11:01"}, "/payload/end"),
        ({"end": "2026-03-21T09:30"}, "/payload/end"),
        ({"end": "2026-03-20T08:59"}, "/payload/end"),
        ({"start": "2026-02-30T09:00"}, "/payload/start"),
        ({"start": "2020-03-20T09:00", "end": "2020-03-20T10:00"}, "/payload/start"),
    ],
)
async def test_an_impossible_appointment_is_refused_before_it_leaves(
    desk: Desk, changed: Mapping[str, str], pointer: str
) -> None:
    with pytest.raises(InvalidError) as refused:
        desk.validate(desk.delivery("appointment", {**SLOT, **changed}))

    assert [fault.pointer for fault in refused.value.errors] == [pointer]


# -- commands --------------------------------------------------------------------------------------


async def test_a_command_that_is_not_offered_blocks(desk: Desk, account: PlayedAccount) -> None:
    account.withdrawn_commands.add(wire.TAKE_APPOINTMENT)

    with pytest.raises(DeliveryBlockedError, match="prendreRendezVous"):
        await desk.send(desk.delivery("appointment", SLOT))


async def test_a_command_that_is_withdrawn_meanwhile_blocks_with_the_reason(
    desk: Desk, account: PlayedAccount, partner: PlayedSinapps
) -> None:
    async def withdraw(method: str, view: str, _name: str) -> None:
        if (method, view) == ("PUT", "submit"):
            account.withdrawn_commands.add(wire.TAKE_APPOINTMENT)

    partner.before = withdraw

    with pytest.raises(DeliveryBlockedError, match="n'est plus permise"):
        await desk.send(desk.delivery("appointment", SLOT))


async def test_a_business_rule_is_shown_as_it_is(desk: Desk, mission: PlayedMission) -> None:
    mission.claim.properties["sinistre"]["date"] = "2030-01-01"

    with pytest.raises(DeliveryRejectedError) as refused:
        await desk.send(desk.delivery("appointment", SLOT))

    assert refused.value.partner_code == "RG_RENDEZVOUS_0001"
    assert "postérieure à celle du sinistre" in str(refused.value)


async def test_what_a_refusal_says_of_the_form_is_shown(
    desk: Desk, mission: PlayedMission, partner: PlayedSinapps
) -> None:
    said = b'{"status":"400","userMessage":"Formulaire invalide","formsError":"horaire: requis"}'
    partner.faults.append(Fault(status=400, path="/submit/", times=1, body=said))

    with pytest.raises(DeliveryRejectedError, match="Formulaire invalide · horaire: requis"):
        await desk.send(desk.delivery("appointment", SLOT))


async def test_what_a_list_only_names_is_read_for_its_commands(
    make_desk: MakeDesk, mission: PlayedMission, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = Pages.listed

    def named_only(self: Pages, *args: Any) -> Any:
        page = whole(self, *args)
        for item in page["items"]:
            item["links"] = [{"rel": "self", "href": item["href"]}]
        return page

    monkeypatch.setattr(Pages, "listed", named_only)
    desk = await make_desk(mission)
    change = {**SLOT, "start": "2026-03-20T09:30", "reason": "Report", "reference": "R-1"}
    change.pop("kind")

    await desk.send(desk.delivery("appointment", SLOT, id_="a"))
    await desk.send(desk.delivery("appointment_change", change, id_="c"))

    [taken] = mission.services[0].appointments
    assert taken.properties["horaire"]["value"]["heureDebut"] == "09:30"


async def test_what_the_partner_still_takes_for_a_cancelled_mission_leaves(
    desk: Desk, mission: PlayedMission
) -> None:
    cancelled = Event(name="MissionAnnulee", key="c", at=START, data={"mission": "cancelled"})
    standing = standing_after([cancelled], desk.claim_file.standing)
    desk.claim_file = replace(desk.claim_file, standing=standing)

    await desk.send(desk.delivery("comment", {"message": "Dommage"}))

    assert [one["message"] for one in mission.inner["commentaires"]] == ["Dommage"]
    for operation, payload in (("appointment", SLOT), ("works_date", {"date": "2026-04-01"})):
        with pytest.raises(TransitionRefusedError, match="cancelled"):
            desk.validate(desk.delivery(operation, payload))


async def test_a_dry_run_asks_for_the_test_and_changes_nothing(
    desk: Desk, mission: PlayedMission, partner: PlayedSinapps
) -> None:
    receipt = await desk.send(desk.delivery("appointment", SLOT, dry_run=True))

    assert receipt.raw["test"] is True
    assert mission.services[0].appointments == []
    assert [what for what in partner.seen if what[0] == "PUT"] == [
        ("PUT", "test", wire.TAKE_APPOINTMENT)
    ]


async def test_the_last_appointment_is_changed_where_it_is(
    desk: Desk, mission: PlayedMission
) -> None:
    await desk.send(desk.delivery("appointment", SLOT, id_="a"))
    change = {
        "start": "2026-03-21T14:00",
        "end": "2026-03-21T14:00",
        "reason": "ClientIndisponible",
        "reference": "T-7",
    }

    await desk.send(desk.delivery("appointment_change", change, id_="c"))

    [taken] = mission.services[0].appointments
    assert taken.properties["horaire"] == {
        "name": "HoraireFixe",
        "value": {"date": "2026-03-21", "heure": "14:00"},
    }


@pytest.mark.parametrize("base64", [False, True])
async def test_documents_go_up_one_by_one(
    make_desk: MakeDesk, mission: PlayedMission, account: PlayedAccount, base64: bool
) -> None:
    desk = await make_desk(mission, attachments_base64=base64)
    files = [file_of("f1", "été.pdf", b"%PDF-1"), file_of("f2", "b.pdf", b"%PDF-2")]
    bad = account.add_document(mission, "?")
    bad.properties["nom"] = ["a row that cannot be read"]

    await desk.send(desk.delivery("document", {"type": "Mandat"}, files=files))
    mission.documents.remove(bad)

    assert [one.properties["nom"] for one in mission.documents] == [
        "Mandat_été.pdf",
        "Mandat_b.pdf",
    ]
    assert mission.documents[0].content == (b"JVBERi0x" if base64 else b"%PDF-1")


async def test_what_else_can_be_said_is_said(desk: Desk, mission: PlayedMission) -> None:
    difficulty = {
        "reason": "RechercheFuite",
        "stage": "Travaux",
        "resume_on": "2026-04-01",
        "comment": "Fuite en cours",
    }
    ending = {"reason": "ClientInjoignable", "comment": "Trois appels"}

    await desk.send(desk.delivery("comment", {"message": "Bonjour"}, id_="c"))
    await desk.send(desk.delivery("end_of_work", ending, id_="e"))
    await desk.send(desk.delivery("difficulty", difficulty, id_="d"))

    assert [one["message"] for one in mission.inner["commentaires"]] == ["Bonjour"]
    assert mission.services[0].properties["finPrestation"]["motif"] == {"name": "ClientInjoignable"}
    assert mission.status == "EnAttente"


# -- solicitations ---------------------------------------------------------------------------------

_WORDS = {word: ours for ours, word in matrix.ACTORS.items()}
_TYPES = {word: ours for ours, word in wire.SOLICITATION_TYPES.items()}


async def test_a_centre_may_ask_what_the_matrix_allows_and_nothing_else(
    make_desk: MakeDesk, mission: PlayedMission
) -> None:
    desk = await make_desk(mission, role=CENTRE)
    allowed = set()

    for to in _WORDS.values():
        for type_ in _TYPES.values():
            payload = {"to": to, "type": type_, "message": "?"}
            with suppress(InvalidError):
                desk.validate(desk.delivery("solicitation", payload))
                allowed.add((to, type_))

    assert allowed == {
        ("surveyor", "clarification"),
        ("insurer", "new_intervention"),
        ("insurer", "clarification"),
    }


async def test_a_repairer_asks_nobody(desk: Desk) -> None:
    payload = {"to": "insurer", "type": "clarification", "message": "?"}

    with pytest.raises(InvalidError) as refused:
        desk.validate(desk.delivery("solicitation", payload))

    assert refused.value.errors[0].pointer == "/payload/to"
    assert "nobody" in refused.value.errors[0].message


async def test_an_open_solicitation_is_answered_with_files(
    make_desk: MakeDesk, mission: PlayedMission, account: PlayedAccount
) -> None:
    desk = await make_desk(mission, role=CENTRE)
    asked = account.ask(mission, "Envoyez la facture", type_="DemandeDocuments")
    asked.id, asked.properties["id"] = "4711", 4711  # a number comes back as a number
    payload = {"solicitation": "record-1", "message": "La voici"}

    await desk.send(
        desk.delivery(
            "solicitation_reply",
            payload,
            files=[file_of("f")],
            records={"solicitation": RecordKey(kind=Kind.SOLICITATION, partner_ref=asked.id)},
        )
    )

    assert asked.properties["etat"]["name"] == wire.ANSWERED
    assert asked.properties["reponse"] == "La voici"
    assert len(mission.documents) == 1


# -- actors ----------------------------------------------------------------------------------------


async def test_a_change_of_an_actor_loses_nobodys_change(
    desk: Desk, mission: PlayedMission, partner: PlayedSinapps
) -> None:
    actor = mission.claim.properties["acteurs"][0]
    contact = actor["personne"]["coordonnees"]
    changes = [("telPersonnel", "0500000001"), ("email", "autre@example.org")]

    async def change(method: str, view: str, name: str) -> None:
        if (method, view) == ("GET", "commands") and changes:
            contact.update([changes.pop(0)])  # others change it while we are at it

    partner.before = change
    payload = {"actor": actor["id"], "fields": {"phones": {"telPortable": "0700000000"}}}

    await desk.send(desk.delivery("actor_change", payload))

    assert actor["personne"]["coordonnees"] == {
        "telPortable": "0700000000",
        "telPersonnel": "0500000001",
        "email": "camille@example.org",
    }


async def test_an_actor_that_others_wrote_over_is_written_again(
    desk: Desk, mission: PlayedMission, partner: PlayedSinapps
) -> None:
    actor = mission.claim.properties["acteurs"][0]
    before = {**actor["personne"], "nom": "Martin-Dupont"}
    writes = []

    async def overwrite(method: str, view: str, name: str) -> None:
        if (method, view) == ("PUT", "submit"):
            writes.append(name)
        elif writes and actor["personne"]["nom"] != "Martin-Dupont":
            actor["personne"] = before  # somebody saved a copy that he had open

    partner.before = overwrite
    payload = {"actor": "Assure", "fields": ACTOR}

    await desk.send(desk.delivery("actor_change", payload))

    assert actor["personne"]["nom"] == "Martin-Dupont"
    assert actor["personne"]["coordonnees"]["email"] == "nouveau@example.org"
    assert len(writes) == 2


# -- lost answers ----------------------------------------------------------------------------------


SCENES: list[tuple[str, Mapping[str, Any], int]] = [
    ("appointment", SLOT, 0),
    ("quote", {**QUOTE, "validation": "none"}, 1),
    ("comment", {"message": "Bonjour"}, 0),
    ("document", {}, 2),
    ("end_of_work", {"reason": "Autres", "comment": "Fini"}, 0),
    ("solicitation", {"to": "insurer", "type": "clarification", "message": "?"}, 0),
]


@pytest.mark.parametrize(("operation", "payload", "files"), SCENES, ids=[s[0] for s in SCENES])
@pytest.mark.parametrize("is_after", [False, True], ids=["before", "after"])
async def test_a_kill_at_any_request_sends_nothing_twice(
    make_desk: MakeDesk,
    account: PlayedAccount,
    partner: PlayedSinapps,
    operation: str,
    payload: Mapping[str, Any],
    files: int,
    is_after: bool,
) -> None:
    account.role = wire.CENTRE
    for at in range(1, 40):
        account.missions.clear()
        account.log.clear()
        mission = account.assign()
        service = mission.services[0]
        if operation == "quote":
            service.move("RendezVousPris")
        desk = await make_desk(mission, role=CENTRE)
        counted = len(partner.seen) + at
        partner.before = _kill_at(partner, counted, is_after=is_after)

        def make(desk: Desk = desk, **fields: Any) -> Any:
            outgoing = [file_of(f"f{n}") for n in range(files)]
            return desk.delivery(operation, payload, files=outgoing, **fields)

        await desk.until_through(make)
        was_killed = len(partner.seen) > counted
        partner.before = None
        partner.faults.clear()

        made = {
            "appointment": len(service.appointments),
            "comment": len(mission.inner["commentaires"]),
            "document": len(mission.documents) / 2,
            "quote": _events(account, mission, wire.QUOTE_DEPOSITED) * len(mission.documents),
            "end_of_work": _events(account, mission, "FinDePrestationDemandee"),
            "solicitation": len(mission.solicitations),
        }[operation]
        assert made == 1, f"killed at request {at}"
        if not was_killed:
            return
    raise AssertionError("a delivery never needs so many requests")


async def test_a_command_is_found_again_whatever_id_its_event_gives_us(
    make_desk: MakeDesk,
    account: PlayedAccount,
    partner: PlayedSinapps,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    mission = account.assign()
    user = Pages.user
    signed_in = {"id": "another id than the one in events", "login": account.login}
    monkeypatch.setattr(Pages, "user", lambda pages: {**user(pages), "properties": signed_in})
    desk = await make_desk(mission)

    async def show_nothing_but_the_event(_method: str, _view: str, _name: str) -> None:
        mission.services[0].properties.pop("finPrestation", None)

    partner.before = show_nothing_but_the_event
    partner.faults.append(Fault(status=None, times=1, is_after=True, method="PUT"))
    payload = {"reason": "Autres", "comment": "Fini"}

    await desk.until_through(lambda **fields: desk.delivery("end_of_work", payload, **fields))

    assert _events(account, mission, "FinDePrestationDemandee") == 1


def _kill_at(
    partner: PlayedSinapps, at: int, *, is_after: bool
) -> Callable[[str, str, str], Awaitable[None]]:
    """Cut the connection of one request, before or after it is answered."""

    async def kill(method: str, view: str, _name: str) -> None:
        if len(partner.seen) == at:
            partner.faults.append(Fault(status=None, times=1, is_after=is_after, method=method))
            if method == "GET":  # the host repeats those by itself
                partner.faults[-1].times = 3

    return kill


def _events(account: PlayedAccount, mission: PlayedMission, name: str) -> int:
    return sum(
        item.name == name and item.mission is mission
        for event in account.log
        for item in event.items
    )
