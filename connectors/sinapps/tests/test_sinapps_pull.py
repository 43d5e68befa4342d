"""Inbound: the event log, and what it leads to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any

import pytest
from syncer_sinapps import Sinapps, wire
from syncer_sinapps.claim_data import claim_data
from syncer_sinapps.cursor import Cursor
from syncer_sinapps.played import PlayedSinapps
from syncer_sinapps.played_life import Life
from syncer_sinapps.played_pages import Pages
from syncer_sinapps.played_world import PlayedAccount, PlayedThing, code

from syncer.sdk import (
    CredentialsRejectedError,
    Kind,
    PartnerUnavailableError,
    UnexpectedAnswerError,
)
from syncer.testing import FakeClock
from syncer.testing.playing import Fault
from syncer.testing.reading import Read

from .desk import key_of, of_kind, standing_after, told

ReadPass = Callable[..., Awaitable[Read]]
Open = Callable[..., object]


async def test_the_first_pass_asks_from_the_first_event(
    account: PlayedAccount, read: ReadPass
) -> None:
    mission = account.assign("RechercheFuite")

    found = await read()

    [record] = of_kind(found, Kind.MISSION)
    assert (record.partner_ref, record.status) == (mission.id, "Ouverte")
    assert record.claim is not None
    assert record.claim.claim_type == "RechercheDeFuite"
    assert record.claim.claim_number == mission.claim.properties["sinistre"]["reference"]
    assert record.insured is not None
    assert (record.insured.name, record.insured.phone) == ("Camille Martin", "0612345678")
    assert record.insurer is not None
    assert record.insurer.name == "Camille Mutuelle du Port"
    assert record.extra["mission"]["typeMission"]["label"] == "Libellé de RechercheFuite"
    assert Cursor.parse(found.cursor).since == account.log[-1].id


async def test_a_mission_tells_its_claim_file_all_of_the_claim(
    account: PlayedAccount, read: ReadPass
) -> None:
    account.assign()

    data = claim_data(of_kind(await read(), Kind.MISSION)[0])

    assert data["loss"]["place"] == "3 quai du Port, 17000 Niort"
    assert data["contract"]["excess"] == {"amount": "150.50", "currency": "EUR"}
    assert data["client"]["profile"] == "private"
    assert [actor["type"] for actor in data["actors"]] == ["Assure", "Assureur"]
    assert data["actors"][0]["phones"]["telPersonnel"] == "0549000000"
    assert len(data["services"]) == 1


async def test_events_are_told_once_across_pages_and_passes(
    account: PlayedAccount, read: ReadPass, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wire, "EVENTS_AT_ONCE", 3)
    for mission in [account.assign() for _ in range(7)]:
        account.comment(mission, "Bonjour")

    first = await read()
    second = await read(first.cursor)

    keys = [event.key for event in told(first) if event.key.startswith("event:")]
    assert len({record.partner_ref for record in of_kind(first, Kind.MISSION)}) == 7
    assert len({record.partner_ref for record in of_kind(first, Kind.COMMENT)}) == 7
    assert len(keys) == len(set(keys)) == 14
    assert (second.records, second.pages, second.cursor) == ([], 1, first.cursor)


async def test_a_resource_of_many_events_is_read_once_a_page(
    account: PlayedAccount, read: ReadPass, partner: PlayedSinapps
) -> None:
    mission = account.assign()
    for n in range(10):
        account.happened(
            account.tell("StatutModifie", mission),
            account.tell("SinistreModifie", mission.claim),
            account.tell(wire.STATE_CHANGED, mission.services[0], status=f"Etat{n}"),
        )

    await read()

    asked = Counter(id_ for _, view, id_ in partner.seen if view == "thing")
    assert asked[mission.services[0].id] == 1
    assert asked[mission.claim.id] == 1
    assert asked[mission.id] + asked["above"] <= 2  # by its own link, and by its service's
    assert len(partner.seen) <= 14


async def test_ids_are_compared_as_numbers_and_gaps_do_no_harm(
    account: PlayedAccount, read: ReadPass
) -> None:
    first = account.assign()
    account.happened(account.tell("StatutModifie", first), skip=97)
    cursor = (await read()).cursor
    second = account.assign()

    found = await read(cursor)

    assert Cursor.parse(cursor).since == 99
    assert [one.partner_ref for one in of_kind(found, Kind.MISSION)] == [second.id]


async def test_both_sayings_of_one_validation_are_one_change(
    account: PlayedAccount, read: ReadPass
) -> None:
    mission = account.assign()
    account.decide(mission.services[0], is_good=True)

    found = await read()

    [quote] = of_kind(found, Kind.QUOTE)
    facts = standing_after(told(found)).facts["services"][mission.services[0].id]
    assert quote.status == "DevisValide"
    assert [one.data.get("step") for one in told(found)].count("quote_validated") == 1
    assert (facts["stage"], facts["quotes"], facts["refused"]) == ("quote_validated", 1, 0)


async def test_both_sayings_of_one_validation_are_one_quote(
    account: PlayedAccount, read: ReadPass
) -> None:
    service = account.assign().services[0]
    cursor = (await read()).cursor
    said = account.tell(wire.QUOTE_VALIDATED, service, id="D-7", montantHT=10.5, montantTTC=12.6)
    state = account.tell(wire.STATE_CHANGED, service, status=wire.QUOTE_VALIDATED)
    account.happened(said, state)

    [quote] = of_kind(await read(cursor), Kind.QUOTE)

    assert (quote.partner_ref, quote.status) == ("D-7", "DevisValide")
    assert quote.totals is not None
    assert quote.totals.gross is not None


async def test_an_event_that_is_delivered_twice_counts_once(
    account: PlayedAccount, read: ReadPass
) -> None:
    mission = account.assign()
    account.decide(mission.services[0], is_good=False)
    account.log.append(account.log[-1])

    found = await read()

    facts = standing_after(told(found)).facts["services"][mission.services[0].id]
    assert (facts["stage"], facts["refused"]) == ("quote_refused", 1)
    assert len(of_kind(found, Kind.QUOTE)) == 1


async def test_an_unknown_event_is_kept_and_its_mission_read_whole(
    account: PlayedAccount, read: ReadPass
) -> None:
    mission = account.assign()
    account.ask(mission, "Et alors ?")
    cursor = (await read()).cursor
    account.happened(
        account.tell("ChoseInouïe", mission), account.tell("PrestationAnnulée", mission)
    )

    found = await read(cursor)

    assert [item.type for item in found.unknown] == ["ChoseInouïe"]
    assert {record.kind for record in found.records} == {Kind.MISSION, Kind.SOLICITATION}


async def test_a_mission_that_cannot_be_read_is_set_aside_alone(
    account: PlayedAccount, read: ReadPass
) -> None:
    account.assign()
    bad = account.assign()
    bad.inner["numero"] = {"not": "a number"}

    found = await read()

    assert len(of_kind(found, Kind.MISSION)) == 1
    assert [(one.kind, one.partner_ref) for one in found.unreadable] == [(Kind.MISSION, bad.id)]
    assert "numero" in found.unreadable[0].reason


async def test_a_mission_that_the_partner_fails_on_holds_up_no_other(
    account: PlayedAccount, read: ReadPass, partner: PlayedSinapps
) -> None:
    good, bad = account.assign(), account.assign()
    partner.faults.append(Fault(status=500, path=f"/services/{bad.id}", times=99))

    found = await read()

    assert [one.partner_ref for one in of_kind(found, Kind.MISSION)] == [good.id]
    assert [one.partner_ref for one in found.unreadable] == [bad.id]


async def test_a_partner_that_answers_for_no_mission_is_asked_again_later(
    account: PlayedAccount, read: ReadPass, partner: PlayedSinapps
) -> None:
    account.assign()
    partner.faults.append(Fault(status=500, path="/services/", times=99))

    with pytest.raises(PartnerUnavailableError):
        await read()
    partner.faults.clear()

    assert len(of_kind(await read(), Kind.MISSION)) == 1


async def test_a_mission_that_is_not_there_any_more_blocks_nothing(
    account: PlayedAccount, read: ReadPass
) -> None:
    gone = account.assign()
    account.missions.clear()

    found = await read()

    assert Cursor.parse(found.cursor).since == account.log[-1].id
    assert found.records == []
    assert len(found.unknown) + len(found.unreadable) > 0
    assert gone.id


@pytest.mark.parametrize("what", ["the mission", "a part of it"])
async def test_a_resource_that_always_fails_blocks_no_later_event(
    account: PlayedAccount, read: ReadPass, partner: PlayedSinapps, what: str
) -> None:
    bad, good = account.assign(), account.assign()
    document = account.add_document(bad, "a.pdf")
    account.happened(account.tell("PieceJointeAjoutee", document))
    thing = bad if what == "the mission" else document
    partner.faults.append(Fault(status=500, path=f"/thing/{thing.id}", times=999))

    found = await read()

    listed = {one.partner_ref for one in of_kind(found, Kind.MISSION)}
    assert good.id in listed
    assert Cursor.parse(found.cursor).since == account.log[-1].id


async def test_an_actor_is_taken_over_though_the_claim_says_not_whose_it_is(
    account: PlayedAccount, read: ReadPass
) -> None:
    account.assign()
    mission = account.assign()
    cursor = (await read()).cursor
    account.add_actor(mission, wire.CENTRE, "Plateforme du Sud")
    account.sessions.clear()  # what was remembered is forgotten with the login

    found = await read(cursor)

    [record] = of_kind(found, Kind.MISSION)
    assert record.partner_ref == mission.id
    assert claim_data(record)["centre"] == {"name": "Camille Plateforme du Sud"}


async def test_sessions_that_end_in_mid_pass_are_renewed(
    account: PlayedAccount, read: ReadPass
) -> None:
    account.uses = 5
    account.redirects_to = "/login?expired"
    for _ in range(4):
        account.assign()

    found = await read()

    assert len(of_kind(found, Kind.MISSION)) == 4
    assert account.logins > 2


async def test_a_wrong_password_is_refused_after_one_login(
    connector: Sinapps, open_link: Open, partner: PlayedSinapps
) -> None:
    with pytest.raises(CredentialsRejectedError):
        await connector.check(open_link("wrong-password"))  # type: ignore[arg-type]  # as opened

    assert [what[1] for what in partner.seen] == ["login"]


async def test_a_check_logs_in_at_the_configured_path(
    connector: Sinapps, open_link: Open, account: PlayedAccount
) -> None:
    link = open_link(login_path="/api/login")

    await connector.check(link)  # type: ignore[arg-type]  # as opened
    await connector.sign_out(link)  # type: ignore[arg-type]  # as opened

    assert (account.logins, account.logouts) == (1, 1)


async def test_a_partner_with_one_place_to_log_out_frees_the_session(
    connector: Sinapps, open_link: Open, account: PlayedAccount, partner: PlayedSinapps
) -> None:
    link = open_link(login_path="/api/login")
    partner.faults.append(Fault(status=404, path="/logout/", times=1))

    await connector.check(link)  # type: ignore[arg-type]  # as opened
    await connector.sign_out(link)  # type: ignore[arg-type]  # as opened

    assert account.logouts == 1


async def test_links_that_the_user_has_not_are_found_at_its_partner(
    account: PlayedAccount, read: ReadPass
) -> None:
    account.links_at_partner = True
    account.assign()

    assert len(of_kind(await read(), Kind.MISSION)) == 1


async def test_a_log_that_cannot_be_read_fails_the_pass(
    account: PlayedAccount, read: ReadPass, partner: PlayedSinapps
) -> None:
    account.assign()
    partner.faults.append(Fault(status=418, path="/events", times=1))

    with pytest.raises(UnexpectedAnswerError):
        await read()


async def test_an_event_without_an_id_is_set_aside_though_no_other_follows(
    account: PlayedAccount, read: ReadPass, monkeypatch: pytest.MonkeyPatch
) -> None:
    account.assign()
    cursor = (await read()).cursor
    bad = {"href": "/e", "properties": {"id": "abc"}, "items": []}
    monkeypatch.setattr(Pages, "events", lambda *_args, **_more: {"items": [bad]})

    found = await read(cursor)

    assert [one.reason for one in found.unreadable] == ["event: properties.id: is no number"]
    assert Cursor.parse(found.cursor).since == account.log[-1].id


async def test_an_event_whose_resource_fails_is_not_taken_for_read(
    account: PlayedAccount, read: ReadPass, partner: PlayedSinapps
) -> None:
    good, gone = account.assign(), account.assign()
    cursor = (await read()).cursor
    account.missions.remove(gone)  # it is listed no more, and what belongs to it fails
    account.happened(account.tell("StatutModifie", good))
    account.happened(account.tell("PieceJointeAjoutee", account.add_document(gone, "a.pdf")))
    partner.faults.append(Fault(status=503, path=f"/thing/{gone.documents[0].id}", times=99))

    found = await read(cursor)

    assert [one.partner_ref for one in found.unreadable] == [f"{account.log[-1].id}.0"]
    account.happened(account.tell("PieceJointeAjoutee", gone.documents[0]))
    with pytest.raises(PartnerUnavailableError):  # alone, it may be an outage
        await read(found.cursor)


async def test_an_event_of_a_command_tells_of_no_mission(
    account: PlayedAccount, read: ReadPass, partner: PlayedSinapps
) -> None:
    mission = account.assign()
    cursor = (await read()).cursor
    account.happened(account.tell("CommandeInouïe", mission, resource_type="commands"))
    partner.seen.clear()

    found = await read(cursor)

    assert [item.type for item in found.unknown] == ["CommandeInouïe"]
    assert {view for _, view, _ in partner.seen} == {"events"}


# -- what belongs to a mission ---------------------------------------------------------------------


async def test_documents_are_fetched_by_the_link_of_the_moment(
    account: PlayedAccount, read: ReadPass, connector: Sinapps, open_link: Open
) -> None:
    mission = account.assign()
    account.page_size = 2
    documents = [account.add_document(mission, f"photo-{n}.jpg") for n in range(5)]
    account.happened(account.tell("PieceJointeAjoutee", documents[0]))
    link: object = open_link()

    found = of_kind(await read(), Kind.DOCUMENT)
    completed = await connector.complete(link, found[4])  # type: ignore[arg-type]  # as opened
    [attachment] = completed.attachments
    async with connector.fetch(link, attachment) as download:  # type: ignore[arg-type]  # as opened
        content = b"".join([chunk async for chunk in download.chunks()])

    assert [record.number for record in found] == [f"photo-{n}.jpg" for n in range(5)]
    assert (attachment.kind, attachment.owner) == ("photo", found[4].key)
    assert content == documents[4].content


async def test_a_bad_comment_or_an_empty_reference_spoils_no_mission(
    account: PlayedAccount, read: ReadPass
) -> None:
    mission = account.assign()
    mission.inner["reference"] = mission.claim.properties["sinistre"]["reference"] = ""
    mission.inner["commentaires"] += [{"message": "Bonjour"}, {"message": None}, "?"]

    found = await read()

    [record] = of_kind(found, Kind.MISSION)
    assert record.claim is not None
    assert record.claim.claim_number is None
    assert [one.extra["message"] for one in of_kind(found, Kind.COMMENT)] == ["Bonjour"]
    assert [(one.kind, one.raw) for one in found.unreadable] == [
        (Kind.COMMENT, b'{"message":null}'),
        (Kind.COMMENT, b'"?"'),
    ]


async def test_rows_that_move_between_two_pages_of_a_list_are_not_lost(
    account: PlayedAccount, read: ReadPass, monkeypatch: pytest.MonkeyPatch
) -> None:
    mission = account.assign()
    account.page_size = 2
    documents = [account.add_document(mission, f"{n}.pdf") for n in range(5)]
    account.happened(account.tell("PieceJointeAjoutee", documents[0]))
    whole = Pages.listed

    def moving(self: Pages, view: str, *args: Any) -> Any:
        page = whole(self, view, *args)
        if view == "documents" and documents[0] in mission.documents:
            mission.documents.remove(documents[0])  # gone before the second page is asked for
        return page

    monkeypatch.setattr(Pages, "listed", moving)

    found = of_kind(await read(), Kind.DOCUMENT)

    assert [one.number for one in found] == [f"{n}.pdf" for n in range(1, 5)]


async def test_a_bad_row_of_a_list_spoils_no_other(
    account: PlayedAccount,
    read: ReadPass,
    connector: Sinapps,
    open_link: Open,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole = Pages.listed

    def with_junk(self: Pages, view: str, *args: Any) -> Any:
        page = whole(self, view, *args)
        return {**page, "items": [None, *page["items"]]} if view != "services" else page

    monkeypatch.setattr(Pages, "listed", with_junk)
    mission = account.assign()
    bad, good = account.add_document(mission, "a.pdf"), account.add_document(mission, "b.pdf")
    bad.properties["nom"] = ["a.pdf"]
    account.happened(account.tell("PieceJointeAjoutee", good))
    link: object = open_link()

    found = await read()
    [document] = of_kind(found, Kind.DOCUMENT)
    [attachment] = (await connector.complete(link, document)).attachments  # type: ignore[arg-type]
    async with connector.fetch(link, attachment) as download:  # type: ignore[arg-type]
        content = b"".join([chunk async for chunk in download.chunks()])

    assert content == good.content
    aside = [(one.kind, one.partner_ref) for one in found.unreadable]
    assert aside.count((Kind.DOCUMENT, bad.id)) == 1


async def test_documents_shared_with_a_late_centre_are_quiet(
    connector: Sinapps, account: PlayedAccount, open_link: Open
) -> None:
    mission = account.assign()
    shared = [account.add_document(mission, f"doc-{n}.pdf", shared=True) for n in range(20)]
    account.happened(*(account.tell(wire.SHARED_DOCUMENT, one) for one in shared))

    page = await connector.pull(open_link(), None)  # type: ignore[arg-type]  # as opened

    assert set(page.quiet) == {key_of(Kind.DOCUMENT, one.id) for one in shared}


async def test_solicitations_outside_the_matrix_are_kept_with_a_flag(
    account: PlayedAccount, read: ReadPass, connector: Sinapps
) -> None:
    mission = account.assign()
    account.ask(mission, "Précisez", type_="Correction", emitter=wire.SURVEYOR)
    account.ask(mission, "Autre chose", type_="NouvelleIntervention", emitter=wire.INSURED)
    account.ask(mission, "À l'assureur", emitter=wire.CENTRE, to=wire.INSURER)

    found = of_kind(await read(), Kind.SOLICITATION)

    assert [one.extra.get("flag") for one in found] == [None, "outside_matrix", None]
    assert [connector.waits_for_person(one) for one in found] == [
        "Expert asks for Correction",
        "Assure asks for NouvelleIntervention",
        None,
    ]


async def test_instants_without_an_offset_are_of_paris(
    account: PlayedAccount, read: ReadPass, clock: FakeClock
) -> None:
    mission = account.assign()
    value = {"date": "2026-03-20", "heureDebut": "09:00", "heureFin": "10:00"}
    taken = PlayedThing(
        kind="appointment",
        id="rv-1",
        properties={
            "id": "rv-1",
            "horaire": {"name": wire.WINDOW, "value": value},
            "typeRendezVous": code("Site"),
        },
    )
    mission.services[0].appointments.append(taken)
    account.happened(account.tell("RendezVousPris", taken))
    account.comment(mission, "un")
    account.comment(mission, "deux")

    found = await read()

    [appointment] = of_kind(found, Kind.APPOINTMENT)
    assert appointment.extra["prestationId"] == mission.services[0].id
    assert {one.status_changed_at for one in of_kind(found, Kind.COMMENT)} == {clock.now()}


async def test_amounts_are_numbers_and_read_exactly(account: PlayedAccount, read: ReadPass) -> None:
    service = account.assign().services[0]
    account.happened(
        account.tell(wire.QUOTE_DEPOSITED, service, montantHT=1240.1, montantTTC=1488.12)
    )

    [quote] = of_kind(await read(), Kind.QUOTE)

    assert quote.totals is not None
    assert quote.totals.net is not None
    assert quote.totals.gross is not None
    assert quote.totals.net.amount == Decimal("1240.10")
    assert quote.totals.gross.amount == Decimal("1488.12")


async def test_a_whole_played_intervention_goes_by_and_is_read(
    account: PlayedAccount, read: ReadPass
) -> None:
    Life(account).play()

    found = await read()

    [mission] = of_kind(found, Kind.MISSION)
    assert mission.status == "Terminee"
    [quote] = of_kind(found, Kind.QUOTE)
    assert quote.claim is not None
    assert mission.claim is not None
    assert quote.claim.partner_ref == mission.claim.partner_ref
