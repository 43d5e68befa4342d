"""Routes of the repairers."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from syncer.services.repairers import repairer_view
from syncer.web import (
    Answer,
    AnswerModel,
    BodyModel,
    Call,
    PageQuery,
    Slug,
    cut,
    listing,
    paged,
    read_cursor,
    route,
    write_cursor,
)

_TAG = "repairers"
_LONGEST_TEXT = 200
_MOST_SITES = 500

Text = Annotated[str, StringConstraints(min_length=1, max_length=_LONGEST_TEXT)]


class RepairerBody(BodyModel):
    """A repairer as it is to be."""

    name: Text
    sites: list[Text] = Field(default_factory=list, max_length=_MOST_SITES)
    prefilled: dict[str, dict[str, Text]] = Field(
        default_factory=dict,
        description="By connector, credential fields that are known already; no secrets.",
    )


class RepairerShape(AnswerModel):
    """A repairer; one from the configuration file can be changed there only."""

    id: Slug
    name: str
    sites: list[str]
    prefilled: dict[str, dict[str, str]]
    origin: Literal["file", "api"]


@route(
    "GET",
    "/v1/repairers",
    summary="List the repairers",
    tag=_TAG,
    query=PageQuery,
    answers={200: listing(RepairerShape)},
)
async def list_repairers(call: Call[PageQuery, None]) -> Answer:
    """List in order of id."""
    key = read_cursor(call.query.after, 1)
    found = await call.services.repairers.find(
        after=key[0] if key else None, limit=call.query.limit + 1
    )
    page, next_ = cut(found.items, call.query.limit, lambda each: write_cursor(each.id))
    return Answer(200, paged([repairer_view(each) for each in page], next_, found.total))


@route(
    "GET",
    "/v1/repairers/{repairer}",
    summary="Read a repairer",
    tag=_TAG,
    answers={200: RepairerShape},
)
async def get_repairer(call: Call[None, None]) -> Answer:
    """Read one."""
    return Answer(200, repairer_view(await call.services.repairers.get(call.path["repairer"])))


@route(
    "PUT",
    "/v1/repairers/{repairer}",
    summary="Make or replace a repairer",
    tag=_TAG,
    body=RepairerBody,
    answers={200: RepairerShape, 201: RepairerShape},
    refusals=(409,),
)
async def put_repairer(call: Call[None, RepairerBody]) -> Answer:
    """Make or replace one; it gets a link to every enabled connector."""
    repairer, is_new = await call.services.repairers.put(
        call.path["repairer"],
        name=call.body.name,
        sites=tuple(call.body.sites),
        prefilled=call.body.prefilled,
    )
    return Answer(201 if is_new else 200, repairer_view(repairer))
