"""What leaves is what the contract says: the pratica, the checks, the assessment, the states."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from syncer_restart import Restart
from syncer_restart.checking import check_claim, is_vat_number
from syncer_restart.played_pratica import read_pratica
from syncer_restart.pratica import kind_of, pratica, xml_text

from syncer.domain.claim_files import patch
from syncer.sdk import (
    ClaimFile,
    Event,
    InvalidError,
    LocalEvent,
    OutgoingFile,
    Standing,
    TransitionRefusedError,
    XmlElement,
    parse_xml,
    write_xml,
)
from syncer.testing import START, Problem

ClaimOf = Callable[..., ClaimFile]
FileOf = Callable[..., OutgoingFile]
PRATICA = """<?xml version="1.0" encoding="UTF-8"?>
<pratica evento="Nuova" riferimento="P-2026-0042">
  <canalizzazione>RESTART</canalizzazione>
  <centroAsp piva="01234567897" ragioneSociale="ASP Demo srl"/>
  <cliente nome="Rossi Mario &amp; figli" telefono="+39 000" email="mario@example.org" \
codiceFiscale="RSSMRA80A01H501U"/>
  <veicolo targa="AB123CD" telaio="ZFA31200000000000" marca="Fiat" modello="Panda"/>
  <sinistro data="2026-02-21" luogo="Torino" veicoli="2" feriti="false" lesioniGravi="false" \
controparteEstera="false" indennizzoDiretto="true"/>
  <preventivo netto="1240.50" iva="272.91" lordo="1513.41" valuta="EUR"/>
  <allegati>
    <allegato id="a1" tipo="denuncia" nome="denuncia.pdf" \
sha256="6f9b2afc82df55a00a0b96ee0fd82e3fac1ef5dc1ef1e2ba5ee2ee2a34e3ad0c" dimensione="8"/>
  </allegati>
</pratica>
"""


def changed(claim_of: ClaimOf, **data: Any) -> ClaimFile:
    return claim_of(person_data=patch(claim_of().person_data, data))


def test_the_pratica_is_as_the_contract_shows_it(claim_of: ClaimOf, file_of: FileOf) -> None:
    file = file_of("a1", "denuncia")
    written = pratica(claim_of(), [file], event="Nuova").decode()

    assert written == PRATICA.replace(
        "6f9b2afc82df55a00a0b96ee0fd82e3fac1ef5dc1ef1e2ba5ee2ee2a34e3ad0c", file.sha256
    )


def test_what_is_not_known_is_left_out(claim_of: ClaimOf) -> None:
    data = {"channel": "RESTART", "centre": {"vat_number": "01234567897", "name": "ASP"}}
    claim = claim_of(person_data={**data, "loss": {"place": "Torino"}})

    read = read_pratica(pratica(claim, [], event="Seguito"), event="Seguito")

    assert read.values["sinistro"] == {"luogo": "Torino"}
    assert set(read.values) == {"canalizzazione", "centroAsp", "sinistro", "allegati"}


@given(name=st.text(max_size=20))
def test_any_file_name_can_stand_in_a_pratica(name: str) -> None:
    written = write_xml(XmlElement(name="allegato", attributes={"nome": xml_text(name)}))

    assert parse_xml(written).attributes == {"nome": xml_text(name)}


@pytest.mark.parametrize(
    ("type_", "kind"), [("mandato", "mandato"), ("quote_pdf", "preventivo"), ("report", "altro")]
)
def test_each_type_of_document_has_a_kind(file_of: FileOf, type_: str, kind: str) -> None:
    assert kind_of(file_of("a1", type_)) == kind


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('evento="Nuova" riferimento="P-2026-0042"', 'riferimento="P-2026-0042" evento="Nuova"'),
        (' luogo="Torino" veicoli="2"', ' veicoli="2" luogo="Torino"'),
        ('piva="01234567897"', 'piva="01234567898"'),
        (' ragioneSociale="ASP Demo srl"', ""),
        ("<canalizzazione>RESTART</canalizzazione>", ""),
        ('tipo="denuncia"', 'tipo="report"'),
        ('dimensione="8"', 'dimensione="8" pagine="1"'),
        ("</allegati>", "</allegati><altro/>"),
        ("<pratica", "<!DOCTYPE pratica><pratica"),
        ('"2026-02-21"', '"21/02/2026"'),
        ('"Nuova"', '"Seguito"'),
    ],
)
def test_the_played_portal_takes_nothing_else(before: str, after: str) -> None:
    read_pratica(PRATICA.encode(), event="Nuova")

    with pytest.raises(Problem):
        read_pratica(PRATICA.replace(before, after).encode(), event="Nuova")


# -- checks ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "pointer"),
    [
        ({"channel": None}, "/claim_file/data/channel"),
        ({"channel": "restart"}, "/claim_file/data/channel"),
        ({"centre": {"vat_number": "01234567890"}}, "/claim_file/data/centre/vat_number"),
        ({"centre": {"vat_number": None}}, "/claim_file/data/centre/vat_number"),
        ({"centre": {"name": None}}, "/claim_file/data/centre/name"),
        ({"quote": {"net": {"currency": "CHF"}}}, "/claim_file/data/quote"),
        ({"client": {"name": "Rossi\x0b"}}, "/claim_file/data/client/name"),
    ],
    ids=repr,
)
def test_what_is_missing_or_bad_is_pointed_at(
    claim_of: ClaimOf, data: dict[str, Any], pointer: str
) -> None:
    with pytest.raises(InvalidError) as caught:
        check_claim(changed(claim_of, **data))

    assert [fault.pointer for fault in caught.value.errors] == [pointer]


def test_a_claim_file_without_reference_cannot_be_sent(claim_of: ClaimOf) -> None:
    with pytest.raises(InvalidError) as caught:
        check_claim(claim_of(reference=None))

    assert caught.value.errors[0].pointer == "/claim_file/reference"


@pytest.mark.parametrize("number", ["01234567897", "00743110157", "10000000009"])
def test_a_vat_number_with_the_right_check_digit_passes(number: str) -> None:
    assert is_vat_number(number)


@pytest.mark.parametrize(
    "number", ["01234567890", "1234567897", "012345678977", "IT1234567897", "\u06601234567897", ""]
)
def test_any_other_text_is_no_vat_number(number: str) -> None:
    assert not is_vat_number(number)


@given(st.text("0123456789", min_size=11, max_size=11), st.integers(0, 10), st.integers(1, 9))
def test_one_wrong_digit_is_always_noticed(number: str, place: int, by: int) -> None:
    wrong = str((int(number[place]) + by) % 10)

    assert not (
        is_vat_number(number) and is_vat_number(number[:place] + wrong + number[place + 1 :])
    )


# -- assessment -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("loss", "applies", "words"),
    [
        ({}, True, "two vehicles"),
        ({"vehicles": 3}, False, "Not exactly two"),
        ({"foreign_counterpart": True}, False, "abroad"),
        ({"serious_injuries": True}, False, "seriously injured"),
        ({"serious_injuries": None, "injuries": False}, True, "two vehicles"),
        ({"serious_injuries": None, "injuries": True}, False, "not known"),
        ({"collision": False}, False, "did not collide"),
        ({"vehicles": None, "collision": False}, False, "did not collide"),
        ({"vehicles": None}, False, "not known how many"),
    ],
    ids=repr,
)
def test_direct_settlement_is_judged_with_reasons(
    connector: Restart, claim_of: ClaimOf, loss: dict[str, Any], applies: bool, words: str
) -> None:
    found = connector.assess(changed(claim_of, loss=loss))

    assert found["direct_settlement"] is applies
    assert words in found["reasons"][0]


def test_what_is_undecided_is_not_claimed_in_the_pratica(claim_of: ClaimOf) -> None:
    undecided = changed(claim_of, loss={"vehicles": None})
    decided = changed(claim_of, loss={"vehicles": None, "collision": False})

    assert b"indennizzoDiretto" not in pratica(undecided, [], event="Nuova")
    assert b'indennizzoDiretto="false"' in pratica(decided, [], event="Nuova")


# -- states ---------------------------------------------------------------------------------------


def status(word: str, second: int) -> Event:
    at = START + timedelta(seconds=second)
    data = {"status": word, "moment": at.isoformat()}
    return Event(name=word, key=f"{word}:{second}", at=at, data=data)


def fold(*events: Event) -> Standing:
    standing = Restart.lifecycle.begin()
    for event in events:
        standing = Restart.lifecycle.apply(standing, event)
        assert json.loads(json.dumps(standing.facts)) == standing.facts
    return standing


@pytest.mark.parametrize(
    ("word", "state"),
    [
        ("ricevuta", "received"),
        ("incompleta", "incomplete"),
        ("validata", "validated"),
        ("affidata", "entrusted"),
        ("rimborso_parziale", "partly_refunded"),
        ("rimborsato_chiuso", "refunded_closed"),
        ("chiuso", "closed"),
        ("senza_seguito", "no_follow_up"),
    ],
)
def test_each_status_is_a_state(word: str, state: str) -> None:
    assert fold(status(word, 0)).state == state


def test_a_status_that_we_have_no_word_for_leaves_the_state_as_it_was() -> None:
    assert fold(status("validata", 0), status("sospesa", 5)).state == "validated"


def test_the_newest_status_counts_in_whatever_order_they_are_read() -> None:
    assert fold(status("validata", 5), status("ricevuta", 0)).state == "validated"
    assert fold(status("chiuso", 5), status("affidata", 9)).state == "entrusted"


def test_a_first_sending_that_is_told_late_does_not_undo_a_status() -> None:
    sent: dict[str, Any] = {"incomplete": [], "status": None, "manifest": {}}
    late = Event(name="claim_upload", key="delivery:1", at=START, data={"sent": sent})

    assert fold(status("validata", 0), late).state == "validated"


def test_a_claim_is_not_cancelled_by_hand() -> None:
    by_hand = Event(name=LocalEvent.CANCELLED_BY_HAND, key="local:1", at=START)
    linked = Event(name=LocalEvent.LINKED_TO_SALES_DOCUMENT, key="local:2", at=START)

    with pytest.raises(TransitionRefusedError):
        fold(by_hand)
    assert fold(linked).in_sales_document
    assert Restart.lifecycle.why_not_selectable(fold(status("chiuso", 0))) is None
