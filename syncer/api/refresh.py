"""The route of "refresh now"."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from pydantic import Field

from syncer.domain.passes import Pass, PassState
from syncer.web import Answer, AnswerModel, BodyModel, Call, QueryModel, Slug, route

LONGEST_WAIT_SECONDS = 60


class RefreshBody(BodyModel):
    """Whose links to refresh; absent: all."""

    repairer: Slug | None = None
    connector: Slug | None = None


class RefreshQuery(QueryModel):
    """Parameters of a refresh."""

    wait: float | None = Field(
        None, ge=0, le=LONGEST_WAIT_SECONDS, description="Seconds to wait for the passes to end."
    )


class JoinedShape(AnswerModel):
    """A pass of the refresh."""

    id: str
    repairer: str
    connector: str
    state: PassState
    joined: bool = Field(description="It was running or queued already.")


class RefreshShape(AnswerModel):
    """The passes of a refresh, one for each link."""

    passes: list[JoinedShape]


@route(
    "POST",
    "/v1/refresh",
    summary="Pull now, ahead of scheduled work",
    tag="passes",
    query=RefreshQuery,
    body=RefreshBody,
    answers={200: RefreshShape, 202: RefreshShape},
    refusals=(404, 409, 503),
    keyed=True,
)
async def refresh(call: Call[RefreshQuery, RefreshBody]) -> Answer:
    """Start or join passes."""
    service = call.services.refresh
    joined = await service.start(repairer=call.body.repairer, connector=call.body.connector)
    passes = [one.pass_ for one in joined]
    have_ended = False
    if call.query.wait is not None:
        have_ended = await service.wait([pass_.id for pass_ in passes], call.query.wait)
        passes = [await service.get(pass_.id) for pass_ in passes]
    views = [_view(pass_, is_joined=one.joined) for pass_, one in zip(passes, joined, strict=True)]
    headers = {"Location": _location(passes, call.body)}
    return Answer(200 if have_ended else 202, {"passes": views}, headers)


def _view(pass_: Pass, *, is_joined: bool) -> dict[str, Any]:
    return {
        "id": pass_.id,
        "repairer": pass_.link.repairer,
        "connector": pass_.link.connector,
        "state": pass_.state,
        "joined": is_joined,
    }


def _location(passes: Sequence[Pass], body: RefreshBody) -> str:
    """Name the pass when there is one, else the list that shows them all."""
    if len(passes) == 1:
        return f"/v1/passes/{passes[0].id}"
    filters = urlencode(body.model_dump(exclude_none=True))
    return f"/v1/passes?{filters}" if filters else "/v1/passes"
