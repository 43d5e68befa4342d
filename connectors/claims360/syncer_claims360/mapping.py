"""From the partner's JSON to records; pure.

Items are decoded one by one, so that a bad one is set aside with its bytes while the others go on.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec
from msgspec.structs import fields

from syncer.sdk import (
    Attachment,
    ClaimRef,
    Insured,
    Insurer,
    Kind,
    Line,
    Money,
    PayloadError,
    Record,
    RecordKey,
    Site,
    Surveyor,
    Totals,
    UnknownItem,
    Unreadable,
    Vehicle,
    instant_key,
    parse_instant,
)
from syncer_claims360 import wire
from syncer_claims360.splitting import split_list

KIND_OF_TYPE = {wire.MISSION_TYPE: Kind.MISSION, wire.QUOTE_TYPE: Kind.QUOTE}
TYPE_OF_KIND = {kind: word for word, kind in KIND_OF_TYPE.items()}

_ESCAPED_NUL = b"\\u0000"
_LONGEST_REF = 255
_DEEPEST = 64
_LISTING = msgspec.json.Decoder(wire.WireListing)
_PHOTOS = msgspec.json.Decoder(wire.WirePhotos)
_ITEM = msgspec.json.Decoder(wire.WireItem)
_PHOTO = msgspec.json.Decoder(wire.WirePhoto)
_ANY = msgspec.json.Decoder()
_JUNK = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Items:
    """The items of a page, sorted by what could be made of them."""

    records: list[Record] = field(default_factory=list)
    unreadable: list[Unreadable] = field(default_factory=list)
    unknown: list[UnknownItem] = field(default_factory=list)


def read_listing(body: bytes) -> wire.WireListing:
    """Read a page of the list of changes; its items stay bytes.

    Raises:
        PayloadError: the page itself is not what the contract says.
    """
    listing = _listing(body)
    if len(listing.items) > wire.MOST_ITEMS:
        raise PayloadError(f"holds more than {wire.MOST_ITEMS} items", path="items")
    return listing


def _listing(body: bytes) -> wire.WireListing:
    try:
        return _LISTING.decode(body)
    except _JUNK as error:
        found = split_list(body, "items")
        if found is None:
            raise _fault(error) from None
    around, items = found
    try:
        listing = _LISTING.decode(around)
    except _JUNK as error:
        raise _fault(error) from None
    listing.items = [msgspec.Raw(item) for item in items]
    return listing


def read_items(items: Iterable[msgspec.Raw]) -> Items:
    """Map the items of a page."""
    found = Items()
    for item in items:
        raw = bytes(item)
        try:
            mapped = _map(raw)
        except PayloadError as error:
            found.unreadable.append(_set_aside(raw, str(error)))
        else:
            if isinstance(mapped, Record):
                found.records.append(mapped)
            else:
                found.unknown.append(mapped)
    return found


def read_record(body: bytes, key: RecordKey) -> Record:
    """Map the detail of the object that was asked for.

    Raises:
        PayloadError: it cannot be read, or is another object.
    """
    try:
        record = _map(body)
    except PayloadError as error:
        raise PayloadError(str(error), raw=body) from None
    if not isinstance(record, Record) or record.key != key:
        raise PayloadError("is not of the object that was asked for", path="id", raw=body)
    return record


def read_photos(body: bytes, owner: RecordKey) -> tuple[list[Attachment], list[Unreadable]]:
    """Map the photos of a mission; bad ones are set aside.

    Raises:
        PayloadError: the answer is no list of photos.
    """
    attachments, unreadable = [], []
    listed = _photo_list(body)
    if len(listed) > wire.MOST_PHOTOS:
        raise PayloadError(f"holds more than {wire.MOST_PHOTOS} photos", path="photos")
    for raw in listed:
        try:
            attachments.append(_photo(raw, owner))
        except PayloadError as error:
            _, ref = _identify(raw)
            reason = f"photo of {owner.partner_ref}: {error}"
            unreadable.append(Unreadable(kind=None, partner_ref=ref, reason=reason, raw=raw))
    return attachments, unreadable


def _photo_list(body: bytes) -> Sequence[bytes]:
    try:
        return [bytes(raw) for raw in _PHOTOS.decode(body).photos]
    except _JUNK as error:
        found = split_list(body, "photos")
        if found is None:
            raise _fault(error) from None
        return found[1]


# -- one item -------------------------------------------------------------------------------------


def _map(raw: bytes) -> Record | UnknownItem:
    value = _decode(raw)
    word, ref = value.get("type"), value.get("id")
    if not isinstance(word, str):
        raise PayloadError("is needed and must be a text", path="type")
    kind = KIND_OF_TYPE.get(word)
    if kind is None:
        return UnknownItem(type=word, partner_ref=_usable_ref(ref), raw=raw)
    try:
        item = _ITEM.decode(raw)
    except _JUNK as error:
        raise _fault(error) from None
    return _record(kind, item, _extra(value))


def _decode(raw: bytes) -> dict[str, Any]:
    try:
        value = _ANY.decode(raw)
    except _JUNK as error:
        raise _fault(error) from None
    if not isinstance(value, dict):
        raise PayloadError("the item is no object")
    if _ESCAPED_NUL in raw or raw.count(b"{") + raw.count(b"[") > _DEEPEST:
        _refuse_unstorable(value, "", 0)
    return value


def _record(kind: Kind, item: wire.WireItem, extra: Mapping[str, Any]) -> Record:
    changed_at, revision = _status_event(item.status_changed_at)
    totals = item.totals
    currency = (totals.currency if totals else None) or wire.CURRENCY_WHEN_ABSENT
    return Record(
        kind=kind,
        partner_ref=item.id,
        revision=revision,
        status=item.status,
        status_changed_at=changed_at,
        number=item.number,
        version=item.version,
        previous_status=item.previous_status,
        claim=_claim(kind, item),
        site=Site(id=item.site.id, name=item.site.name) if item.site else None,
        smart_expertise=item.smart_expertise,
        vehicle=_vehicle(item.vehicle) if item.vehicle else None,
        insurer=_insurer(item.insurer) if item.insurer else None,
        insured=_insured(item.insured) if item.insured else None,
        surveyor=Surveyor(name=item.expert.name) if item.expert else None,
        loss_date=item.loss_date,
        totals=_totals(totals, currency) if totals else None,
        lines=[_line(line, currency) for line in item.lines or ()],
        extra=extra,
    )


def _claim(kind: Kind, item: wire.WireItem) -> ClaimRef:
    number = item.insurer.claim_number if item.insurer else None
    if kind is Kind.MISSION:
        return ClaimRef(partner_ref=item.id, reference=item.number, claim_number=number)
    if item.mission_id:
        return ClaimRef(partner_ref=item.mission_id, claim_number=number)
    return ClaimRef(partner_ref=f"{wire.QUOTE_TYPE}:{item.id}", claim_number=number)


def _vehicle(vehicle: wire.WireVehicle) -> Vehicle:
    return Vehicle(
        plate=vehicle.plate,
        vin=vehicle.vin,
        make=vehicle.make,
        model=vehicle.model,
        power_kw=vehicle.power_kw,
        displacement_cc=vehicle.displacement_cc,
        fuel=vehicle.fuel,
        first_registration_date=vehicle.first_registration_date,
        mileage_km=vehicle.mileage_km,
    )


def _insurer(insurer: wire.WireInsurer) -> Insurer:
    return Insurer(
        name=insurer.name,
        claim_number=insurer.claim_number,
        policy_number=insurer.policy_number,
    )


def _insured(insured: wire.WireInsured) -> Insured:
    return Insured(name=insured.name, phone=insured.phone, email=insured.email)


def _totals(totals: wire.WireTotals, currency: str) -> Totals:
    return Totals(
        net=_money(totals.net, currency),
        vat=_money(totals.vat, currency),
        gross=_money(totals.gross, currency),
    )


def _line(line: wire.WireLine, currency: str) -> Line:
    return Line(
        id=line.id,
        kind=line.kind,
        description=line.description,
        quantity=_decimal(line.quantity),
        unit_price=_money(line.unit_price, currency),
        total=_money(line.total, currency),
        labour_hours=_decimal(line.labour_hours),
    )


def _photo(raw: bytes, owner: RecordKey) -> Attachment:
    _decode(raw)
    try:
        photo = _PHOTO.decode(raw)
    except _JUNK as error:
        raise _fault(error) from None
    return Attachment(
        owner=owner,
        partner_ref=photo.id,
        kind="photo",
        name=photo.file_name,
        content_type=photo.content_type,
        bytes=photo.bytes,
        sha256=photo.sha256.lower(),
        taken_at=_instant(photo.taken_at, "takenAt") if photo.taken_at else None,
    )


def _money(text: str | None, currency: str) -> Money | None:
    return None if text is None else Money(amount=Decimal(text), currency=currency)


def _decimal(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


def _instant(text: str, path: str) -> datetime:
    try:
        return parse_instant(text)
    except (ValueError, OverflowError):
        raise PayloadError("is no instant with an offset", path=path) from None


def _status_event(text: str) -> tuple[datetime, str]:
    """Give the instant and the one spelling of it that serves as the revision."""
    return _instant(text, "statusChangedAt"), instant_key(text)


# -- what has no field of its own -----------------------------------------------------------------


def _names(struct: type[msgspec.Struct]) -> frozenset[str]:
    return frozenset(field.encode_name for field in fields(struct))


_KNOWN = _names(wire.WireItem) - wire.EXTRA_NAMES
_KNOWN_UNDER = {
    "site": _names(wire.WireSite),
    "vehicle": _names(wire.WireVehicle),
    "insurer": _names(wire.WireInsurer),
    "insured": _names(wire.WireInsured),
    "expert": _names(wire.WireExpert),
    "totals": _names(wire.WireTotals),
}
_KNOWN_OF_LINE = _names(wire.WireLine)


def _extra(item: Mapping[str, Any]) -> dict[str, Any]:
    extra = _beyond(item, _KNOWN)
    for name, known in _KNOWN_UNDER.items():
        value = item.get(name)
        if value and not value.keys() <= known:
            extra[name] = _beyond(value, known)
    lines = [_beyond(line, _KNOWN_OF_LINE) for line in item.get("lines") or ()]
    if any(lines):
        extra["lines"] = lines
    return extra


def _beyond(value: Mapping[str, Any], known: frozenset[str]) -> dict[str, Any]:
    return {name: part for name, part in value.items() if name not in known}


# -- what is wrong with an item -------------------------------------------------------------------


def _fault(error: Exception) -> PayloadError:
    if isinstance(error, RecursionError):
        return PayloadError("is nested too deeply")
    if isinstance(error, UnicodeDecodeError):
        return PayloadError("is not UTF-8")
    text, _, path = str(error).replace("`", "").partition(" - at $")
    return PayloadError(text, path=path.strip("."))


def _refuse_unstorable(value: Any, path: str, depth: int) -> None:
    if depth > _DEEPEST:
        raise PayloadError("is nested too deeply", path=path[:_LONGEST_REF])
    if isinstance(value, str) and "\0" in value:
        raise PayloadError("holds a NUL character", path=path)
    if isinstance(value, dict):
        for name, part in value.items():
            _refuse_unstorable(name, path, depth)
            _refuse_unstorable(part, f"{path}.{name}" if path else name, depth + 1)
    elif isinstance(value, list):
        for index, part in enumerate(value):
            _refuse_unstorable(part, f"{path}[{index}]", depth + 1)


def _set_aside(raw: bytes, reason: str) -> Unreadable:
    kind, ref = _identify(raw)
    return Unreadable(kind=kind, partner_ref=ref, reason=reason, raw=raw)


def _identify(raw: bytes) -> tuple[Kind | None, str | None]:
    """Say which object an unreadable item is, as far as even that can be read."""
    try:
        value = json.loads(raw, strict=False)
    except (ValueError, RecursionError):
        return None, None
    if not isinstance(value, dict):
        return None, None
    word = value.get("type")
    kind = KIND_OF_TYPE.get(word) if isinstance(word, str) else None
    return kind, _usable_ref(value.get("id"))


def _usable_ref(ref: object) -> str | None:
    if not isinstance(ref, str) or not 0 < len(ref) <= _LONGEST_REF or "\0" in ref:
        return None
    return ref if ref.isprintable() else None
