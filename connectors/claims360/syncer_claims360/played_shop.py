"""One body shop at the played partner: its missions, quotes, photos and dossiers."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import msgspec

from syncer.sdk import instant_key
from syncer_claims360 import played_pictures, played_work, wire

Item = dict[str, Any]
Position = tuple[str, str, str]
_EXTENSIONS = {"image/jpeg": "jpg", "image/png": "png"}


@dataclass(slots=True)
class PlayedObject:
    """A mission or a quote; ``raw`` replaces its bytes in every answer, to play a broken one."""

    item: Item
    lines: list[Item] = field(default_factory=list)
    withdrawn: bool = False
    raw: bytes | None = None

    def listed(self) -> bytes:
        """Give the item as it stands in the list of changes."""
        return self.raw if self.raw is not None else msgspec.json.encode(self.item)

    def detailed(self) -> bytes:
        """Give the item as its detail."""
        if self.raw is not None or self.item["type"] != wire.QUOTE_TYPE:
            return self.listed()
        return msgspec.json.encode({**self.item, "lines": self.lines})

    def position(self) -> Position:
        """Where it stands in the order of the list."""
        item = self.item
        return instant_key(item["statusChangedAt"]), item["type"], item["id"]


@dataclass(slots=True)
class PlayedPhoto:
    """A photo: what is announced, and what is really there."""

    announced: Item
    content: bytes
    mission: str


class PlayedShop:
    """A body shop; everything that happens in it happens at the partner's time.

    ``most_per_page`` makes pages shorter than asked for, so that few items make a long listing.
    """

    def __init__(self, *, bodyshop_id: str, name: str, now: Callable[[], datetime]) -> None:
        self.bodyshop_id = bodyshop_id
        self.name = name
        self.bodyshop_key = f"bodyshop-{_digest(bodyshop_id, 'bodyshop')}"
        self.planning_key = f"planning-{_digest(bodyshop_id, 'planning')}"
        self.objects: dict[tuple[str, str], PlayedObject] = {}
        self.photos: dict[str, PlayedPhoto] = {}
        self.dossiers: dict[str, str] = {}
        self.captions: dict[str, str] = {}
        self.most_per_page = wire.LONGEST_PAGE
        self._now = now
        self._issued: dict[str, datetime] = {}

    def credentials(self) -> Mapping[str, str]:
        """Give what a link to this body shop needs."""
        return {
            "bodyshop_id": self.bodyshop_id,
            "bodyshop_api_key": self.bodyshop_key,
            "planning_api_key": self.planning_key,
        }

    # -- what happens ----------------------------------------------------------------------------

    def add_mission(self, mission_id: str | None = None, **fields: Any) -> Item:
        """Add a mission, in status ``created`` unless said otherwise."""
        n = len(self.objects)
        mission_id = mission_id or f"M-{self.bodyshop_id[-4:]}{n:04d}"
        return self._add(wire.MISSION_TYPE, mission_id, {"depositCount": 1, **fields}, [])

    def add_quote(self, mission_id: str | None, quote_id: str | None = None, **fields: Any) -> Item:
        """Add a quote, in status ``submitted`` unless said otherwise, of the mission's claim."""
        n = len(self.objects)
        quote_id = quote_id or f"Q-{self.bodyshop_id[-4:]}{n:04d}"
        mission = self.objects.get((wire.MISSION_TYPE, mission_id or ""))
        shared = {name: mission.item.get(name) for name in _SHARED} if mission else {}
        lines = played_work.lines(n)
        own = {
            "missionId": mission_id,
            "status": "submitted",
            "totals": played_work.totals(lines),
            "photoCount": len(self.photos_of(mission_id or "")),
        }
        return self._add(wire.QUOTE_TYPE, quote_id, {**shared, **own, **fields}, lines)

    def _add(self, type_: str, id_: str, fields: Item, lines: list[Item]) -> Item:
        n, now = len(self.objects), self._text()
        item = {
            "type": type_,
            "id": id_,
            "number": f"2026/{100_000 + int(self.bodyshop_id[-4:]) * 10 + n}",
            "status": "created",
            "previousStatus": None,
            "statusChangedAt": now,
            "updatedAt": now,
            "version": 1,
            **played_work.claim(n),
            "photoCount": 0,
            **fields,
        }
        self.objects[type_, id_] = PlayedObject(item=item, lines=lines)
        return item

    def change_status(self, type_: str, id_: str, status: str, **fields: Any) -> Item:
        """Let a status event happen; the status may be the same word again."""
        item = self.objects[type_, id_].item
        fields = {"previousStatus": item["status"], "status": status, **fields}
        return self.edit(type_, id_, **{"statusChangedAt": self._text(), **fields})

    def edit(self, type_: str, id_: str, **fields: Any) -> Item:
        """Let a mere edit happen: version and ``updatedAt`` only."""
        item = self.objects[type_, id_].item
        item.update({"version": item["version"] + 1, "updatedAt": self._text(), **fields})
        return item

    def redeposit(self, mission_id: str, **fields: Any) -> Item:
        """Let the insured finish a Virtual Drive-in: the same mission with one photo more."""
        self.add_photo(mission_id)
        item = self.objects[wire.MISSION_TYPE, mission_id].item
        deposits = {"depositCount": item["depositCount"] + 1}
        return self.change_status(
            wire.MISSION_TYPE, mission_id, item["status"], **{**deposits, **fields}
        )

    def withdraw(self, type_: str, id_: str) -> None:
        """Withdraw a mission or a quote."""
        self.objects[type_, id_].withdrawn = True

    def add_photo(
        self,
        mission_id: str,
        content: bytes | None = None,
        *,
        content_type: str = "image/jpeg",
        **announced: Any,
    ) -> Item:
        """Add a photo to a mission; a mere edit of it and of its quotes."""
        photo_id = f"P-{self.bodyshop_id[-4:]}{len(self.photos):05d}"
        if content is None:
            make = played_pictures.png if content_type == "image/png" else played_pictures.jpeg
            content = make(photo_id)
        photo = {
            "id": photo_id,
            "fileName": f"photo-{len(self.photos_of(mission_id)) + 1}.{_EXTENSIONS[content_type]}",
            "contentType": content_type,
            "bytes": len(content),
            "sha256": hashlib.sha256(content).hexdigest(),
            "takenAt": self._text(),
            **announced,
        }
        self.photos[photo_id] = PlayedPhoto(announced=photo, content=content, mission=mission_id)
        count = len(self.photos_of(mission_id))
        for (type_, id_), one in self.objects.items():
            if mission_id in {one.item["id"], one.item.get("missionId")}:
                self.edit(type_, id_, photoCount=count)
        return photo

    def send_dossier(self, reference: str, plate: str, mileage_km: int) -> str:
        """Take a dossier of the planning system; gives the id of the mission that it becomes."""
        vehicle = {"plate": plate, "mileageKm": mileage_km}
        fields: Item = {**dict.fromkeys(_SHARED), "number": reference, "vehicle": vehicle}
        mission = self.add_mission(**fields)
        self.dossiers[reference] = mission["id"]
        return str(mission["id"])

    # -- what is asked for -----------------------------------------------------------------------

    def photos_of(self, mission_id: str) -> list[PlayedPhoto]:
        """List the photos of a mission."""
        return [photo for photo in self.photos.values() if photo.mission == mission_id]

    def listing(self, *, since: str | None, behind: Position | None) -> list[PlayedObject]:
        """List what is there from an instant on, or behind a position, in the partner's order."""
        lowest = instant_key(since) if since else ""
        found = [one for one in self.objects.values() if not one.withdrawn]
        found = [one for one in found if one.position()[0] >= lowest]
        found = [one for one in found if behind is None or one.position() > behind]
        return sorted(found, key=PlayedObject.position)

    def issue_cursor(self, last: PlayedObject) -> str:
        """Make the cursor behind an item."""
        item = last.item
        text = f"{item['statusChangedAt']}|{item['type']}|{item['id']}"
        cursor = base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")
        self._issued[cursor] = self._now()
        return cursor

    def position_of(self, cursor: str) -> Position | None:
        """Read a cursor; None when it has expired.

        Raises:
            KeyError: it was never issued.
        """
        if self._now() - self._issued[cursor] >= wire.CURSOR_LIFE:
            return None
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
        at, type_, id_ = text.split("|", 2)
        return instant_key(at), type_, id_

    def expire_cursors(self) -> None:
        """Let every cursor that was issued so far expire."""
        for cursor in self._issued:
            self._issued[cursor] = datetime.min.replace(tzinfo=UTC)

    def _text(self) -> str:
        return self._now().astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


_SHARED = ("smartExpertise", "site", "vehicle", "insurer", "insured", "expert", "lossDate")


def _digest(*parts: str) -> str:
    return hashlib.sha256("/".join(parts).encode()).hexdigest()[:32]
