"""The weekly walk through the listed missions: what the log did not tell is found by comparing.

A page of the listing is a page of the pass. Each mission that is open, there or here, is read
whole, and the host stores what differs. What two walks in a row do not find is gone at the partner;
when too much is missing at once it is the listing that is wrong, and nothing is withdrawn.
"""

from __future__ import annotations

from collections.abc import Collection

import msgspec

from syncer.sdk import Href, Kind, Page, PageLoopError, PayloadError, RecordKey, Unreadable
from syncer_sinapps import wire
from syncer_sinapps.cursor import Cursor, Walk
from syncer_sinapps.mapping import set_aside
from syncer_sinapps.missions import Part
from syncer_sinapps.pulling import Found, Touched, take_mission
from syncer_sinapps.resources import (
    OurLink,
    Resource,
    home_link,
    mission_id,
    next_page,
    read_page,
    together,
)

MOST_ABSENT = 50
MOST_ABSENT_SHARE = 0.2
FEWEST_FOR_SHARE = 5
"""Below so many open missions a share says nothing."""


class WireListed(msgspec.Struct, rename="camel"):
    """A listed mission in either of its published shapes, as far as it says whether it is open."""

    mission: wire.WireMission | None = None
    cloture: bool | None = None


async def walk_page(link: OurLink, at: Cursor) -> Page:
    """Read one page of the walk.

    Raises:
        PageLoopError: the listing does not come to an end.
    """
    walk = at.walk
    assert walk is not None, "a walk is under way"
    if walk.page > wire.MOST_PAGES:
        raise PageLoopError("the list of missions does not come to an end")
    home = await home_link(link, wire.MISSIONS)
    listing = await read_page(
        link, home, Href(walk.next) if walk.next else walk.page, size=wire.WALK_PAGE
    )
    held = set(await link.held(Kind.MISSION, but=wire.CLOSED_STATUSES))
    found, seen = Found(), list(walk.seen)
    for id_, one in await together(_take(link, item, held, at) for item in listing.items()):
        found.add(one)
        seen += [id_] if id_ is not None else []
    found.set_aside()
    following = next_page(listing) if listing.wire.items else None
    if following is not None:
        return _page(found, at, _onward(walk, following, seen))
    gone, absent = _missing(held, set(seen), at.absent, found)
    found.withdrawn += [RecordKey(kind=Kind.MISSION, partner_ref=ref) for ref in gone]
    return _page(found, at.walked(tuple(absent)), None)


async def _take(
    link: OurLink, item: Resource, held: Collection[str], at: Cursor
) -> tuple[str | None, Found]:
    """Read a listed mission if it is open there or here; gives its id and what it came to."""
    found = Found()
    try:
        id_ = mission_id(item)
        is_open = _is_open(item)
    except PayloadError as error:
        found.mapped.unreadable.append(set_aside(Kind.MISSION, item, error))
        return None, found
    if id_ is not None and (is_open or id_ in held):
        touched = Touched(id=id_, at=item.href, wanted=Part.ALL)
        found = await take_mission(link, touched, at.seen_at)
    return id_, found


def _is_open(item: Resource) -> bool:
    listed = item.properties(WireListed)
    if listed.mission is not None and listed.mission.statut is not None:
        return listed.mission.statut.name not in wire.CLOSED_STATUSES
    return not listed.cloture


def _onward(walk: Walk, following: Href | int, seen: list[str]) -> Walk:
    return Walk(
        started_at=walk.started_at,
        page=walk.page + 1 if isinstance(following, Href) else following,
        next=following.text if isinstance(following, Href) else None,
        seen=tuple(seen),
    )


def _page(found: Found, at: Cursor, walk: Walk | None) -> Page:
    cursor = at if walk is None else msgspec.structs.replace(at, walk=walk)
    return found.page(cursor.text(), has_more=walk is not None)


def _missing(
    held: set[str], seen: set[str], absent_before: Collection[str], found: Found
) -> tuple[list[str], list[str]]:
    """Say which held missions are gone, and which are absent for the first time.

    Source: reliability rule for sweeps: absent in two complete ones is gone, and more than a fifth,
    or fifty, at once is a fault of the listing.
    """
    absent = sorted(held - seen)
    is_mass = len(absent) > MOST_ABSENT or (
        len(held) >= FEWEST_FOR_SHARE and len(absent) > MOST_ABSENT_SHARE * len(held)
    )
    if absent and (is_mass or not seen):
        reason = (
            f"the weekly listing lacks {len(absent)} of {len(held)} open missions; nothing was "
            "withdrawn"
        )
        raw = msgspec.json.encode(absent)
        found.mapped.unreadable.append(
            Unreadable(kind=Kind.MISSION, partner_ref=None, reason=reason, raw=raw)
        )
        return [], list(absent_before)
    gone = [ref for ref in absent if ref in absent_before]
    return gone, [ref for ref in absent if ref not in absent_before]
