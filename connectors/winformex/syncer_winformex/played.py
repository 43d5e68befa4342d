"""Winformex II played: the legacy program that drops missions into folders."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from html import escape
from pathlib import Path
from tempfile import TemporaryDirectory

from syncer.sdk import parse_xml
from syncer_winformex import wire

_STATUSES = ("assigned", "in_progress", "closed")
_MISSIONS_AT_START = 2


def _real_time() -> datetime:
    return datetime.now(UTC)


class UnreadableFileError(Exception):
    """A file of ours that the program cannot read."""


@dataclass(slots=True, kw_only=True)
class PlayedMailbox:
    """A repairer's folder: missions that are dropped, and files that are taken from us."""

    folder: Path
    now: Callable[[], datetime]
    missions: dict[str, str] = field(default_factory=dict)

    def drop(self, id_: str, *, status: str = "assigned", encoding: str = "ISO-8859-1") -> str:
        """Drop a mission with its present status; gives its number."""
        number = f"{self.now():%Y}/{id_.rpartition('-')[2]}"
        self.missions[id_] = status
        changed_at = self.now().isoformat()
        self.put(
            f"{id_}-{len(list(self.folder.rglob('*.xml')))}.xml",
            f"""<?xml version="1.0" encoding="{encoding}"?>
<mission id="{escape(id_)}" number="{number}" status="{status}" statusChangedAt="{changed_at}" \
version="1">
  <vehicle plate="1-ABC-234" vin="VF1RFB00X56789012" make="Renault" model="Mégane"/>
  <insurer name="Demo Verzekeringen" claimNumber="24/778-1"/>
  <lossDate>{date(2026, 2, 21)}</lossDate>
</mission>
""".encode(encoding),
        )
        return number

    def put(self, name: str, content: bytes) -> Path:
        """Put any file into the inbox as a whole."""
        file = self.folder / wire.INBOX / name
        part = file.with_name(f"{name}.part")
        part.write_bytes(content)
        return part.rename(file)

    def taken(self) -> dict[str, dict[str, str]]:
        """Read what we put into the outbox, by delivery: mission, plate and mileage.

        Raises:
            UnreadableFileError: a file there is not what the contract says.
        """
        return {file.stem: _read(file) for file in sorted((self.folder / wire.OUTBOX).glob("*"))}


class PlayedWinformex:
    """The program and its mailboxes, below one root."""

    def __init__(self, root: Path | None = None, now: Callable[[], datetime] = _real_time) -> None:
        self._temporary = TemporaryDirectory(prefix="played-winformex-") if root is None else None
        self.root = Path(self._temporary.name) if self._temporary else root or Path()
        self.now = now
        self.repairers: dict[str, PlayedMailbox] = {}
        self._turn = 0

    def serve(self) -> AbstractAsyncContextManager[str]:
        """Keep the folders while it is used; gives the ``root`` of them as a ``file`` URL."""
        return self._serving()

    @asynccontextmanager
    async def _serving(self) -> AsyncIterator[str]:
        try:
            yield self.root.resolve().as_uri()
        finally:
            if self._temporary is not None:
                self._temporary.cleanup()

    def mailbox(self, number: str = "475869429") -> PlayedMailbox:
        """Make a mailbox's folders, without any mission."""
        box = PlayedMailbox(folder=self.root / number, now=self.now)
        for name in (wire.INBOX, wire.OUTBOX):
            (box.folder / name).mkdir(parents=True, exist_ok=True)
        return box

    def add_repairer(self, repairer: str) -> Mapping[str, str]:
        """Make a mailbox with some missions in it; gives its credentials."""
        number = str(int.from_bytes(hashlib.sha256(repairer.encode()).digest()[:4], "big"))
        box = self.repairers[repairer] = self.mailbox(number)
        for n in range(_MISSIONS_AT_START):
            box.drop(f"WF-{number[-3:]}{n}")
        return {"mailbox": number}

    def live(self) -> str:
        """Let a mission of the next repairer move on; gives one line that says so."""
        repairer = list(self.repairers)[self._turn % len(self.repairers)]
        box = self.repairers[repairer]
        self._turn += 1
        id_ = list(box.missions)[self._turn % len(box.missions)]
        place = _STATUSES.index(box.missions[id_])
        status = _STATUSES[(place + 1) % len(_STATUSES)]
        return f"{repairer}: mission {box.drop(id_, status=status)} is {status}"


def _read(file: Path) -> dict[str, str]:
    root = parse_xml(file.read_bytes())
    [vehicle] = root.children
    if file.suffix != ".xml" or root.attributes.get("id") != file.stem:
        raise UnreadableFileError(f"{file.name} is not named after its delivery")
    if set(vehicle.attributes) != {"plate", "mileageKm"} or vehicle.name != wire.VEHICLE:
        raise UnreadableFileError(f"{file.name} says more or less than plate and mileage")
    return {**root.attributes, **vehicle.attributes}
