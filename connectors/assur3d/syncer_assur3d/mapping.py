"""From the partner's JSON to rule sets and what is said of claim files; pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec

from syncer.sdk import (
    ClaimRef,
    ClaimUpdate,
    Event,
    ExpectedDocument,
    PayloadError,
    Piece,
    UnknownItem,
    Unreadable,
    parse_instant,
)
from syncer_assur3d import wire

_ITEM = msgspec.json.Decoder(wire.WireFollowUp)
_ANY = msgspec.json.Decoder()
_JUNK = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_ESCAPED_NUL = b"\\u0000"
_LONGEST_REFERENCE = 255


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowUps:
    """The follow-ups of a page, sorted by what could be made of them."""

    changed: list[datetime] = field(default_factory=list)
    updates: list[ClaimUpdate] = field(default_factory=list)
    unreadable: list[Unreadable] = field(default_factory=list)
    unknown: list[UnknownItem] = field(default_factory=list)


def rule_set(expected: Iterable[wire.WireExpected]) -> list[ExpectedDocument]:
    """Map the expected documents of a type of contract; types are matched by id, never by label."""
    by_id = {one.document_type_id: one for one in expected}
    return [
        ExpectedDocument(id=id_, label=one.label, required=one.required)
        for id_, one in by_id.items()
    ]


def read_follow_ups(items: Iterable[msgspec.Raw]) -> FollowUps:
    """Map the items of a page one by one, so that a bad one does not take the others along."""
    found = FollowUps()
    for item in items:
        raw = bytes(item)
        try:
            one, members, at = _decoded(raw)
        except PayloadError as error:
            ref = _id_of(raw)
            found.unreadable.append(
                Unreadable(kind=None, partner_ref=ref, reason=str(error), raw=raw)
            )
            continue
        found.changed.append(at)
        found.updates.append(_update(one, members, at))
        found.unknown.extend(
            UnknownItem(type=type_, partner_ref=one.id, raw=raw) for type_ in _unknown(one)
        )
    return found


def _decoded(raw: bytes) -> tuple[wire.WireFollowUp, Mapping[str, Any], datetime]:
    if _ESCAPED_NUL in raw:
        raise PayloadError("holds a NUL character")
    try:
        one, members = _ITEM.decode(raw), _ANY.decode(raw)
    except msgspec.DecodeError as error:
        text, _, path = str(error).replace("`", "").partition(" - at $")
        raise PayloadError(text, path=path.strip(".")) from None
    except (UnicodeDecodeError, RecursionError):
        raise PayloadError("is not readable JSON") from None
    if len(one.pieces) > wire.MOST_PIECES:
        raise PayloadError(f"holds more than {wire.MOST_PIECES}", path="pieces")
    try:
        return one, members, parse_instant(one.updated_at)
    except (ValueError, OverflowError):
        raise PayloadError("is no instant with an offset", path="updatedAt") from None


def _update(one: wire.WireFollowUp, members: Mapping[str, Any], at: datetime) -> ClaimUpdate:
    pieces = {piece.document_type_id: wire.STATUSES.get(piece.status) for piece in one.pieces}
    reference = one.proposal_id or one.id
    return ClaimUpdate(
        claim=ClaimRef(
            partner_ref=one.id,
            reference=reference if len(reference) <= _LONGEST_REFERENCE else None,
            claim_type=one.contract_type,
        ),
        at=at,
        events=[_event(one, at)],
        data=_data(one, members),
        pieces=[Piece(type=type_, state=state) for type_, state in pieces.items()],
        stage=wire.STAGES.get(one.stage),
    )


def _event(one: wire.WireFollowUp, at: datetime) -> Event:
    digest = hashlib.sha256(one.stage.encode()).hexdigest()
    return Event(name=one.stage or "-", key=f"stage:{digest}", at=at)


def _data(one: wire.WireFollowUp, members: Mapping[str, Any]) -> dict[str, Any]:
    """Give client and contract, and under ``extra`` all else, ``complete`` among it."""
    client = one.client or wire.WireClient()
    data: dict[str, Any] = {
        "client": {"name": client.name, "email": client.email, "profile": client.profile},
        "contract": {"type": one.contract_type, "number": one.contract_id},
        "extra": {
            name: value
            for name, value in members.items()
            if name not in wire.PLACED and value is not None
        },
    }
    return {
        part: kept
        for part, values in data.items()
        if (kept := {name: value for name, value in values.items() if value is not None})
    }


def _unknown(one: wire.WireFollowUp) -> Iterable[str]:
    if one.stage not in wire.STAGES:
        yield f"stage {one.stage}"
    words = {piece.status for piece in one.pieces}
    yield from (f"piece {word}" for word in sorted(words - wire.STATUSES.keys()))


def _id_of(raw: bytes) -> str | None:
    """Say which follow-up an unreadable item is, as far as even that can be read."""
    try:
        item = _ANY.decode(raw)
    except _JUNK:
        return None
    id_ = item.get("id") if isinstance(item, dict) else None
    is_usable = isinstance(id_, str) and 0 < len(id_) <= _LONGEST_REFERENCE and id_.isprintable()
    return id_ if is_usable else None
