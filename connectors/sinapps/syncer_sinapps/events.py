"""The event log: what happened since an event, one sub-event at a time, in order of the ids."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec

from syncer.sdk import Href, PayloadError, UnknownItem, Unreadable
from syncer_sinapps import wire
from syncer_sinapps.missions import Part
from syncer_sinapps.resources import OurLink, Resource, home_link, read, resource_of

_PARTS: Mapping[str, Part] = {
    "MissionCreee": Part.ALL,
    "PrestationCreee": Part.ALL,
    "RendezVousPris": Part.CORE,
    "RendezVousExpertModifie": Part.CORE,
    "PrestationQualifee": Part.CORE,
    "CompteRenduDepose": Part.CORE | Part.DOCUMENTS,
    "DommagesEstimes": Part.CORE,
    "StatutModifie": Part.CORE,
    wire.STATE_CHANGED: Part.CORE,
    "FinDePrestationDemandee": Part.CORE,
    "PrestationCloturee": Part.CORE,
    "MissionAnnulee": Part.CORE,
    "PrestationAnnulee": Part.CORE,
    "CommentaireAjoute": Part.NOTHING,
    "InsatisfactionDetectee": Part.CORE,
    "ActeurAjoute": Part.CORE,
    "ActeurModifie": Part.CORE,
    "SinistreModifie": Part.CORE,
    "PieceJointeAjoutee": Part.DOCUMENTS,
    wire.SHARED_DOCUMENT: Part.DOCUMENTS,
    "SollicitationCreee": Part.SOLICITATIONS,
    "SollicitationRepondue": Part.SOLICITATIONS,
    wire.QUOTE_DEPOSITED: Part.CORE | Part.DOCUMENTS,
    wire.QUOTE_VALIDATED: Part.CORE,
    wire.QUOTE_REFUSED: Part.CORE,
    wire.INVOICE_DEPOSITED: Part.CORE | Part.DOCUMENTS,
}
"""What of its mission each event makes necessary to read; one that is not known, all of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """One sub-event. ``name`` is in its usual spelling, ``spelled`` as it came."""

    event_id: int
    place: int
    name: str
    spelled: str
    resource: Href | None
    data: Mapping[str, Any]
    raw: bytes
    user_id: str | None = None
    resource_type: str | None = None

    @property
    def key(self) -> str:
        """What it is known by: the event and the place in it."""
        return f"{self.event_id}.{self.place}"

    @property
    def parts(self) -> Part:
        """What of its mission has to be read."""
        return _PARTS.get(self.name, Part.ALL)

    @property
    def is_of_command(self) -> bool:
        """Say whether its resource is a command: such an event tells of no mission."""
        return self.name == wire.COMMAND_ACCEPTED or self.resource_type == wire.COMMAND_TYPE

    @property
    def is_known(self) -> bool:
        """Say whether this kind of event is known; an unknown one is kept as it came."""
        return self.name in _PARTS or self.name == wire.COMMAND_ACCEPTED

    def as_unknown(self) -> UnknownItem:
        """Keep it raw."""
        return UnknownItem(type=self.spelled[:255], partner_ref=self.key, raw=self.raw)


@dataclass(slots=True, kw_only=True)
class Log:
    """A stretch of the log; ``last_id`` is None where it has ended."""

    happenings: list[Happening] = field(default_factory=list)
    unreadable: list[Unreadable] = field(default_factory=list)
    last_id: int | None = None
    read_at: datetime | None = None


async def read_log(link: OurLink, since: int) -> Log:
    """Read the next stretch of what others did.

    Raises:
        PayloadError: the log cannot be read.
    """
    href = await home_link(link, wire.EVENTS_OF_OTHERS)
    query = {wire.SINCE: since, wire.MOST_EVENTS: wire.EVENTS_AT_ONCE}
    page = await read(link, href, **query)
    return read_events(page, since)


def read_events(page: Resource, since: int) -> Log:
    """Take a stretch of a log apart; events that are known already are left out.

    Where none has an id the log has ended: what comes behind will lead on.
    """
    log = Log(read_at=page.read_at)
    found: dict[int, list[Happening]] = {}
    for item in page.wire.items or ():
        raw = bytes(item)
        try:
            event = resource_of(raw)
            id_ = event_id(event)
        except PayloadError as error:
            log.unreadable.append(
                Unreadable(kind=None, partner_ref=None, reason=f"event: {error}", raw=raw)
            )
            continue
        if id_ > since:
            known = found.setdefault(id_, [])
            known += _sub_events(event, id_, log, known)
    if found:
        log.last_id = max(found)
    log.happenings = [one for id_ in sorted(found) for one in found[id_]]
    return log


def event_id(event: Resource) -> int:
    """Give the id of an event, a number or digits.

    Raises:
        PayloadError: it has none.
    """
    id_ = str(event.properties(wire.WireEventProperties).id)
    if not id_.isascii() or not id_.isdigit():
        raise PayloadError("is no number", path="properties.id")
    return int(id_)


def _sub_events(event: Resource, id_: int, log: Log, known: Sequence[Happening]) -> list[Happening]:
    """Take an event apart; what the same answer told before is left out."""
    found: list[Happening] = []
    told = {one.raw for one in known}
    for place, item in enumerate(event.wire.items or (), start=len(known)):
        raw = bytes(item)
        if raw in told:
            continue
        told.add(raw)
        try:
            found.append(_happening(raw, id_, place))
        except PayloadError as error:
            reason = f"event {id_}: {error}"
            log.unreadable.append(
                Unreadable(kind=None, partner_ref=f"{id_}.{place}", reason=reason, raw=raw)
            )
    return found


def _happening(raw: bytes, id_: int, place: int) -> Happening:
    resource = resource_of(raw)
    said = resource.properties(wire.WireSubEvent)
    data = said.data if isinstance(said.data, dict) else {}
    return Happening(
        event_id=id_,
        place=place,
        name=usual_spelling(said.name),
        spelled=said.name,
        resource=resource.link(wire.RESOURCE),
        data=data,
        raw=raw,
        user_id=str(said.user_id) if said.user_id is not None else None,
        resource_type=said.resource_type,
    )


def usual_spelling(name: str) -> str:
    """Give an event's name without accents, and the one spelling of names that have two."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return wire.EVENT_SPELLINGS.get(plain, plain)


def state_of(data: Mapping[str, Any]) -> str | None:
    """Give the state that a change of state names; a text, or a code."""
    state = data.get("status")
    name = state.get("name") if isinstance(state, dict) else state
    return name if isinstance(name, str) and name else None


def amounts_of(data: Mapping[str, Any]) -> wire.WireAmounts:
    """Read the amounts that an event names, where it does."""
    try:
        return msgspec.json.decode(msgspec.json.encode(dict(data)), type=wire.WireAmounts)
    except msgspec.DecodeError:
        return wire.WireAmounts()
