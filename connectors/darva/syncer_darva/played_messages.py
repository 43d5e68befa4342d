"""Messages as the networks write and read them: inbound ones to the letter, ours strictly."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape

from syncer.sdk import PayloadError, XmlElement, parse_xml

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_AMOUNT = re.compile(r"[0-9]+\.[0-9]{2}")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_INSTANT = re.compile(r"[0-9-]{10}T[0-9:]{8}(\.[0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2})")
_INVOICE = ("number", "net", "vat", "gross", "currency", "date")
_WITH_INVOICE = {"FA", "BDG"}


class UnreadableMessageError(Exception):
    """A message of ours that is not what the contract says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A message of ours, as the network understood it."""

    type: str
    id: str
    subscriber: str
    station: str
    insurer: str
    claim_number: str
    invoice: dict[str, str]
    text: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """An inbound message before it has its place in a mailbox."""

    type: str
    id: str
    claim: str
    insurer: str = "DEMO"
    code: str | None = None
    notice: str | None = None
    revises: str | None = None
    receipt: tuple[str, str, str | None] | None = None
    plate: str | None = "AB-123-CD"
    repairer: str | None = "Carrosserie Demo"
    expert: str | None = "Cabinet Demo"
    invoice: str | None = None
    label: str | None = None
    text: str | None = None
    encoding: str = "UTF-8"

    def written(self, *, seq: int, sent_at: datetime, subscriber: str, station: str) -> bytes:
        """Write it for a mailbox, in the order of the contract."""
        lines = [
            _tag("from", insurer=self.insurer),
            _tag("to", subscriber=subscriber, station=station),
            _tag("claim", number=self.claim, notice=self.notice, revises=self.revises),
            *self._optional_lines(),
        ]
        head = _tag(
            "message",
            type=self.type,
            code=self.code,
            id=self.id,
            seq=str(seq),
            sentAt=sent_at.isoformat(timespec="seconds"),
        ).replace("/>", ">")
        body = "".join(f"  {line}\n" for line in lines)
        declaration = f'<?xml version="1.0" encoding="{self.encoding}"?>\n'
        return f"{declaration}{head}\n{body}</message>\n".encode(self.encoding)

    def _optional_lines(self) -> list[str]:
        lines = []
        if self.receipt:
            ref, result, reason = self.receipt
            lines.append(_tag("receipt", ref=ref, result=result, reason=reason))
        if self.plate:
            lines.append(_tag("vehicle", plate=self.plate, make="Renault", model="Mégane"))
        lines += [_tag("repairer", name=self.repairer)] if self.repairer else []
        lines += [_tag("expert", name=self.expert)] if self.expert else []
        lines += [self.invoice] if self.invoice else []
        texts = {"label": self.label or self.type, "text": self.text}
        return lines + [f"<{n}>{escape(t)}</{n}>" for n, t in texts.items() if t]


def invoice_line(number: str, gross: str = "1488.60") -> str:
    """Write an invoice line."""
    return _tag(
        "invoice",
        number=number,
        net="1240.50",
        vat="248.10",
        gross=gross,
        currency="EUR",
        date="2026-03-01",
    )


def _tag(tag: str, /, **attributes: str | None) -> str:
    given = "".join(
        f' {key}="{escape(value)}"' for key, value in attributes.items() if value is not None
    )
    return f"<{tag}{given}/>"


# -- what we send ---------------------------------------------------------------------------------


def read_sent(raw: bytes) -> Sent:
    """Read a message of ours, as strictly as the contract is.

    Raises:
        UnreadableMessageError: saying what is not as it must be.
    """
    try:
        root = parse_xml(raw)
    except PayloadError as error:
        raise UnreadableMessageError(str(error)) from None
    type_ = root.attributes.get("type", "")
    _require(root.name == "message", "is no message")
    _require(type_ in {"DO", "FA", "BDG"}, "is of a type that is not sent")
    _require(set(root.attributes) == {"type", "id", "sentAt"}, "has other attributes")
    _require(_ID.fullmatch(root.attributes["id"]), "has an id of another form")
    _require(_INSTANT.fullmatch(root.attributes["sentAt"]), "has an instant of another form")
    parts = _parts(root.children, type_)
    return Sent(
        type=type_,
        id=root.attributes["id"],
        subscriber=parts["from"].attributes["subscriber"],
        station=parts["from"].attributes["station"],
        insurer=parts["to"].attributes["insurer"],
        claim_number=parts["claim"].attributes["number"],
        invoice=dict(parts["invoice"].attributes) if "invoice" in parts else {},
        text=parts["text"].text if "text" in parts else None,
    )


def _parts(children: Sequence[XmlElement], type_: str) -> dict[str, XmlElement]:
    names = [child.name for child in children]
    wanted = ["from", "to", "claim", *(["invoice"] if type_ in _WITH_INVOICE else []), "label"]
    optional = [*wanted, "text"]
    _require(names == wanted or (type_ in _WITH_INVOICE and names == optional), "has other parts")
    parts = dict(zip(names, children, strict=True))
    _require(set(parts["from"].attributes) == {"subscriber", "station"}, "comes from nowhere")
    _require(set(parts["to"].attributes) == {"insurer"}, "goes nowhere")
    claim = set(parts["claim"].attributes)
    _require(claim == {"number"} or (type_ != "DO" and claim == {"number", "notice"}), "no claim")
    _require(parts["label"].text.strip(), "has no label")
    if "invoice" in parts:
        _require_invoice(parts["invoice"].attributes)
    return parts


def _require_invoice(given: object) -> None:
    assert isinstance(given, dict)
    _require(tuple(given) == _INVOICE, "has another invoice")
    _require(all(_AMOUNT.fullmatch(given[n]) for n in ("net", "vat", "gross")), "odd amounts")
    _require(_DATE.fullmatch(given["date"]), "has a date of another form")


def _require(holds: object, what: str) -> None:
    if not holds:
        raise UnreadableMessageError(f"The message {what}.")
