"""One page of a pass: a stretch of the log, and what the missions in it look like now.

However many events name a mission, it is read once for the page, and of it only what the events
make necessary. What cannot be read is set aside while other missions can; when none can, the pass
fails and the same stretch is read again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime

from syncer.sdk import (
    ClaimRef,
    ClaimUpdate,
    Href,
    Kind,
    NotFoundError,
    Page,
    PartnerTimeoutError,
    PartnerUnavailableError,
    PayloadError,
    RecordKey,
    RecordWithdrawnError,
    SyncerError,
    UnknownItem,
    Unreadable,
)
from syncer_sinapps import wire
from syncer_sinapps.events import Happening, Log
from syncer_sinapps.lifecycle_events import events_of, trade_records
from syncer_sinapps.mapping import Mapped, map_mission
from syncer_sinapps.missions import Mission, Part, read_mission
from syncer_sinapps.resources import (
    OurLink,
    Resource,
    find_mission,
    home_link,
    listed_id,
    mission_id,
    pages_of,
    place_of,
    read_once,
    ref_of,
    remembered,
    together,
)

_UNREAD = (
    NotFoundError,
    RecordWithdrawnError,
    PayloadError,
    PartnerUnavailableError,
    PartnerTimeoutError,
)
"""What a single resource can come to without the others; an outage meets the next request too."""
MOST_SEARCHED = 300
"""Missions that are looked through for one whose resource says not whose it is."""


@dataclass(slots=True, kw_only=True)
class Touched:
    """A mission that events of the page named, or that is listed ``at`` a link.

    ``wanted`` are the parts to be read whatever the events make necessary.
    """

    id: str
    resource: Resource | None = None
    at: Href | None = None
    wanted: Part = Part.NOTHING
    happenings: list[Happening] = field(default_factory=list)

    @property
    def parts(self) -> Part:
        """All that has to be read of it."""
        parts = self.wanted
        for happening in self.happenings:
            parts |= happening.parts
        return parts


@dataclass(slots=True, kw_only=True)
class Found:
    """What a page comes to, before it is one."""

    mapped: Mapped = field(default_factory=Mapped)
    updates: list[ClaimUpdate] = field(default_factory=list)
    unknown: list[UnknownItem] = field(default_factory=list)
    withdrawn: list[RecordKey] = field(default_factory=list)
    quiet: set[RecordKey] = field(default_factory=set)
    failed: list[tuple[Touched, SyncerError]] = field(default_factory=list)
    untold: list[tuple[Happening, SyncerError]] = field(default_factory=list)
    """Events of which nobody can say whose they are, since their resource cannot be read."""
    read: int = 0

    def add(self, other: Found) -> None:
        """Take in what another mission came to."""
        self.mapped.add(other.mapped)
        self.updates += other.updates
        self.withdrawn += other.withdrawn
        self.quiet |= other.quiet
        self.failed += other.failed
        self.read += other.read

    def page(self, cursor: str, *, has_more: bool) -> Page:
        """Make the page of it."""
        return Page(
            records=self.mapped.records,
            unreadable=self.mapped.unreadable,
            unknown=self.unknown,
            withdrawn=self.withdrawn,
            claim_updates=self.updates,
            quiet=self.quiet,
            next_cursor=cursor,
            has_more=has_more,
        )

    def set_aside(self) -> None:
        """Set aside what could not be read, if other missions could.

        Raises:
            SyncerError: none could; it is the partner that cannot be read.
        """
        for error in (error for _, error in (*self.failed, *self.untold)):
            if isinstance(error, PartnerUnavailableError | PartnerTimeoutError) and not self.read:
                raise error
        for touched, error in self.failed:
            self._aside(Kind.MISSION, touched.id, error, _raw_of(touched))
        for one, error in self.untold:
            self._aside(None, one.key, error, one.raw)

    def _aside(self, kind: Kind | None, ref: str, error: SyncerError, raw: bytes) -> None:
        given = error.raw if isinstance(error, PayloadError) else b""
        self.mapped.unreadable.append(
            Unreadable(kind=kind, partner_ref=ref, reason=str(error), raw=given or raw)
        )


def _raw_of(touched: Touched) -> bytes:
    return touched.happenings[0].raw if touched.happenings else b"{}"


async def take(link: OurLink, log: Log, seen_at: datetime | None) -> Found:
    """Read what the events of a stretch are about."""
    found = Found()
    found.mapped.unreadable += log.unreadable
    found.unknown += [one.as_unknown() for one in log.happenings if not one.is_known]
    telling = [one for one in log.happenings if not one.is_of_command]
    missions = await touched_missions(link, telling, found)
    for one in await together(take_mission(link, each, seen_at) for each in missions):
        found.add(one)
    found.set_aside()
    return found


async def take_mission(link: OurLink, touched: Touched, seen_at: datetime | None) -> Found:
    """Read and map one mission, or say what becomes of it when that fails."""
    found = Found()
    try:
        mission = await _mission_of(link, touched, seen_at)
        mapped = map_mission(mission)
        events = await events_of(link, mission, touched.happenings)
        mapped.records += await trade_records(link, mission, touched.happenings)
    except RecordWithdrawnError:
        found.withdrawn.append(RecordKey(kind=Kind.MISSION, partner_ref=touched.id))
    except (NotFoundError, PartnerUnavailableError, PartnerTimeoutError, PayloadError) as error:
        found.failed.append((touched, error))
    else:
        found.read += 1
        found.mapped.add(mapped)
        if events:
            claim = ClaimRef(partner_ref=mission.id)
            found.updates.append(
                ClaimUpdate(claim=claim, at=events[-1].at, events=events, only_known=True)
            )
        if any(one.name == wire.SHARED_DOCUMENT for one in touched.happenings):
            found.quiet |= {one.key for one in mapped.records if one.kind is Kind.DOCUMENT}
    return found


async def _mission_of(link: OurLink, touched: Touched, seen_at: datetime | None) -> Mission:
    resource = touched.resource
    if resource is None and touched.at is not None:
        resource = await read_once(link, touched.at)
    if resource is None:
        resource = await find_mission(link, touched.id)
    return await read_mission(link, resource, touched.parts, seen_at=seen_at)


# -- whose events they are ------------------------------------------------------------------------


async def touched_missions(
    link: OurLink, happenings: Sequence[Happening], found: Found
) -> list[Touched]:
    """Find the mission of each event, in the order in which the log names them.

    An event whose resource does not say belongs to the mission of its siblings, and else to the one
    that is found to hold the resource. What remains is kept as it came.
    """
    missions: dict[str, Touched] = {}
    owners = await _owners(link, {one.resource for one in happenings if one.resource})
    of_event: dict[int, Touched] = {}
    lost: list[Happening] = []
    for one in happenings:
        owner = owners.get(one.resource) if one.resource else None
        if not isinstance(owner, Touched):
            lost.append(one)
            continue
        touched = missions.setdefault(owner.id, Touched(id=owner.id))
        touched.resource = touched.resource or owner.resource
        touched.happenings.append(one)
        of_event[one.event_id] = touched
    for one in lost:
        sibling = of_event.get(one.event_id) or await _searched(link, one, missions)
        error = owners.get(one.resource) if one.resource else None
        if sibling is not None:
            sibling.happenings.append(one)
        elif isinstance(error, SyncerError):
            found.untold.append((one, error))
        elif one.is_known:
            found.unknown.append(one.as_unknown())
    return list(missions.values())


async def _owners(link: OurLink, hrefs: Iterable[Href]) -> dict[Href, Touched | SyncerError | None]:
    wanted = list(hrefs)
    owners = await together(_owner_or_error(link, href) for href in wanted)
    return dict(zip(wanted, owners, strict=True))


async def _owner_or_error(link: OurLink, href: Href) -> Touched | SyncerError | None:
    """Say whose a resource is; None where that cannot be told, or it is there no more."""
    try:
        return await _owner(link, href)
    except (NotFoundError, RecordWithdrawnError):
        return None
    except (PayloadError, PartnerUnavailableError, PartnerTimeoutError) as error:
        return error


async def _owner(link: OurLink, href: Href) -> Touched | None:
    """Say to which mission a resource belongs; None where that cannot be told from it."""
    memory = await remembered(link)
    known = memory.owners.get(place_of(href))
    if known is not None and known in memory.missions:
        return await _known_owner(link, href, known)
    resource = await read_once(link, href)
    properties = resource.plain
    if isinstance(properties.get("mission"), dict):
        id_ = mission_id(resource)
        return Touched(id=id_, resource=resource) if id_ else None
    above = resource.link(wire.MISSION)
    if above is not None:
        return await _owner(link, above)
    id_ = ref_of(properties.get("missionId"))
    return Touched(id=id_) if id_ else None


async def _known_owner(link: OurLink, href: Href, id_: str) -> Touched:
    """Take a mission from where it was found before; elsewhere when it is there no more."""
    memory = await remembered(link)
    place = href if place_of(memory.missions[id_]) == place_of(href) else memory.missions[id_]
    try:
        return Touched(id=id_, resource=await read_once(link, place))
    except _UNREAD:
        return Touched(id=id_)


async def _searched(
    link: OurLink, happening: Happening, missions: dict[str, Touched]
) -> Touched | None:
    """Look through the partner's missions for one that holds the resource of an event."""
    if happening.resource is None:
        return None
    memory, wanted, searched = await remembered(link), place_of(happening.resource), 0
    if wanted in memory.owners:
        id_ = memory.owners[wanted]
        return missions.setdefault(id_, Touched(id=id_))
    listed = await home_link(link, wire.MISSIONS)
    async for page in pages_of(link, listed, size=wire.LARGEST_PAGE):
        for item in page.items():
            if (named := listed_id(item)) is not None:
                memory.mission_at(named, item.href)
                memory.belongs(item.href, named)
            if wanted not in memory.owners and searched < MOST_SEARCHED:
                searched += 1
                await _learn(link, item, happening.parts)
            if wanted in memory.owners:
                id_ = memory.owners[wanted]
                return missions.setdefault(id_, Touched(id=id_))
        if searched >= MOST_SEARCHED:
            break
    return None


async def _learn(link: OurLink, item: Resource, parts: Part) -> None:
    """Read what belongs to a listed mission, once for a page, so that it is remembered."""

    async def learn() -> None:
        resource = await read_once(link, item.href) if item.href else item
        await read_mission(link, resource, parts, seen_at=None)

    with suppress(*_UNREAD):
        await link.once(("learned", item.raw, parts), learn)
