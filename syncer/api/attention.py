"""The route of all that needs a person."""

from __future__ import annotations

from syncer.web import (
    Answer,
    AnswerModel,
    Call,
    PageQuery,
    listing,
    paged,
    read_cursor,
    route,
    write_cursor,
)


class AttentionSubject(AnswerModel):
    """What needs attention."""

    type: str
    id: str


class AttentionShape(AnswerModel):
    """Something that needs a person."""

    kind: str
    repairer: str | None
    connector: str | None
    subject: AttentionSubject
    text: str
    action: str
    since: str | None


@route(
    "GET",
    "/v1/attention",
    summary="List everything that needs a person now",
    tag="attention",
    query=PageQuery,
    answers={200: listing(AttentionShape)},
)
async def list_attention(call: Call[PageQuery, None]) -> Answer:
    """List what needs a person."""
    place = read_cursor(call.query.after, 2)
    found = await call.services.attention.find(
        after=(place[0], place[1]) if place else None, limit=call.query.limit
    )
    following = write_cursor(*found.last) if found.last else None
    return Answer(200, paged(found.items, following, found.total))
