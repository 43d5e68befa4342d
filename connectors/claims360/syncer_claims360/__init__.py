"""Claims360: missions, quotes and photos of Belgian body shops."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, time
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import Field

from syncer.sdk import (
    Attachment,
    Completed,
    Connector,
    Credentials,
    CredentialsRejectedError,
    Delivery,
    Download,
    Kind,
    Link,
    NotFoundError,
    Page,
    PartnerLimits,
    PayloadError,
    Receipt,
    Record,
    RecordKey,
    RecordWithdrawnError,
    Response,
    Secret,
    Settings,
    UnexpectedAnswerError,
    Unreadable,
    hookimpl,
    path_of,
)
from syncer_claims360 import wire
from syncer_claims360.claim_data import claim_data
from syncer_claims360.cursor import Cursor, server_time
from syncer_claims360.mapping import read_items, read_listing, read_photos, read_record
from syncer_claims360.sending import (
    PHOTOS,
    VEHICLE_UPDATE,
    check_delivery,
    look_up_dossier,
    send_dossier,
    send_photos,
)

__all__ = ["Claims360", "Claims360Credentials"]

_OK, _NOT_MODIFIED, _NOT_FOUND, _GONE = 200, 304, 404, 410

ApiKey = Annotated[Secret, Field(min_length=16, max_length=128)]


class Claims360Credentials(Credentials):
    """What Claims360 gives a body shop."""

    bodyshop_id: str = Field(
        pattern=r"^[0-9]{1,20}$",
        title="Body-shop id",
        description="The number of the Informex mailbox: 1 to 20 digits.",
    )
    bodyshop_api_key: ApiKey = Field(
        title="Bodyshop API key", description="The key that Claims360 issued to the body shop."
    )
    planning_api_key: ApiKey = Field(
        title="Planning-system API key",
        description="The key that Claims360 issued to the planning system for this body shop.",
    )


_DETAILS = {Kind.MISSION: wire.MISSION, Kind.QUOTE: wire.QUOTE}
Photos = tuple[Sequence[Attachment], Sequence[Unreadable]]
OurLink = Link[Claims360Credentials, Settings]


class Claims360(Connector[Claims360Credentials, Settings]):
    """Reads what changed its status, with the lines of quotes and the photos of missions.

    Sends dossiers (plate and mileage) and photos that a person chose.
    """

    name = "claims360"
    title = "Claims360"
    version = "0.1.0"
    wire_format = "profile"
    kinds = frozenset({Kind.MISSION, Kind.QUOTE})
    credentials = Claims360Credentials
    settings_group = "informex"
    supersedes = frozenset({"winformex"})
    limits = PartnerLimits(
        requests=wire.REQUESTS_PER_SECOND,
        concurrent=wire.REQUESTS_AT_ONCE,
        source="Claims360 profile 1, limits per body shop; docs/partners/claims360.md",
    )
    reference_max_length = wire.LONGEST_REFERENCE
    operations = (VEHICLE_UPDATE, PHOTOS)

    def auth_headers(self, credentials: Claims360Credentials) -> Mapping[str, str]:
        """Send both keys with every request."""
        return {
            wire.BODYSHOP_KEY_HEADER: credentials.bodyshop_api_key.get_secret_value(),
            wire.PLANNING_KEY_HEADER: credentials.planning_api_key.get_secret_value(),
        }

    async def check(self, link: OurLink) -> None:
        """Ask for the body shop; the keys must be its own."""
        answer = await link.http.request("GET", _path(link, wire.BODYSHOP))
        if answer.decode(wire.WireBodyshop).id != link.credentials.bodyshop_id:
            raise CredentialsRejectedError("The partner answered for another body shop.")

    async def first_cursor(self, link: OurLink) -> str:
        """Start at midnight of the start date in Belgium, else at the partner's present time."""
        if link.start_date:
            midnight = datetime.combine(link.start_date, time(), ZoneInfo(wire.TIME_ZONE))
            return Cursor(since=midnight).text()
        path, query = _path(link, wire.CHANGES), {wire.LIMIT: 1}
        answer = await link.http.request("GET", path, query=query)
        return Cursor(since=server_time(read_listing(answer.body))).text()

    async def pull(self, link: OurLink, cursor: str | None) -> Page:
        """Read one page of the list of changes."""
        at = Cursor.parse(await self.first_cursor(link) if cursor is None else cursor)
        answer = await _changes(link, at)
        if answer.status == _GONE:
            at = at.restarted()
            answer = await _changes(link, at)
        if answer.status == _NOT_MODIFIED:
            return Page(next_cursor=at.text())
        listing = read_listing(answer.body)
        items = read_items(listing.items)
        following = at.after(listing, items.records, answer.headers.get("etag"))
        return Page(
            records=items.records,
            unreadable=items.unreadable,
            unknown=items.unknown,
            next_cursor=following.text(),
            has_more=listing.has_more,
        )

    async def complete(self, link: OurLink, record: Record) -> Completed:
        """Load the lines of a quote, and the list of its mission's photos."""
        if record.kind is Kind.QUOTE:
            record = await _with_lines(link, record)
        mission = _mission_of(record)
        if mission is None or record.extra.get("photoCount") == 0:
            return Completed(record=record)
        photos = await link.once(("photos", mission), lambda: _photos(link, mission))
        if photos is not None:
            return Completed(record=record, attachments=photos[0], unreadable=photos[1])
        if record.kind is Kind.MISSION:
            raise RecordWithdrawnError("The partner withdrew the mission.")
        return Completed(
            record=record, withdrawn=[RecordKey(kind=Kind.MISSION, partner_ref=mission)]
        )

    async def reread(self, link: OurLink, key: RecordKey) -> Record:
        """Read the detail of a mission or a quote."""
        return await _detail(link, key)

    @asynccontextmanager
    async def fetch(self, link: OurLink, attachment: Attachment) -> AsyncIterator[Download]:
        """Open the content of a photo."""
        path = _path(link, wire.PHOTO_CONTENT, attachment.partner_ref)
        try:
            async with link.http.download(path) as download:
                yield download
        except UnexpectedAnswerError as error:
            if error.status == _GONE:
                raise RecordWithdrawnError("The partner withdrew the photo's mission.") from None
            raise

    def claim_data(self, record: Record) -> Mapping[str, Any]:
        """Give the claim's vehicle, parties and references, and the quote's totals."""
        return claim_data(record)

    def validate(self, delivery: Delivery[Any], settings: Settings) -> None:  # noqa: ARG002
        """Check reference, mileage and captions."""
        check_delivery(delivery)

    async def deliver(self, link: OurLink, delivery: Delivery[Any]) -> Receipt:
        """Send a dossier, or photos."""
        bodyshop = link.credentials.bodyshop_id
        if delivery.operation.name == VEHICLE_UPDATE.name:
            return await send_dossier(link.http, bodyshop, delivery)
        return await send_photos(link.http, bodyshop, delivery)

    async def look_up(self, link: OurLink, delivery: Delivery[Any]) -> Receipt | None:
        """Ask whether a dossier arrived."""
        return await look_up_dossier(link.http, link.credentials.bodyshop_id, delivery)


def _path(link: OurLink, template: str, *values: str) -> str:
    return path_of(template, link.credentials.bodyshop_id, *values)


async def _changes(link: OurLink, at: Cursor) -> Response:
    headers, accept = {}, {_OK}
    if at.listing:
        accept.add(_GONE)
    elif at.etag:
        headers["If-None-Match"] = at.etag
        accept.add(_NOT_MODIFIED)
    path = _path(link, wire.CHANGES)
    return await link.http.request("GET", path, query=at.query(), headers=headers, accept=accept)


async def _detail(link: OurLink, key: RecordKey) -> Record:
    template = _DETAILS.get(key.kind)
    if template is None:
        raise NotFoundError("Claims360 has missions and quotes only.")
    path = _path(link, template, key.partner_ref)
    answer = await link.http.request("GET", path, accept={_OK, _NOT_FOUND, _GONE})
    if answer.status == _GONE:
        raise RecordWithdrawnError(f"The partner withdrew the {key.kind}.")
    if answer.status == _NOT_FOUND:
        raise NotFoundError(f"The partner does not know the {key.kind}.")
    return read_record(answer.body, key)


async def _with_lines(link: OurLink, listed: Record) -> Record:
    """Give the quote as its detail says; a detail older than the list gives the lines only."""
    try:
        detail = await _detail(link, listed.key)
    except NotFoundError:
        raise PayloadError("the quote is listed, but its detail is not there") from None
    if detail.revision >= listed.revision:
        return detail
    return replace(listed, lines=detail.lines)


async def _photos(link: OurLink, mission: str) -> Photos | None:
    """List the photos of a mission; None when the partner withdrew it."""
    path = _path(link, wire.PHOTOS, mission)
    answer = await link.http.request("GET", path, accept={_OK, _NOT_FOUND, _GONE})
    if answer.status == _GONE:
        return None
    if answer.status == _NOT_FOUND:
        return [], []
    return read_photos(answer.body, RecordKey(kind=Kind.MISSION, partner_ref=mission))


def _mission_of(record: Record) -> str | None:
    if record.kind is Kind.MISSION:
        return record.partner_ref
    return record.extra.get("missionId") or None


@hookimpl
def register_connectors(register: Callable[[type[Claims360]], None]) -> None:
    """Hand the connector to the host."""
    register(Claims360)
