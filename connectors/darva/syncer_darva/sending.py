"""What can be sent, and the messages that it becomes; pure.

A message is built from nothing but the delivery, so that a repeat has the same bytes.
"""

from __future__ import annotations

from datetime import UTC, date
from decimal import Decimal
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from syncer.sdk import (
    Delivery,
    Event,
    FieldError,
    InvalidError,
    LostAnswer,
    Operation,
    Payload,
    PayloadError,
    Receipt,
    TransitionRefusedError,
    XmlElement,
    write_xml,
)
from syncer_darva import wire
from syncer_darva.lifecycle import LINKED, NONE, WHERE, confirmed_event_name
from syncer_darva.message import insurer_of, number_of

_LONGEST_TEXT = 4_000
_FORBIDDEN = {*map(chr, range(32)), "\x7f", "\ufffe", "\uffff"}


def _can_be_sent(text: str) -> str:
    if not text.strip():
        raise ValueError("must not be blank")
    if _FORBIDDEN.intersection(text):
        raise ValueError("must not hold control characters")
    return text


def _can_be_sent_in_lines(text: str) -> str:
    _can_be_sent(text.replace("\n", " "))
    return text


Word = Annotated[str, Field(min_length=1, max_length=64), AfterValidator(_can_be_sent)]


class Amount(Payload):
    """An amount of money; it leaves with two places."""

    amount: str = Field(pattern=r"^[0-9]{1,12}(\.[0-9]{1,2})?$", examples=["1240.50"])
    currency: str = Field(pattern=r"^[A-Z]{3}$", examples=["EUR"])


class OpeningPayload(Payload):
    """A request to the insurer to open a claim with us; the notice is its answer."""

    claim_number: Word
    insurer: Word


class InvoicePayload(Payload):
    """An invoice or a cover voucher."""

    number: Word
    date: date
    net: Amount
    vat: Amount
    gross: Amount
    text: (
        Annotated[
            str,
            Field(min_length=1, max_length=_LONGEST_TEXT),
            AfterValidator(_can_be_sent_in_lines),
        ]
        | None
    ) = None


OPENING_REQUEST = Operation(
    name="opening_request",
    title="Request to open a claim (DO)",
    payload=OpeningPayload,
    lost_answer=LostAnswer.KEY,
    makes_claim_file=True,
)
INVOICE = Operation(
    name="invoice", title="Invoice (FA)", payload=InvoicePayload, lost_answer=LostAnswer.KEY
)
COVER_VOUCHER = Operation(
    name="cover_voucher",
    title="Cover voucher (BDG)",
    payload=InvoicePayload,
    lost_answer=LostAnswer.KEY,
)
OPERATIONS = (OPENING_REQUEST, INVOICE, COVER_VOUCHER)
_TYPES = {
    OPENING_REQUEST.name: wire.OPENING_REQUEST,
    INVOICE.name: wire.INVOICE,
    COVER_VOUCHER.name: wire.COVER_VOUCHER,
}


def validate(delivery: Delivery[Any]) -> None:
    """Check what the claim file allows, and that the amounts are of one currency.

    Raises:
        TransitionRefusedError: the claim file stands where this cannot be sent.
        InvalidError: the amounts are of different currencies.
    """
    state = delivery.claim_file.standing.state if delivery.claim_file else None
    if delivery.operation.name == OPENING_REQUEST.name:
        if state not in {None, NONE}:
            text = f"An opening request is for a claim without a file, and this one has: {state}."
            raise TransitionRefusedError(text)
        return
    if state != LINKED:
        where = WHERE[state or NONE]
        raise TransitionRefusedError(f"This can be sent from a linked claim file only: {where}.")
    _require_one_currency(delivery.payload)


def _require_one_currency(payload: InvoicePayload) -> None:
    amounts = {"net": payload.net, "vat": payload.vat, "gross": payload.gross}
    errors = [
        FieldError(pointer=f"/payload/{name}/currency", message="must be that of the net amount")
        for name, amount in amounts.items()
        if amount.currency != payload.net.currency
    ]
    if errors:
        raise InvalidError("All amounts must be of one currency.", errors)


def message_of(delivery: Delivery[Any], *, subscriber: str, station: str) -> bytes:
    """Write the message of a delivery.

    Raises:
        PayloadError: the claim file was not made by a message of an insurer.
    """
    payload = delivery.payload
    if isinstance(payload, OpeningPayload):
        insurer, claim = payload.insurer, {"number": payload.claim_number}
    else:
        insurer, claim = _addressed(delivery)
    type_ = _TYPES[delivery.operation.name]
    children = [
        _element(wire.FROM, subscriber=subscriber, station=station),
        _element(wire.TO, insurer=insurer),
        XmlElement(name=wire.CLAIM, attributes=claim),
    ]
    if isinstance(payload, InvoicePayload):
        children.append(_invoice_line(payload))
    children.append(XmlElement(name=wire.LABEL, text=wire.LABELS[type_]))
    if isinstance(payload, InvoicePayload) and payload.text:
        children.append(XmlElement(name=wire.TEXT, text=payload.text))
    sent_at = delivery.accepted_at.astimezone(UTC).isoformat(timespec="seconds")
    attributes = {"type": type_, "id": delivery.id, "sentAt": sent_at}
    return write_xml(XmlElement(name=wire.MESSAGE, attributes=attributes, children=children))


def _addressed(delivery: Delivery[Any]) -> tuple[str, dict[str, str]]:
    """Give the insurer of the file's messages, and how they name the claim."""
    file = delivery.claim_file
    if file is None or not file.partner_ref:
        raise PayloadError("the claim file has no insurer and claim number of the network's")
    claim = {"number": number_of(file.partner_ref)}
    if notice := file.standing.facts.get("notice"):
        claim["notice"] = notice
    return insurer_of(file.partner_ref), claim


def _invoice_line(payload: InvoicePayload) -> XmlElement:
    return _element(
        wire.INVOICE_LINE,
        number=payload.number,
        net=_two_places(payload.net),
        vat=_two_places(payload.vat),
        gross=_two_places(payload.gross),
        currency=payload.net.currency,
        date=payload.date.isoformat(),
    )


def _two_places(amount: Amount) -> str:
    return f"{Decimal(amount.amount):.2f}"


def _element(name: str, **attributes: str) -> XmlElement:
    return XmlElement(name=name, attributes=attributes)


def confirmed(delivery: Delivery[Any], receipt: Receipt) -> list[Event]:
    """Say what the receipt of a delivery does to its claim file's life."""
    type_ = _TYPES[delivery.operation.name]
    return [
        Event(
            name=confirmed_event_name(type_),
            key=f"confirmed {delivery.id}",
            at=receipt.at or delivery.accepted_at,
            data={"type": type_},
        )
    ]
