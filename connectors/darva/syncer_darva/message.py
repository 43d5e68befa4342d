"""A message of the networks, read and written; pure."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import quote, unquote

from syncer.sdk import Money, PayloadError, XmlElement, parse_instant, parse_xml
from syncer_darva import wire

_SEQ = re.compile(r"[0-9]{1,18}")
_SEQ_OF_HEAD = re.compile(rb"""<message\s[^>]*?\bseq\s*=\s*["']([0-9]{1,18})["']""")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T")
_AMOUNT = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,6})?")
_CURRENCY = re.compile(r"[A-Z]{3}")
_LONGEST_KEY = 255


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceLine:
    """An invoice as a message names it; ``number`` and ``date`` may be missing in inbound ones."""

    number: str | None
    net: Money | None
    vat: Money | None
    gross: Money | None
    date: date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptLine:
    """What a receipt says of the message ``ref`` of ours."""

    ref: str
    is_accepted: bool
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """An inbound message.

    ``content`` is the same for the same content, whatever its ``seq``, its encoding and the white
    space between its elements. ``month`` is that of ``sentAt`` as it is written. ``fields`` is all
    of it as nested JSON values with the partner's names.
    """

    type: str
    code: str | None
    id: str
    seq: int
    sent_at: datetime
    month: str
    insurer: str
    subscriber: str
    station: str
    claim_number: str | None
    notice: str | None = None
    revises: str | None = None
    receipt: ReceiptLine | None = None
    vehicle: Mapping[str, str] = field(default_factory=dict)
    repairer: str | None = None
    expert: str | None = None
    invoice: InvoiceLine | None = None
    label: str | None = None
    content: str
    fields: Mapping[str, Any] = field(default_factory=dict)

    @property
    def identity(self) -> str:
        """What the message is known by: its insurer and its id."""
        return joined(self.insurer, self.id)


def joined(insurer: str, of_insurer: str) -> str:
    """Make one text of an insurer and something that only this insurer numbers.

    Raises:
        PayloadError: it is too long to be known by.
    """
    text = f"{quote(insurer, safe=' ')}:{of_insurer}"
    if len(text) > _LONGEST_KEY:
        raise PayloadError(f"insurer and number are longer than {_LONGEST_KEY} characters")
    return text


def insurer_of(text: str) -> str:
    """Give the insurer of a joined text."""
    return unquote(text.partition(":")[0])


def number_of(text: str) -> str:
    """Give what stands beside the insurer in a joined text."""
    return text.partition(":")[2]


def seq_of(head: bytes) -> int:
    """Read the place of a message off its first bytes; 0 when it cannot be read."""
    found = _SEQ_OF_HEAD.search(head)
    return int(found[1]) if found else 0


def read_message(content: bytes) -> Message:
    """Read an inbound message.

    Raises:
        PayloadError: it is none, or lacks what every message of its type has; names the field.
    """
    root = parse_xml(content)
    try:
        return _message(root)
    except PayloadError as error:
        raise PayloadError(str(error), raw=content) from None


def _message(root: XmlElement) -> Message:
    if root.name != wire.MESSAGE:
        raise PayloadError(f"the document is no <{wire.MESSAGE}>")
    type_, code = _needed(root, "type"), _given(root, "code")
    if type_ == wire.FOLLOW_UP and code is None:
        raise PayloadError("is needed on a follow-up", path="code")
    sent_at = _needed(root, "sentAt")
    origin, target, claim = _child(root, wire.FROM), _child(root, wire.TO), root.child(wire.CLAIM)
    if claim is None and type_ in wire.ABOUT_A_CLAIM:
        raise PayloadError("is needed", path=wire.CLAIM)
    invoice, label = root.child(wire.INVOICE_LINE), root.child(wire.LABEL)
    return Message(
        type=type_,
        code=code,
        id=_needed(root, "id"),
        seq=_seq(root),
        sent_at=_instant(sent_at, "sentAt"),
        month=sent_at[: len("2026-03")],
        insurer=_needed(origin, "insurer"),
        subscriber=_needed(target, "subscriber"),
        station=_needed(target, "station"),
        claim_number=_claim_number(claim, type_) if claim else None,
        notice=_notice(claim, type_) if claim else None,
        revises=_given(claim, "revises") if claim else None,
        receipt=_receipt(_child(root, wire.RECEIPT_LINE)) if type_ == wire.RECEIPT else None,
        vehicle=_attributes(root.child(wire.VEHICLE)),
        repairer=_name_of(root.child(wire.REPAIRER)),
        expert=_name_of(root.child(wire.EXPERT)),
        invoice=_invoice(invoice) if invoice else None,
        label=(label.text.strip() or None) if label else None,
        content=_digest(root),
        fields=root.as_values(),
    )


# -- parts ----------------------------------------------------------------------------------------


def _child(element: XmlElement, name: str) -> XmlElement:
    child = element.child(name)
    if child is None:
        raise PayloadError("is needed", path=name)
    return child


def _given(element: XmlElement, name: str) -> str | None:
    value = element.attributes.get(name)
    return value if value and value.strip() else None


def _needed(element: XmlElement, name: str) -> str:
    value = _given(element, name)
    if value is None:
        path = name if element.name == wire.MESSAGE else f"{element.name}.{name}"
        raise PayloadError("is needed", path=path)
    return value


def _attributes(element: XmlElement | None) -> Mapping[str, str]:
    return {} if element is None else {k: v for k, v in element.attributes.items() if v.strip()}


def _name_of(element: XmlElement | None) -> str | None:
    return None if element is None else _given(element, "name")


def _seq(root: XmlElement) -> int:
    text = _needed(root, "seq")
    if not _SEQ.fullmatch(text):
        raise PayloadError("is no whole number", path="seq")
    return int(text)


def _claim_number(claim: XmlElement, type_: str) -> str | None:
    return _needed(claim, "number") if type_ in wire.ABOUT_A_CLAIM else _given(claim, "number")


def _notice(claim: XmlElement, type_: str) -> str | None:
    return _needed(claim, "notice") if type_ == wire.NOTICE else _given(claim, "notice")


def _receipt(line: XmlElement) -> ReceiptLine:
    result = _needed(line, "result")
    if result not in {wire.ACCEPTED, wire.REJECTED}:
        text = f"must be {wire.ACCEPTED} or {wire.REJECTED}"
        raise PayloadError(text, path=f"{wire.RECEIPT_LINE}.result")
    return ReceiptLine(
        ref=_needed(line, "ref"),
        is_accepted=result == wire.ACCEPTED,
        reason=_given(line, "reason"),
    )


def _invoice(line: XmlElement) -> InvoiceLine:
    currency = _given(line, "currency") or wire.CURRENCY_WHEN_ABSENT
    if not _CURRENCY.fullmatch(currency):
        raise PayloadError("is no currency", path=f"{wire.INVOICE_LINE}.currency")
    day = _given(line, "date")
    return InvoiceLine(
        number=_given(line, "number"),
        net=_money(line, "net", currency),
        vat=_money(line, "vat", currency),
        gross=_money(line, "gross", currency),
        date=_date(day) if day else None,
    )


def _money(line: XmlElement, name: str, currency: str) -> Money | None:
    text = _given(line, name)
    if text is None:
        return None
    if not _AMOUNT.fullmatch(text):
        raise PayloadError("is no amount", path=f"{wire.INVOICE_LINE}.{name}")
    return Money(amount=Decimal(text), currency=currency)


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise PayloadError("is no date", path=f"{wire.INVOICE_LINE}.date") from None


def _instant(text: str, path: str) -> datetime:
    try:
        if _DAY.match(text):
            return parse_instant(text)
    except (ValueError, OverflowError):
        pass
    raise PayloadError("is no instant with an offset", path=path)


# -- the whole ------------------------------------------------------------------------------------


def _digest(root: XmlElement) -> str:
    content = XmlElement(
        name=root.name,
        attributes={name: value for name, value in root.attributes.items() if name != "seq"},
        text=root.text,
        children=root.children,
    )
    text = json.dumps(_listed(content), ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _listed(element: XmlElement) -> list[Any]:
    below = [_listed(child) for child in element.children]
    return [element.name, sorted(element.attributes.items()), element.text, below]
