"""From messages to records and confirmations, and what a record does to its claim file; pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from syncer.sdk import (
    ClaimRef,
    Confirmation,
    Event,
    Insurer,
    Kind,
    PayloadError,
    Record,
    Surveyor,
    Totals,
    UnknownItem,
    Vehicle,
    parse_xml,
)
from syncer_darva import wire
from syncer_darva.message import InvoiceLine, Message, insurer_of, joined

KIND_OF_TYPE = {
    wire.NOTICE: Kind.NOTICE,
    wire.FOLLOW_UP: Kind.FOLLOW_UP,
    wire.PAYMENT_NOTICE: Kind.PAYMENT_NOTICE,
}

Mapped = Record | Confirmation | UnknownItem

_KNOWN = {
    "": {"id", "sentAt", wire.TO, wire.FROM, wire.EXPERT},
    wire.CLAIM: {"number"},
    wire.VEHICLE: {"plate", "vin", "make", "model"},
    wire.INVOICE_LINE: {"net", "vat", "gross", "currency"},
}
"""What has a place of its own in a record; all else stays under ``extra`` where it stood."""


def map_message(message: Message, raw: bytes) -> Mapped:
    """Say what a message is to us; one of a type that is not known is kept raw.

    Raises:
        PayloadError: what it is known by is too long.
    """
    if message.receipt is not None:
        return Confirmation(
            delivery_id=message.receipt.ref,
            is_accepted=message.receipt.is_accepted,
            at=message.sent_at,
            order=message.seq,
            reason=message.receipt.reason or message.label,
            raw=message.fields,
            partner_ref=message.identity,
            revision=message.content,
            original=raw,
        )
    kind = KIND_OF_TYPE.get(message.type)
    if kind is None or message.claim_number is None:
        return UnknownItem(type=message.type, partner_ref=message.identity, raw=raw)
    return _record(kind, message, message.claim_number)


def _record(kind: Kind, message: Message, claim_number: str) -> Record:
    return Record(
        kind=kind,
        partner_ref=message.identity,
        revision=message.content,
        status=" ".join(filter(None, (message.type, message.code))),
        status_changed_at=message.sent_at,
        number=_number(message),
        claim=claim_ref(message.insurer, claim_number),
        vehicle=_vehicle(message.vehicle) if message.vehicle else None,
        insurer=Insurer(name=message.insurer, claim_number=claim_number),
        surveyor=Surveyor(name=message.expert) if message.expert else None,
        totals=_totals(message.invoice) if message.invoice else None,
        extra=_extra(message),
    )


def claim_ref(insurer: str, claim_number: str) -> ClaimRef:
    """Name a claim file: it is known by insurer and claim number, within its link.

    Raises:
        PayloadError: both together are too long to be known by.
    """
    return ClaimRef(
        partner_ref=joined(insurer, claim_number),
        reference=claim_number,
        claim_number=claim_number,
        claim_type=wire.CLAIM_TYPE,
    )


def events_of(record: Record) -> list[Event]:
    """Say what a message does to the life of its claim file: itself, in order of its ``seq``."""
    extra = record.extra
    claim, repairer = _nested(extra, wire.CLAIM), _nested(extra, wire.REPAIRER)
    label = _label(extra)
    return [
        Event(
            name=record.status,
            key=record.partner_ref,
            at=record.status_changed_at,
            order=extra["seq"],
            note=label,
            data={
                "type": extra["type"],
                "code": extra.get("code"),
                "label": label,
                "notice": claim.get("notice"),
                "revises": claim.get("revises"),
                "is_unassigned": record.surveyor is None or not repairer.get("name", "").strip(),
            },
        )
    ]


def claim_data(record: Record) -> Mapping[str, Any]:
    """Give what a message says of its claim, in the shape of a claim file's ``data``."""
    insurer, vehicle = record.insurer or Insurer(), record.vehicle or Vehicle()
    code = insurer_of(record.partner_ref)
    return {
        "insurer": {"code": code, "claim_number": insurer.claim_number},
        "vehicle": {
            "plate": vehicle.plate,
            "vin": vehicle.vin,
            "make": vehicle.make,
            "model": vehicle.model,
        },
    }


def _nested(extra: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = extra.get(name)
    return value if isinstance(value, dict) else {}


def _label(extra: Mapping[str, Any]) -> str | None:
    label = extra.get(wire.LABEL)
    return label.strip() or None if isinstance(label, str) else None


def _number(message: Message) -> str | None:
    if message.type == wire.NOTICE:
        return message.notice
    return message.invoice.number if message.invoice else None


def _vehicle(given: Mapping[str, str]) -> Vehicle:
    return Vehicle(
        plate=given.get("plate"),
        vin=given.get("vin"),
        make=given.get("make"),
        model=given.get("model"),
    )


def _totals(invoice: InvoiceLine) -> Totals:
    return Totals(net=invoice.net, vat=invoice.vat, gross=invoice.gross)


def _extra(message: Message) -> dict[str, Any]:
    extra = _without(message.fields, _KNOWN[""])
    for name, known in _KNOWN.items():
        if isinstance(extra.get(name), dict):
            extra[name] = _without(extra[name], known)
    kept = {name: value for name, value in extra.items() if value not in ({}, "")}
    return kept | {"seq": message.seq}


def _without(values: Mapping[str, Any], names: set[str]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name not in names}


def identify(raw: bytes) -> tuple[Kind | None, str | None]:
    """Say which message an unreadable one is, as far as even that can be read."""
    try:
        root = parse_xml(raw)
        origin = root.child(wire.FROM)
        insurer = origin.attributes.get("insurer", "").strip() if origin else ""
        id_ = root.attributes.get("id", "").strip()
        ref = joined(insurer, id_) if insurer and id_ else None
    except PayloadError:
        return None, None
    return KIND_OF_TYPE.get(root.attributes.get("type", "")), ref


def require_addressee(message: Message, subscriber: str, station: str) -> None:
    """Refuse a message to another mailbox; leading zeros do not count.

    Raises:
        PayloadError: it is addressed to somebody else.
    """
    ours = (subscriber.lstrip("0"), station.lstrip("0"))
    if (message.subscriber.lstrip("0"), message.station.lstrip("0")) != ours:
        raise PayloadError("names another mailbox than the one it came to", path=wire.TO)
