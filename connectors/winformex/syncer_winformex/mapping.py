"""From a mission's file to a record; pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from syncer.sdk import (
    ClaimRef,
    Insurer,
    Kind,
    PayloadError,
    Record,
    Vehicle,
    XmlElement,
    instant_key,
    parse_instant,
    parse_xml,
)
from syncer_winformex import wire

_CHANGED_OF_HEAD = re.compile(rb"""\sstatusChangedAt\s*=\s*["']([^"']{20,40})["']""")
_MONTH = re.compile(r"([0-9]{4}-[0-9]{2})-[0-9]{2}[Tt]")
_VERSION = re.compile(r"[0-9]{1,9}")
_LONGEST_REF = 255
_VEHICLE = ("plate", "vin", "make", "model")
_KNOWN = {"id", "number", "status", wire.STATUS_CHANGED_AT, "version"}
_KNOWN_BELOW = {
    wire.VEHICLE: {*_VEHICLE},
    wire.INSURER: {"name", "claimNumber"},
    wire.LOSS_DATE: {"text"},
}


def changed_micros(head: bytes) -> int:
    """Read when a mission's status changed off its file's first bytes; 0 when it cannot be read."""
    found = _CHANGED_OF_HEAD.search(head)
    try:
        return int(parse_instant(found[1].decode("ascii")).timestamp() * 1e6) if found else 0
    except (ValueError, OverflowError):
        return 0


def read_mission(raw: bytes) -> tuple[Record, str]:
    """Read a mission, and the month of its status event as it is written.

    Raises:
        PayloadError: the file is none, or lacks what every mission has; names the field.
    """
    root = parse_xml(raw)
    if root.name != wire.MISSION:
        raise PayloadError(f"the document is no <{wire.MISSION}>")
    id_, number = _needed(root, "id"), _given(root, "number")
    changed_at, revision, month = _status_event(_needed(root, wire.STATUS_CHANGED_AT))
    insurer = _insurer(root.child(wire.INSURER))
    record = Record(
        kind=Kind.MISSION,
        partner_ref=id_,
        revision=revision,
        status=_needed(root, "status"),
        status_changed_at=changed_at,
        number=number,
        version=_version(root),
        claim=ClaimRef(
            partner_ref=id_,
            reference=number,
            claim_number=insurer.claim_number if insurer else None,
        ),
        vehicle=_vehicle(root.child(wire.VEHICLE)),
        insurer=insurer,
        loss_date=_loss_date(root.child(wire.LOSS_DATE)),
        extra=_extra(root),
    )
    return record, month


def claim_data(record: Record) -> Mapping[str, Any]:
    """Give what a mission says of its claim, in the shape of a claim file's ``data``."""
    vehicle, insurer = record.vehicle or Vehicle(), record.insurer or Insurer()
    return {
        "vehicle": {name: getattr(vehicle, name) for name in _VEHICLE},
        "insurer": {"name": insurer.name, "claim_number": insurer.claim_number},
        "loss": {"date": record.loss_date.isoformat() if record.loss_date else None},
    }


def identify(raw: bytes) -> str | None:
    """Say which mission an unreadable file is about, as far as even that can be read."""
    try:
        id_ = parse_xml(raw).attributes.get("id", "").strip()
    except PayloadError:
        return None
    return id_ if 0 < len(id_) <= _LONGEST_REF else None


def _given(element: XmlElement, name: str) -> str | None:
    value = element.attributes.get(name)
    return value if value and value.strip() else None


def _needed(element: XmlElement, name: str) -> str:
    value = _given(element, name)
    if value is None:
        raise PayloadError("is needed", path=name)
    if len(value) > _LONGEST_REF:
        raise PayloadError(f"is longer than {_LONGEST_REF} characters", path=name)
    return value


def _status_event(text: str) -> tuple[datetime, str, str]:
    """Give the instant, the one spelling of it that serves as the revision, and the month."""
    try:
        if month := _MONTH.match(text):
            return parse_instant(text), instant_key(text), month[1]
    except (ValueError, OverflowError):
        pass
    raise PayloadError("is no instant with an offset", path=wire.STATUS_CHANGED_AT)


def _version(root: XmlElement) -> int | None:
    text = _given(root, "version")
    if text is not None and not _VERSION.fullmatch(text):
        raise PayloadError("is no whole number", path="version")
    return int(text) if text else None


def _vehicle(element: XmlElement | None) -> Vehicle | None:
    if element is None:
        return None
    plate, vin, make, model = (_given(element, name) for name in _VEHICLE)
    return Vehicle(plate=plate, vin=vin, make=make, model=model)


def _insurer(element: XmlElement | None) -> Insurer | None:
    if element is None:
        return None
    return Insurer(name=_given(element, "name"), claim_number=_given(element, "claimNumber"))


def _loss_date(element: XmlElement | None) -> date | None:
    if element is None or not element.text.strip():
        return None
    try:
        return date.fromisoformat(element.text.strip())
    except ValueError:
        raise PayloadError("is no date", path=wire.LOSS_DATE) from None


def _extra(root: XmlElement) -> dict[str, Any]:
    """Keep what has no place of its own, where it stood."""
    extra = _without(root.as_values(), _KNOWN)
    for name, known in _KNOWN_BELOW.items():
        value = extra.get(name)
        extra[name] = _without(value, known) if isinstance(value, dict) else None
    return {name: value for name, value in extra.items() if value}


def _without(values: Mapping[str, Any], names: set[str]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name not in names}
