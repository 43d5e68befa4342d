"""Routes of the quarantine."""

from __future__ import annotations

from syncer.domain.records import Kind
from syncer.web import (
    Answer,
    AnswerModel,
    Call,
    CommaList,
    PageQuery,
    Slug,
    listing,
    paged,
    read_cursor,
    route,
    write_cursor,
)

_TAG = "quarantine"


class QuarantineShape(AnswerModel):
    """An item of the partner that could not be read."""

    id: str
    repairer: str
    connector: str
    kind: Kind | None
    partner_ref: str | None
    reason: str
    raw_base64: str
    at: str
    resolved_at: str | None


class QuarantineQuery(PageQuery):
    """Parameters of the quarantine's list."""

    repairer: CommaList[Slug] | None = None
    connector: CommaList[Slug] | None = None


@route(
    "GET",
    "/v1/quarantine",
    summary="List quarantined items, newest first",
    tag=_TAG,
    query=QuarantineQuery,
    answers={200: listing(QuarantineShape)},
)
async def list_quarantine(call: Call[QuarantineQuery, None]) -> Answer:
    """List quarantined items."""
    place = read_cursor(call.query.after, 1)
    found = await call.services.quarantine.find(
        repairers=call.query.repairer,
        connectors=call.query.connector,
        after=place[0] if place else None,
        limit=call.query.limit,
    )
    following = write_cursor(found.last) if found.last else None
    return Answer(200, paged(found.items, following, found.total))


@route(
    "GET",
    "/v1/quarantine/{id}",
    summary="Read a quarantined item",
    tag=_TAG,
    answers={200: QuarantineShape},
    refusals=(404,),
)
async def get_quarantined(call: Call[None, None]) -> Answer:
    """Read a quarantined item."""
    return Answer(200, await call.services.quarantine.one(call.path["id"]))


@route(
    "POST",
    "/v1/quarantine/{id}/retry",
    summary="Ask the partner for the object again",
    tag=_TAG,
    answers={200: QuarantineShape},
    refusals=(404, 409, 502, 503),
)
async def retry_quarantined(call: Call[None, None]) -> Answer:
    """Read a quarantined object again."""
    return Answer(200, await call.services.quarantine.retry(call.path["id"]))
