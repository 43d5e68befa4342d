"""Routes of passes: list, one, its progress as it happens, cancel."""

from __future__ import annotations

from collections.abc import AsyncIterator

from syncer.api.pass_shapes import PassShape, pass_view
from syncer.domain.passes import Pass, PassState
from syncer.web import (
    Answer,
    Call,
    CommaList,
    Event,
    Events,
    PageQuery,
    Slug,
    cut,
    listing,
    paged,
    read_cursor,
    route,
    write_cursor,
)

_TAG = "passes"


class PassesQuery(PageQuery):
    """Parameters of the passes' list."""

    repairer: CommaList[Slug] | None = None
    connector: CommaList[Slug] | None = None
    state: CommaList[PassState] | None = None


@route(
    "GET",
    "/v1/passes",
    summary="List passes that were asked for, changed something or failed; newest first",
    tag=_TAG,
    query=PassesQuery,
    answers={200: listing(PassShape)},
)
async def list_passes(call: Call[PassesQuery, None]) -> Answer:
    """List passes."""
    query = call.query
    place = read_cursor(query.after, 1)
    rows, total = await call.services.refresh.find(
        repairers=query.repairer,
        connectors=query.connector,
        states=tuple(state.value for state in query.state) if query.state else None,
        after=place[0] if place else None,
        limit=query.limit + 1,
    )
    page, following = cut(rows, query.limit, lambda pass_: write_cursor(pass_.id))
    return Answer(200, paged([pass_view(pass_) for pass_ in page], following, total))


@route(
    "GET",
    "/v1/passes/{id}",
    summary="Read a pass",
    tag=_TAG,
    answers={200: PassShape},
    refusals=(404,),
)
async def get_pass(call: Call[None, None]) -> Answer:
    """Read a pass."""
    return Answer(200, pass_view(await call.services.refresh.get(call.path["id"])))


@route(
    "GET",
    "/v1/passes/{id}/events",
    summary="Follow a pass as server-sent events: progress, then ended",
    tag=_TAG,
    answers={200: None},
    media_type="text/event-stream",
    refusals=(404,),
)
async def follow_pass(call: Call[None, None]) -> Answer:
    """Follow a pass."""
    id_ = call.path["id"]
    await call.services.refresh.get(id_)
    return Answer(200, Events(_events(call.services.refresh.watch(id_))))


@route(
    "POST",
    "/v1/passes/{id}/cancel",
    summary="Stop a pass after the page in hand",
    tag=_TAG,
    answers={200: PassShape},
    refusals=(404, 409),
)
async def cancel_pass(call: Call[None, None]) -> Answer:
    """Cancel a pass."""
    return Answer(200, pass_view(await call.services.refresh.cancel(call.path["id"])))


async def _events(passes: AsyncIterator[Pass]) -> AsyncIterator[Event]:
    async for pass_ in passes:
        yield Event(type="ended" if pass_.state.has_ended else "progress", data=pass_view(pass_))
