"""Messages in and out: what is read, what is kept beside it, what is refused, what is written."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from syncer_darva.mapping import claim_data, events_of, identify, map_message
from syncer_darva.message import insurer_of, joined, number_of, read_message, seq_of
from syncer_darva.played_messages import Draft, invoice_line, read_sent
from syncer_darva.sending import OPERATIONS, confirmed, message_of, validate

from syncer.domain.claim_files import ClaimFile, Origin
from syncer.domain.links import LinkKey
from syncer.sdk import (
    ClaimRef,
    Confirmation,
    Delivery,
    InvalidError,
    Kind,
    Money,
    PayloadError,
    Receipt,
    Record,
    Standing,
    Totals,
    TransitionRefusedError,
    UnknownItem,
    Vehicle,
)

AT = datetime(2026, 3, 2, 7, 1, tzinfo=UTC)
FOLLOW_UP = b"""<?xml version="1.0" encoding="UTF-8"?>
<message type="SD" code="36" id="20260302-000417" seq="417" sentAt="2026-03-02T08:01:00+01:00">
  <from insurer="DEMO"/>
  <to subscriber="012345" station="01"/>
  <claim number="2026SIN00123" notice="AS-7781"/>
  <vehicle plate="AB-123-CD" vin="VF1RFB00X56789012" make="Renault" model="Megane" colour="red"/>
  <repairer name="Carrosserie Demo"/>
  <expert name="Cabinet Demo"/>
  <invoice number="F2026-118" net="1240.50" vat="248.10" gross="1488.60" currency="EUR"
    date="2026-03-01"/>
  <label>Validation de facture</label>
  <text>Facture F2026-118 validee</text>
</message>
"""
OPERATION = {operation.name: operation for operation in OPERATIONS}
INVOICE: dict[str, Any] = {
    "number": "F2026-118",
    "date": "2026-03-01",
    "net": {"amount": "1240.5", "currency": "EUR"},
    "vat": {"amount": "248.10", "currency": "EUR"},
    "gross": {"amount": "1488", "currency": "EUR"},
}


def record_of(raw: bytes) -> Record:
    mapped = map_message(read_message(raw), raw)
    assert isinstance(mapped, Record)
    return mapped


def draft(type_: str = "SD", **more: Any) -> bytes:
    made = Draft(type=type_, **{"id": "M-1", "claim": "2026SIN00123", **more})
    return made.written(seq=1, sent_at=AT, subscriber="012345", station="01")


# -- in -------------------------------------------------------------------------------------------


def test_a_follow_up_is_read_whole() -> None:
    record = record_of(FOLLOW_UP)

    assert record.kind is Kind.FOLLOW_UP
    assert record.partner_ref == "DEMO:20260302-000417"
    assert (record.status, record.number) == ("SD 36", "F2026-118")
    assert record.status_changed_at == AT
    assert record.claim == ClaimRef(
        partner_ref="DEMO:2026SIN00123",
        reference="2026SIN00123",
        claim_number="2026SIN00123",
        claim_type="motor",
    )
    assert record.vehicle == Vehicle(
        plate="AB-123-CD", vin="VF1RFB00X56789012", make="Renault", model="Megane"
    )
    assert record.surveyor is not None
    assert record.surveyor.name == "Cabinet Demo"
    assert record.totals == Totals(
        net=Money(amount=Decimal("1240.50"), currency="EUR"),
        vat=Money(amount=Decimal("248.10"), currency="EUR"),
        gross=Money(amount=Decimal("1488.60"), currency="EUR"),
    )
    assert record.extra == {
        "type": "SD",
        "code": "36",
        "seq": 417,
        "claim": {"notice": "AS-7781"},
        "vehicle": {"colour": "red"},
        "repairer": {"name": "Carrosserie Demo"},
        "invoice": {"number": "F2026-118", "date": "2026-03-01"},
        "label": "Validation de facture",
        "text": "Facture F2026-118 validee",
    }


@pytest.mark.parametrize(
    ("type_", "more", "kind", "status"),
    [
        ("AS", {"notice": "AS-1"}, Kind.NOTICE, "AS"),
        ("SD", {"code": "99"}, Kind.FOLLOW_UP, "SD 99"),
        ("SD", {"code": "X7"}, Kind.FOLLOW_UP, "SD X7"),
        ("AP", {}, Kind.PAYMENT_NOTICE, "AP"),
    ],
)
def test_every_kind_and_unknown_codes_are_kept_with_code_and_label(
    type_: str, more: dict[str, str], kind: Kind, status: str
) -> None:
    record = record_of(draft(type_, label="Un libellé", **more))

    assert (record.kind, record.status) == (kind, status)
    assert record.extra["label"] == "Un libellé"
    assert record.extra.get("code") == more.get("code")


def test_a_message_of_an_unknown_type_is_kept_raw() -> None:
    raw = draft("ZZ")

    assert map_message(read_message(raw), raw) == UnknownItem(
        type="ZZ", partner_ref="DEMO:M-1", raw=raw
    )


@pytest.mark.parametrize("claim", [b"", b"<claim/>"])
def test_a_message_of_an_unknown_type_need_not_be_about_a_claim(claim: bytes) -> None:
    raw = draft("ZZ").replace(b'<claim number="2026SIN00123"/>', claim)

    assert map_message(read_message(raw), raw) == UnknownItem(
        type="ZZ", partner_ref="DEMO:M-1", raw=raw
    )


@pytest.mark.parametrize("result", ["accepted", "rejected"])
def test_a_receipt_is_a_confirmation_of_what_we_sent(result: str) -> None:
    raw = draft("AR", receipt=("D-1", result, "doublon"))

    found = map_message(read_message(raw), raw)

    assert isinstance(found, Confirmation)
    assert (found.delivery_id, found.is_accepted) == ("D-1", result == "accepted")
    assert (found.reason, found.at) == ("doublon", AT)


def test_content_is_what_is_read_without_its_place_in_the_mailbox() -> None:
    again = FOLLOW_UP.replace(b'seq="417"', b'seq="981"').replace(b">\n  ", b">\n\t<!-- again -->")
    latin = FOLLOW_UP.replace(b"UTF-8", b"ISO-8859-1")
    other = FOLLOW_UP.replace(b"F2026-118 validee", b"F2026-119 validee")

    revision = record_of(FOLLOW_UP).revision

    assert record_of(again).revision == revision
    assert record_of(latin).revision == revision
    assert record_of(other).revision != revision


@pytest.mark.parametrize("encoding", ["UTF-8", "ISO-8859-1"])
def test_accents_are_read_in_both_encodings(encoding: str) -> None:
    record = record_of(draft(code="12", label="Complément", encoding=encoding))

    assert record.extra["label"] == "Complément"


def _without(part: bytes, by: bytes = b"") -> bytes:
    assert part in FOLLOW_UP
    return FOLLOW_UP.replace(part, by)


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (_without(b'id="20260302-000417" '), "id: is needed"),
        (_without(b'code="36" '), "code: is needed on a follow-up"),
        (_without(b'seq="417"'), "seq: is needed"),
        (_without(b'seq="417"', b'seq="4e2"'), "seq: is no whole number"),
        (_without(b"+01:00"), "sentAt: is no instant"),
        (_without(b"2026-03-02T", b"2026-W10-1T"), "sentAt: is no instant"),
        (_without(b'<from insurer="DEMO"/>'), "from: is needed"),
        (_without(b'insurer="DEMO"', b'insurer=" "'), "from.insurer: is needed"),
        (_without(b'<to subscriber="012345" station="01"/>'), "to: is needed"),
        (_without(b'number="2026SIN00123" '), "claim.number: is needed"),
        (_without(b'net="1240.50"', b'net="1,240"'), "invoice.net: is no amount"),
        (_without(b'"EUR"', b'"euro"'), "invoice.currency: is no currency"),
        (_without(b'date="2026-03-01"', b'date="1/3/26"'), "invoice.date: is no date"),
        (_without(b"<expert", b'<claim number="2"/><expert'), "claim: stands there more than"),
        (FOLLOW_UP.replace(b"message", b"mission"), "is no <message>"),
        (draft("AS"), "claim.notice: is needed"),
        (draft("AR"), "receipt: is needed"),
        (draft("AR", receipt=("D-1", "perhaps", None)), "receipt.result: must be accepted or"),
        (draft(code="1", insurer="x" * 255), "longer than 255"),
    ],
)
def test_what_is_missing_or_malformed_is_named(raw: bytes, words: str) -> None:
    with pytest.raises(PayloadError) as refused:
        record_of(raw)

    assert words in str(refused.value)
    assert refused.value.raw in {raw, b""}


def test_an_unreadable_message_is_still_identified() -> None:
    broken = _without(b'seq="417"')

    assert identify(broken) == (Kind.FOLLOW_UP, "DEMO:20260302-000417")
    assert identify(b"<message") == (None, None)


@given(st.text(min_size=1, max_size=20), st.text(max_size=20))
@settings(max_examples=50, database=None)
def test_insurer_and_number_are_told_apart_again(insurer: str, number: str) -> None:
    try:
        text = joined(insurer, number)
    except UnicodeEncodeError:  # a lone surrogate, which no XML holds
        return

    assert (insurer_of(text), number_of(text)) == (insurer, number)


def test_the_place_in_the_mailbox_is_read_off_the_first_bytes() -> None:
    assert seq_of(FOLLOW_UP[:200]) == 417
    assert seq_of(b"junk") == 0


def test_a_message_is_an_event_of_its_claim_file() -> None:
    [event] = events_of(record_of(FOLLOW_UP))

    assert (event.name, event.order, event.note) == ("SD 36", 417, "Validation de facture")
    assert event.key == "DEMO:20260302-000417"
    assert event.data["is_unassigned"] is False


@pytest.mark.parametrize("missing", ["repairer", "expert"])
def test_a_notice_without_repairer_or_expert_says_so(missing: str) -> None:
    [event] = events_of(record_of(draft("AS", notice="AS-1", **{missing: None})))

    assert event.data["is_unassigned"] is True


def test_a_message_gives_its_claim_the_insurer_and_the_vehicle() -> None:
    data = claim_data(record_of(FOLLOW_UP))

    assert data["insurer"] == {"code": "DEMO", "claim_number": "2026SIN00123"}
    assert data["vehicle"]["plate"] == "AB-123-CD"


# -- out ------------------------------------------------------------------------------------------


def delivery(
    operation: str = "invoice",
    payload: dict[str, Any] | None = None,
    *,
    state: str | None = "linked",
) -> Delivery[Any]:
    wanted = OPERATION[operation]
    file = ClaimFile(
        id="C-1",
        link=LinkKey("garage-7", "darva"),
        origin=Origin.PARTNER,
        reference="2026SIN00123",
        partner_ref="DEMO:2026SIN00123",
        claim_number="2026SIN00123",
        claim_type="motor",
        partner_data={},
        person_data={"insurer": {"code": "OTHER"}},
        person_set_at={},
        created_at=AT,
        updated_at=AT,
        standing=Standing(state=state, facts={"notice": "AS-7781"}),
    )
    return Delivery(
        id="0193-d1",
        key="k",
        operation=wanted,
        payload=wanted.payload.model_validate(payload or INVOICE, strict=False),
        claim_file=file if state else None,
        accepted_at=AT,
    )


def written(given: Delivery[Any]) -> bytes:
    return message_of(given, subscriber="012345", station="01")


@pytest.mark.parametrize(("operation", "type_"), [("invoice", "FA"), ("cover_voucher", "BDG")])
def test_an_invoice_leaves_to_the_insurer_of_the_file_with_two_places(
    operation: str, type_: str
) -> None:
    raw = written(delivery(operation, {**INVOICE, "text": "Franchise <100>\nà déduire"}))

    sent = read_sent(raw)
    assert (sent.type, sent.id, sent.insurer) == (type_, "0193-d1", "DEMO")
    assert (sent.claim_number, sent.text) == ("2026SIN00123", "Franchise <100>\nà déduire")
    assert sent.invoice == {
        "number": "F2026-118",
        "net": "1240.50",
        "vat": "248.10",
        "gross": "1488.00",
        "currency": "EUR",
        "date": "2026-03-01",
    }
    assert b"seq=" not in raw
    assert b"code=" not in raw


def test_an_opening_request_carries_the_claim_number_only() -> None:
    raw = written(
        delivery("opening_request", {"claim_number": "C & 1", "insurer": "DEMO"}, state=None)
    )

    sent = read_sent(raw)
    assert (sent.type, sent.claim_number, sent.insurer, sent.invoice) == ("DO", "C & 1", "DEMO", {})


def test_a_repeat_has_the_same_bytes() -> None:
    assert written(delivery()) == written(delivery())


@pytest.mark.parametrize("operation", ["invoice", "cover_voucher"])
@pytest.mark.parametrize(
    "state", ["none", "awaiting_notice", "unlinked", "sent", "awaiting_payment", "finished"]
)
def test_an_invoice_leaves_from_a_linked_file_only(operation: str, state: str) -> None:
    validate(delivery(operation))

    with pytest.raises(TransitionRefusedError, match="from a linked claim file only"):
        validate(delivery(operation, state=state))


def test_an_opening_request_is_for_a_claim_without_a_file() -> None:
    payload = {"claim_number": "2026SIN00123", "insurer": "DEMO"}
    validate(delivery("opening_request", payload, state=None))
    validate(delivery("opening_request", payload, state="none"))

    with pytest.raises(TransitionRefusedError, match="without a file"):
        validate(delivery("opening_request", payload, state="unlinked"))


def test_amounts_of_different_currencies_are_refused_by_field() -> None:
    mixed = {**INVOICE, "vat": {"amount": "248.10", "currency": "CHF"}}

    with pytest.raises(InvalidError) as refused:
        validate(delivery(payload=mixed))

    assert [error.pointer for error in refused.value.errors] == ["/payload/vat/currency"]


@pytest.mark.parametrize(
    "change",
    [
        {"number": ""},
        {"number": "F\x00"},
        {"number": "x" * 65},
        {"date": "1 March"},
        {"net": {"amount": "1.005", "currency": "EUR"}},
        {"net": {"amount": "-1.00", "currency": "EUR"}},
        {"net": {"amount": "1.00", "currency": "eur"}},
        {"text": "\x07"},
        {"label": "ours"},
    ],
)
def test_a_payload_that_cannot_be_sent_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        delivery(payload={**INVOICE, **change})


def test_a_confirmed_delivery_is_an_event_of_its_own() -> None:
    at = datetime(2026, 3, 2, 9, tzinfo=UTC)

    [event] = confirmed(delivery(), Receipt(at=at))

    assert (event.name, event.key, event.at) == ("FA confirmed", "confirmed 0193-d1", at)
    assert date(2026, 3, 2) == event.at.date()


def test_an_invoice_line_of_the_played_insurer_is_read() -> None:
    record = record_of(draft("AP", invoice=invoice_line("F-1", gross="10.00")))

    assert record.number == "F-1"
    assert record.totals is not None
    assert record.totals.gross == Money(amount=Decimal("10.00"), currency="EUR")
