"""Routes of the change feed: read, wait, stream."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from pydantic import Field

from syncer.domain.feed import ChangeType, SubjectType
from syncer.services.record_json import Json
from syncer.web import Answer, AnswerModel, Call, Event, Events, QueryModel, route

_TAG = "changes"
LONGEST_WAIT_SECONDS = 60


class SubjectShape(AnswerModel):
    """What an entry is about."""

    type: SubjectType
    id: str


class ChangeShape(AnswerModel):
    """One entry of the feed."""

    cursor: str
    at: str
    type: ChangeType
    repairer: str
    connector: str
    subject: SubjectShape
    data: dict[str, Any]


class ChangesShape(AnswerModel):
    """Entries in order, and where to go on."""

    items: list[ChangeShape]
    next: str = Field(description="Always a cursor to continue from.")


class ChangesQuery(QueryModel):
    """Parameters of the feed."""

    after: str | None = Field(None, description="Absent: from the oldest entry that is kept.")
    limit: int = Field(50, ge=1, le=500)
    wait: float = Field(
        0, ge=0, le=LONGEST_WAIT_SECONDS, description="Seconds to wait for news when there is none."
    )


class StreamQuery(QueryModel):
    """Parameters of the stream; the header ``Last-Event-ID`` goes before them."""

    after: str | None = Field(None, description="Absent: from the oldest entry that is kept.")


@route(
    "GET",
    "/v1/changes",
    summary="Read what changed after a cursor, in order",
    tag=_TAG,
    query=ChangesQuery,
    answers={200: ChangesShape},
    refusals=(410,),
)
async def read_changes(call: Call[ChangesQuery, None]) -> Answer:
    """Read the feed."""
    items, following = await call.services.changes.read(
        call.query.after, limit=call.query.limit, wait_seconds=call.query.wait
    )
    return Answer(200, {"items": items, "next": following})


@route(
    "GET",
    "/v1/changes/stream",
    summary="Follow the feed as server-sent events; id is the cursor, event the type",
    tag=_TAG,
    query=StreamQuery,
    answers={200: None},
    media_type="text/event-stream",
    refusals=(410,),
)
async def stream_changes(call: Call[StreamQuery, None]) -> Answer:
    """Follow the feed."""
    after = call.request.headers.get("Last-Event-ID") or call.query.after
    lists = call.services.changes.follow(after)
    first = await anext(lists)
    return Answer(200, Events(_events(first, lists)))


async def _events(first: list[Json], lists: AsyncIterator[list[Json]]) -> AsyncIterator[Event]:
    for entry in first:
        yield _event(entry)
    async for entries in lists:
        for entry in entries:
            yield _event(entry)


def _event(entry: Json) -> Event:
    return Event(type=entry["type"], data=entry, id=entry["cursor"])
