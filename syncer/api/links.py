"""Routes of the links: reading them, settings, pausing and resuming."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import Field, RootModel

from syncer.domain.links import LinkKey, LinkState
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

_TAG = "links"
LINK_PATH = "/v1/repairers/{repairer}/links/{connector}"


class LinksQuery(PageQuery):
    """Parameters of the links' list."""

    repairer: CommaList[Slug] | None = None
    connector: CommaList[Slug] | None = None
    state: CommaList[LinkState] | None = None


class LastPassShape(AnswerModel):
    """The newest pass, idle ones included."""

    id: str
    state: str
    ended_at: datetime | None


class SettingShape(AnswerModel):
    """A setting in force."""

    value: Any
    source: str = Field(description="`default`, `group:<name>`, `connector`, `link` or `env`.")


class LinkShape(AnswerModel):
    """A link: one repairer at one partner."""

    repairer: Slug
    connector: Slug
    state: LinkState
    reason: str | None
    last_pass: LastPassShape | None
    last_success_at: datetime | None
    next_due_at: datetime | None
    counts: dict[str, int]
    settings: dict[str, SettingShape]


class ChoicesShape(AnswerModel):
    """What the partner offers; each item has the members that the field itself has."""

    items: list[dict[str, Any]]


class SettingsBody(RootModel[dict[str, Any]]):
    """The link's own settings by name, as the connector's JSON Schema describes them."""


@route(
    "GET",
    "/v1/links",
    summary="List the links of enabled connectors",
    tag=_TAG,
    query=LinksQuery,
    answers={200: listing(LinkShape)},
)
async def list_links(call: Call[LinksQuery, None]) -> Answer:
    """List in order of repairer, then connector."""
    query = call.query
    key = read_cursor(query.after, 2)
    found = await call.services.links.find(
        repairers=query.repairer,
        connectors=query.connector,
        states=tuple(state.value for state in query.state) if query.state else None,
        after=LinkKey(*key) if key else None,
        limit=query.limit,
    )
    next_ = write_cursor(*found.last) if found.last else None
    return Answer(200, paged(found.items, next_, found.total))


@route("GET", LINK_PATH, summary="Read a link", tag=_TAG, answers={200: LinkShape}, refusals=(409,))
async def get_link(call: Call[None, None]) -> Answer:
    """Read one."""
    return Answer(200, await call.services.links.get(call.link))


@route(
    "PUT",
    f"{LINK_PATH}/settings",
    summary="Replace the link's own settings",
    tag=_TAG,
    body=SettingsBody,
    answers={200: LinkShape},
    refusals=(409,),
)
async def put_settings(call: Call[None, SettingsBody]) -> Answer:
    """Replace them all; what is absent or null falls back to the layers below."""
    return Answer(200, await call.services.links.set_settings(call.link, call.body.root))


@route(
    "POST",
    f"{LINK_PATH}/pause",
    summary="Stop the link's passes",
    tag=_TAG,
    answers={200: LinkShape},
    refusals=(409,),
)
async def pause_link(call: Call[None, None]) -> Answer:
    """Stop scheduled and asked-for passes until the link is resumed."""
    return Answer(200, await call.services.links.pause(call.link))


@route(
    "POST",
    f"{LINK_PATH}/resume",
    summary="Start the link's passes again",
    tag=_TAG,
    answers={200: LinkShape},
    refusals=(409,),
)
async def resume_link(call: Call[None, None]) -> Answer:
    """Make the link active; refused credentials are tried once more."""
    return Answer(200, await call.services.links.resume(call.link))


@route(
    "GET",
    f"{LINK_PATH}/choices/{{field}}",
    summary="List the values that the partner offers for a field",
    tag=_TAG,
    answers={200: ChoicesShape},
    refusals=(409, 429, 502, 503),
)
async def list_choices(call: Call[None, None]) -> Answer:
    """Ask the partner; 404 for a field without choices."""
    found = await call.services.choices.of(
        call.link, call.path["field"], correlation_id=call.request_id
    )
    return Answer(200, {"items": found})
