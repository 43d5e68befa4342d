"""An office at the played ASSUR3D: what is expected there, and its follow-ups."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import msgspec

from syncer.sdk import to_text

Expected = tuple[str, str, bool]
"""Id, label, required."""
FollowUpKey = tuple[datetime, str]
USUAL: Mapping[str, Sequence[Expected]] = {
    "auto": (
        ("dt-permis", "Permis de conduire", True),
        ("dt-rib", "RIB", True),
        ("dt-kbis", "Kbis", False),
    ),
    "habitation": (("dt-bail", "Bail", True), ("dt-rib", "RIB", True)),
}


POSITION_LIFE = timedelta(hours=24)


@dataclass(slots=True, kw_only=True)
class FollowUp:
    """What is expected for one proposal, and how it stands."""

    id: str
    contract_type: str
    client: dict[str, Any]
    pieces: list[dict[str, Any]]
    stage: str = "quote"
    contract_id: str | None = None
    updated_at: datetime
    extra: dict[str, Any] = field(default_factory=dict)
    digests: dict[str, str] = field(default_factory=dict)

    def view(self) -> dict[str, Any]:
        """Give it as the API shows it."""
        open_ = {"missing", "rejected"}
        return {
            "id": self.id,
            "contractType": self.contract_type,
            "stage": self.stage,
            "proposalId": f"PR-{self.id}",
            "contractId": self.contract_id,
            "client": self.client,
            "pieces": self.pieces,
            "complete": not any(p["required"] and p["status"] in open_ for p in self.pieces),
            "lastReminderAt": None,
            "updatedAt": to_text(self.updated_at),
            **self.extra,
        }

    @property
    def key(self) -> FollowUpKey:
        """What it is ordered by."""
        return self.updated_at, self.id

    def piece(self, type_: str) -> dict[str, Any] | None:
        """Find one of its pieces."""
        return next((one for one in self.pieces if one["documentTypeId"] == type_), None)


@dataclass(slots=True, kw_only=True)
class Office:
    """An office with its token."""

    id: str
    token: str
    name: str
    now: Callable[[], datetime]
    types: dict[str, list[Expected]] = field(
        default_factory=lambda: {code: list(some) for code, some in USUAL.items()}
    )
    follow_ups: dict[str, FollowUp] = field(default_factory=dict)
    positions: dict[str, tuple[FollowUpKey, datetime]] = field(default_factory=dict)
    """Behind which row each begins, and until when it is known."""
    waivers: dict[tuple[str, str], str] = field(default_factory=dict)

    def credentials(self) -> Mapping[str, str]:
        """Give what is registered for a link."""
        return {"office_id": self.id, "api_token": self.token}

    def add(self, id_: str, contract_type: str = "auto", **parts: Any) -> FollowUp:
        """Open a follow-up that misses everything."""
        pieces = [
            {"documentTypeId": type_, "label": label, "required": required, "status": "missing"}
            for type_, label, required in self.types[contract_type]
        ]
        client = {"name": "Dupont", "email": f"{id_.lower()}@client.example", "profile": "private"}
        fields: dict[str, Any] = {
            "client": client,
            "pieces": pieces,
            "updated_at": self.now(),
        } | parts
        made = self.follow_ups[id_] = FollowUp(id=id_, contract_type=contract_type, **fields)
        return made

    def put(self, follow_up: FollowUp, type_: str, status: str) -> None:
        """Say how a piece stands."""
        piece = follow_up.piece(type_)
        assert piece is not None
        piece["status"] = status
        self.touch(follow_up)

    def convert(self, follow_up: FollowUp) -> None:
        """Make a contract of a proposal; the follow-up keeps its id."""
        follow_up.stage, follow_up.contract_id = "converted", f"C-{follow_up.id}"
        self.touch(follow_up)

    def touch(self, follow_up: FollowUp) -> None:
        """Note that a follow-up changed now."""
        follow_up.updated_at = self.now()

    def listing(self, since: datetime) -> list[FollowUp]:
        """List what changed since an instant, inclusive."""
        return [one for one in self._in_order() if one.updated_at >= since]

    def keep_position(self, behind: FollowUp) -> str:
        """Give a cursor for what stands behind a row."""
        cursor = f"p-{len(self.positions) + 1}"
        self.positions[cursor] = (behind.key, self.now() + POSITION_LIFE)
        return cursor

    def behind(self, cursor: str) -> list[FollowUp] | None:
        """List what stands behind a position now; None when it is not known any more."""
        key, known_until = self.positions.get(cursor, (None, self.now()))
        if key is None or self.now() >= known_until:
            return None
        return [one for one in self._in_order() if one.key > key]

    def _in_order(self) -> list[FollowUp]:
        return sorted(self.follow_ups.values(), key=lambda one: one.key)

    def expected(self, code: str) -> list[dict[str, Any]]:
        """List what is expected for a type of contract."""
        return [
            {"documentTypeId": type_, "label": label, "required": required}
            for type_, label, required in self.types[code]
        ]


def etag_of(value: Any) -> str:
    """Give the entity tag of a body."""
    return f'"{hashlib.sha256(msgspec.json.encode(value)).hexdigest()[:16]}"'
