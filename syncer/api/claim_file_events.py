"""The route by which the planning system reports what happened to a claim file."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field, WithJsonSchema

from syncer.api.claim_files import ClaimFileShape, ShortText
from syncer.domain.instants import parse_instant
from syncer.domain.lifecycles import LocalEvent
from syncer.ports.store import UnitOfWork
from syncer.services.claim_events import Reported
from syncer.services.claim_files import Remember
from syncer.services.record_json import Json
from syncer.web import Answer, BodyModel, Call, route


def _is_instant(text: str) -> str:
    try:
        parse_instant(text)
    except ValueError:
        raise ValueError("must be an RFC 3339 instant, such as 2026-03-02T09:14:05Z") from None
    return text


InstantText = Annotated[
    str, AfterValidator(_is_instant), WithJsonSchema({"type": "string", "format": "date-time"})
]
EventName = Annotated[
    LocalEvent, Field(strict=False, description="What happened in the planning system.")
]


class EventBody(BodyModel):
    """Something that the planning system did with a claim file."""

    event: EventName
    sales_document: ShortText | None = Field(
        None, description="The document that it is about; for a credit note the note's own id."
    )
    at: InstantText | None = Field(None, description="When it happened; absent: now.")


@route(
    "POST",
    "/v1/claim-files/{id}/events",
    summary="Report what the planning system did with a claim file",
    tag="claim files",
    body=EventBody,
    answers={200: ClaimFileShape},
    refusals=(404, 409, 412),
    keyed=True,
    conditional=True,
)
async def report_event(call: Call[None, EventBody]) -> Answer:
    """Report an event of a claim file."""
    body = call.body
    reported = Reported(
        event=body.event,
        sales_document=body.sales_document,
        at=parse_instant(body.at) if body.at is not None else None,
    )
    claim_file = await call.services.claim_events.report(
        call.path["id"], reported, unless_stale=call.if_match, remember=_remember(call)
    )
    return Answer(200, claim_file)


def _remember(call: Call[None, EventBody]) -> Remember | None:
    claim = call.idempotency
    if claim is None:
        return None

    async def remember(uow: UnitOfWork, view: Json) -> None:
        await claim.remember(uow, Answer(200, view))

    return remember
