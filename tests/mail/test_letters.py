"""Letters: every word in every language, and nothing in them but text."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_file
from babel.messages.pofile import read_po

from syncer.dispatch.ambient import SystemClock
from syncer.domain.claim_files import ClaimFile, Origin
from syncer.domain.links import LinkKey
from syncer.domain.mail import Language
from syncer.mail import Room
from syncer.mail.dossier import LABELS
from syncer.mail.letters import TEMPLATES
from syncer.mail.wording import LOCALES, STATES, WORDS
from syncer.ports.mail import Addressee
from tests.mail.post import file_of

NOW = datetime(2026, 3, 2, 9, 15, tzinfo=UTC)
OFFICE = Room(None, clock=SystemClock())
ANNA = Addressee(name="Anna", reference="2026/1", vehicle="1-ABC-234", repairer="Garage Leroy")
DATA: dict[str, Any] = {
    "client": {"name": "<b>Rossi & C.</b>", "email": None},
    "vehicle": {"plate": "AB123CD", "mileage_km": 84210},
    "loss": {"date": "2026-02-21", "collision": True, "injuries": False},
    "quote": {"gross": {"amount": "1240.50", "currency": "EUR"}},
}


def wanted_words() -> set[str]:
    """Collect what is to be translated: from templates, and what Python brings along."""
    found = {*LABELS, *WORDS}
    for path in TEMPLATES.iterdir():
        for _, message, *_ in extract_from_file("jinja2.ext:babel_extract", path):
            assert isinstance(message, str)
            found.add(message)
    return found


def catalog(language: Language) -> Catalog:
    with (LOCALES / f"{language}.po").open(encoding="utf-8") as file:
        return read_po(file, locale=language.value, abort_invalid=True)


def faults(known: Catalog) -> Iterator[str]:
    wanted = wanted_words()
    ids = {message.id for message in known if message.id}
    yield from (f"missing: {each}" for each in wanted - ids)
    yield from (f"used nowhere: {each}" for each in ids - wanted)
    for message in known:
        if message.id and (not message.string or message.fuzzy):
            yield f"not translated: {message.id}"
        yield from (f"{message.id}: {error}" for error in message.check(known))


@pytest.mark.parametrize("language", list(Language))
def test_every_word_is_translated_and_none_is_left_over(language: Language) -> None:
    assert list(faults(catalog(language))) == []


def claim_file(data: dict[str, Any]) -> ClaimFile:
    return ClaimFile(
        id="0193",
        link=LinkKey("garage-7", "restart"),
        origin=Origin.PLANNING,
        reference="2026/1",
        partner_ref=None,
        claim_number="C-1",
        claim_type=None,
        partner_data={},
        person_data=data,
        person_set_at={},
        created_at=NOW,
        updated_at=NOW,
    )


@pytest.mark.parametrize(
    ("language", "words"),
    [
        (Language.FRENCH, ("Sinistre C-1", "21 février 2026", "Kilométrage (km): 84\u202f210")),
        (Language.DUTCH, ("Schadegeval C-1", "21 februari 2026", "Kilometerstand (km): 84.210")),
        (Language.ITALIAN, ("Sinistro C-1", "21 febbraio 2026", "1.240,50\xa0€")),
        (Language.ENGLISH, ("Claim C-1", "February 21, 2026", "€1,240.50")),
    ],
)
def test_dossier_speaks_the_language(language: Language, words: tuple[str, ...]) -> None:
    letter = OFFICE.dossier(claim_file(DATA), [file_of(b"x" * 1_234_567)], language=language.value)

    whole = f"{letter.subject}\n{letter.text}"
    assert [word for word in words if word not in whole] == []
    assert "report.pdf" in letter.text
    assert "None" not in whole


def test_dossier_shows_what_is_entered_as_text() -> None:
    letter = OFFICE.dossier(claim_file(DATA), [file_of(b"x", name="<x>.pdf")], language="it")

    assert "<b>Rossi & C.</b>" in letter.text
    assert "&lt;b&gt;Rossi &amp; C.&lt;/b&gt;" in letter.html
    assert "<b>" not in letter.html
    assert "&lt;x&gt;.pdf" in letter.html


def test_dossier_says_what_the_person_wrote_instead_of_the_greeting() -> None:
    letter = OFFICE.dossier(
        claim_file({}), [], language="en", subject="Urgent", text="Please <hurry>.\nThanks"
    )

    assert letter.subject == "Urgent"
    assert "Please <hurry>.\nThanks" in letter.text
    assert "Please &lt;hurry&gt;.<br>Thanks" in letter.html
    assert "Dear" not in letter.text


def test_reminder_names_file_client_and_documents() -> None:
    letter = OFFICE.reminder(ANNA, ["Mandat", "Devis <A>"], language=Language.FRENCH)

    assert letter.subject == "Documents manquants pour votre dossier 2026/1"
    assert letter.text.startswith("Bonjour Anna,\n\nPour poursuivre")
    assert "1-ABC-234" in letter.text
    assert "- Mandat\n- Devis <A>\n" in letter.text
    assert "- Devis &lt;A&gt;" in letter.html
    assert letter.text.endswith("Cordialement\nGarage Leroy\n")


def test_status_mail_names_known_states_and_keeps_unknown_words() -> None:
    known = OFFICE.status_change(ANNA, "partly_refunded", language=Language.ITALIAN)
    unknown = OFFICE.status_change(ANNA, "in_valutazione", language=Language.ITALIAN)

    assert known.subject == "La Sua pratica 2026/1: rimborsata in parte"
    assert "in valutazione" in unknown.text
    assert set(STATES.values()) <= set(WORDS)


def test_what_a_person_wrote_becomes_paragraphs() -> None:
    letter = OFFICE.edited("A\r\nB", "One <1>\nTwo\n\nThree\n")

    assert letter.subject == "A B"
    assert letter.text == "One <1>\nTwo\n\nThree\n"
    assert "<p>One &lt;1&gt;<br>Two</p>\n<p>Three</p>" in letter.html
