"""From the portal's pages of statuses to what happened to claim files; pure.

Rows are decoded one by one, so that a bad one is set aside with its bytes while the others go on.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from syncer.sdk import (
    ClaimRef,
    ClaimUpdate,
    Event,
    PayloadError,
    UnknownItem,
    Unreadable,
    instant_key,
    parse_instant,
)
from syncer_restart import wire
from syncer_restart.cursor import Seen

_PAGE = msgspec.json.Decoder(wire.WireStatuses)
_ROW = msgspec.json.Decoder(wire.WireStatus)
_ANY = msgspec.json.Decoder()
_JUNK = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_ESCAPED_NUL = b"\\u0000"
_MOST_BRACKETS = 64
_LONGEST_REF = 255


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """The rows of a page, sorted by what could be made of them.

    A row with a status that we have no word for is among ``updates`` and counted as ``unknown``.
    """

    seen: list[Seen] = field(default_factory=list)
    updates: list[ClaimUpdate] = field(default_factory=list)
    unreadable: list[Unreadable] = field(default_factory=list)
    unknown: list[UnknownItem] = field(default_factory=list)


def read_page(body: bytes) -> wire.WireStatuses:
    """Read a page of statuses; its rows stay bytes.

    Raises:
        PayloadError: the page itself is not what the contract says.
    """
    try:
        page = _PAGE.decode(body)
    except _JUNK as error:
        raise _fault(error) from None
    if len(page.claims) > wire.MOST_ITEMS:
        raise PayloadError(f"holds more than {wire.MOST_ITEMS} rows", path="denunce")
    return page


def read_rows(claims: Iterable[msgspec.Raw]) -> Rows:
    """Map the rows of a page."""
    rows = Rows()
    for claim in claims:
        raw = bytes(claim)
        try:
            row, update = _map(raw)
        except PayloadError as error:
            rows.unreadable.append(_set_aside(raw, str(error)))
            continue
        rows.seen.append(Seen(number=row.number, since=row.since))
        rows.updates.append(update)
        if row.status not in wire.STATES:
            kind = f"status {row.status}"
            rows.unknown.append(UnknownItem(type=kind, partner_ref=row.number, raw=raw))
    return rows


def _map(raw: bytes) -> tuple[wire.WireStatus, ClaimUpdate]:
    if _ESCAPED_NUL in raw:
        raise PayloadError("holds a NUL character")
    if raw.count(b"{") + raw.count(b"[") > _MOST_BRACKETS:
        raise PayloadError("is nested too deeply")
    try:
        row, members = _ROW.decode(raw), _ANY.decode(raw)
    except _JUNK as error:
        raise _fault(error) from None
    return row, _update(row, members)


def _update(row: wire.WireStatus, members: Mapping[str, Any]) -> ClaimUpdate:
    try:
        at, moment = parse_instant(row.since), instant_key(row.since)
    except (ValueError, OverflowError):
        raise PayloadError("is no instant with an offset", path="statoDal") from None
    event = Event(
        name=row.status,
        key=f"status:{_digest(row.number, row.status, moment)}",
        at=at,
        note=f"{row.refunded} {row.currency or ''}".strip() if row.refunded else None,
        data={"status": row.status, "moment": moment},
    )
    return ClaimUpdate(
        claim=ClaimRef(partner_ref=row.number, reference=row.reference or None),
        at=at,
        events=[event],
        data=_data(row, members),
    )


def _digest(*texts: str) -> str:
    """Give what is the same for the same texts only, short enough for a key."""
    return hashlib.sha256(msgspec.json.encode(texts)).hexdigest()


def _data(row: wire.WireStatus, members: Mapping[str, Any]) -> dict[str, Any]:
    """Give what the row says: the centre, and under ``extra`` all that has no place elsewhere."""
    data: dict[str, Any] = {
        "extra": {
            name: value
            for name, value in members.items()
            if name not in wire.PLACED_NAMES and value is not None
        }
    }
    if row.centre is not None:
        data["centre"] = {"vat_number": row.centre.vat_number, "name": row.centre.name}
    return data


# -- what is wrong with a row ---------------------------------------------------------------------


def _fault(error: Exception) -> PayloadError:
    if isinstance(error, RecursionError):
        return PayloadError("is nested too deeply")
    if isinstance(error, UnicodeDecodeError):
        return PayloadError("is not UTF-8")
    text, _, path = str(error).replace("`", "").partition(" - at $")
    return PayloadError(text, path=path.strip("."))


def _set_aside(raw: bytes, reason: str) -> Unreadable:
    return Unreadable(kind=None, partner_ref=_number_of(raw), reason=reason, raw=raw)


def _number_of(raw: bytes) -> str | None:
    """Say which claim an unreadable row is of, as far as even that can be read."""
    try:
        row = _ANY.decode(raw)
    except _JUNK:
        return None
    number = row.get("numeroDenuncia") if isinstance(row, dict) else None
    if not isinstance(number, str) or not 0 < len(number) <= _LONGEST_REF:
        return None
    return number if number.isprintable() else None
