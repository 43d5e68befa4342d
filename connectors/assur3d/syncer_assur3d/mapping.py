"""From the partner's JSON to rule sets and what is said of claim files; pure."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

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

_TYPE = msgspec.json.Decoder(wire.WireContractType)
_EXPECTED = msgspec.json.Decoder(list[wire.WireExpected])
_ITEM = msgspec.json.Decoder(wire.WireFollowUp)
_ANY = msgspec.json.Decoder()
_JUNK = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_ESCAPED_NUL = b"\\u0000"
_LONGEST_REFERENCE = 255
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowUps:
    """The follow-ups of a page, sorted by what could be made of them."""

    changed: list[datetime] = field(default_factory=list)
    updates: list[ClaimUpdate] = field(default_factory=list)
    unreadable: list[Unreadable] = field(default_factory=list)
    unknown: list[UnknownItem] = field(default_factory=list)


def contract_type(raw: bytes) -> str:
    """Give the code of a type of contract.

    Raises:
        PayloadError: it cannot be read.
    """
    return _decode(_TYPE, raw).code


def rule_set(raw: bytes) -> list[ExpectedDocument]:
    """Map the expected documents of a type of contract; types are matched by id, never by label.

    Raises:
        PayloadError: they cannot be read, or one of them cannot be kept.
    """
    by_id = {one.document_type_id: one for one in _decode(_EXPECTED, raw)}
    if wire.UNCLASSIFIED in by_id:
        raise PayloadError("stands for what is not classified", path=wire.UNCLASSIFIED)
    return [
        ExpectedDocument(id=id_, label=one.label or id_, required=one.required)
        for id_, one in by_id.items()
    ]


def set_aside(raw: bytes, error: PayloadError, *, ref: str | None = None) -> Unreadable:
    """Keep what cannot be read, with the reason; ``ref`` is what it is about, else its own id."""
    return Unreadable(kind=None, partner_ref=ref or _id_of(raw), reason=str(error), raw=raw)


def read_follow_ups(items: Iterable[msgspec.Raw]) -> FollowUps:
    """Map the items of a page one by one, so that a bad one does not take the others along."""
    found = FollowUps()
    for item in items:
        raw = bytes(item)
        try:
            one, members, at = _decoded(raw)
        except PayloadError as error:
            found.unreadable.append(set_aside(raw, error))
            continue
        found.changed.append(at)
        found.updates.append(_update(one, members, at))
        found.unknown.extend(
            UnknownItem(type=type_, partner_ref=one.id, raw=raw) for type_ in _unknown(one)
        )
    return found


def _decode(decoder: msgspec.json.Decoder[T], raw: bytes) -> T:
    if _ESCAPED_NUL in raw:
        raise PayloadError("holds a NUL character")
    try:
        return decoder.decode(raw)
    except msgspec.DecodeError as error:
        text, _, path = str(error).replace("`", "").partition(" - at $")
        raise PayloadError(text, path=path.strip(".")) from None
    except (UnicodeDecodeError, RecursionError):
        raise PayloadError("is not readable JSON") from None


def _decoded(raw: bytes) -> tuple[wire.WireFollowUp, Mapping[str, Any], datetime]:
    one, members = _decode(_ITEM, raw), _decode(_ANY, raw)
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
    """Give client, contract and what is expected; under ``extra`` all else, and the pieces whole.

    ``complete`` is among it.
    """
    client = one.client or wire.WireClient()
    extra = _given(members, wire.PLACED)
    more = _given(extra.pop("client", {}), wire.PLACED_OF_CLIENT)
    parts = {
        "client": {"name": client.name, "email": client.email, "profile": client.profile},
        "contract": {"type": one.contract_type, "number": one.contract_id},
        "extra": extra | ({"client": more} if more else {}),
    }
    given = {part: kept for part, values in parts.items() if (kept := _given(values))}
    return {**given, "expected": _expected(one.pieces)}


def _given(values: Mapping[str, Any], placed: Collection[str] = ()) -> dict[str, Any]:
    return {
        name: value for name, value in values.items() if value is not None and name not in placed
    }


def _expected(pieces: Iterable[wire.WirePiece]) -> list[dict[str, Any]]:
    """Give what is expected of this very follow-up, whatever its type of contract says."""
    return [
        {
            "id": piece.document_type_id,
            "label": piece.label or piece.document_type_id,
            "required": piece.required,
        }
        for piece in pieces
        if piece.required is not None
    ]


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
