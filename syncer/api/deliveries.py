"""Routes of deliveries: asked for, listed, retried, cancelled, resolved."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from syncer.domain.deliveries import DeliveryFilter, DeliveryState, Outcome
from syncer.ports.store import UnitOfWork
from syncer.services.accepting import NewDelivery, Remember
from syncer.services.record_json import Json
from syncer.web import (
    Answer,
    AnswerModel,
    BodyModel,
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

_TAG = "deliveries"
MOST_ATTACHMENTS = 500
Id = Annotated[str, StringConstraints(min_length=1, max_length=64)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=64)]


class DeliveryFileShape(AnswerModel):
    """A file that goes along, as it was when the delivery was accepted."""

    id: str
    type: str
    name: str
    content_type: str
    bytes: int
    sha256: str


class AttemptShape(AnswerModel):
    """An attempt that was made."""

    at: str
    outcome: Outcome
    code: str | None = Field(description="The partner's code, else ours.")
    text: str | None


class ReceiptShape(AnswerModel):
    """What the partner said."""

    partner_ref: str | None
    at: str
    incomplete: list[str] = Field(description="Document types that the partner still misses.")
    raw: dict[str, Any]


class DeliveryShape(AnswerModel):
    """A delivery."""

    id: str
    claim_file: str
    repairer: str
    connector: str
    operation: str
    payload: dict[str, Any]
    attachments: list[DeliveryFileShape]
    dry_run: bool
    state: DeliveryState
    reason: str | None
    attempts: list[AttemptShape]
    receipt: ReceiptShape | None = Field(
        description="Also of a refusal with which the partner told more than its reason."
    )
    next_attempt_at: str | None
    accepted_at: str
    updated_at: str


class DeliveriesQuery(PageQuery):
    """Parameters of the deliveries' list."""

    state: CommaList[DeliveryState] | None = None
    operation: CommaList[Name] | None = None
    repairer: CommaList[Slug] | None = None
    connector: CommaList[Slug] | None = None
    claim_file: CommaList[Id] | None = None

    def wanted(self) -> DeliveryFilter:
        """Give the filter as the services take it."""
        return DeliveryFilter(
            states=self.state,
            operations=self.operation,
            repairers=self.repairer,
            connectors=self.connector,
            claim_files=self.claim_file,
        )


class NewDeliveryBody(BodyModel):
    """What is to be sent."""

    operation: Name
    payload: dict[str, Any] = Field(
        default_factory=dict, description="As the operation's JSON Schema at the connector says."
    )
    claim_file: Id | None = Field(
        None,
        description="Absent only for operations that make one: they name repairer and connector.",
    )
    connector: Slug | None = Field(None, description="Absent: the claim file's.")
    repairer: Slug | None = None
    attachments: list[Id] | None = Field(
        None, max_length=MOST_ATTACHMENTS, description="Ids of documents or attachments."
    )
    dry_run: bool = Field(
        False, description="Ask the partner without effect; only where the operation offers it."
    )


class ResolutionBody(BodyModel):
    """What a person found out at the partner."""

    outcome: Literal["delivered", "not_delivered"]
    note: Annotated[str, StringConstraints(max_length=1_000)] | None = None


@route(
    "POST",
    "/v1/deliveries",
    summary="Send something: accepted means sent once, or a person is told",
    tag=_TAG,
    body=NewDeliveryBody,
    answers={202: DeliveryShape},
    refusals=(404, 409, 413),
    keyed=True,
    key_required=True,
)
async def accept_delivery(call: Call[None, NewDeliveryBody]) -> Answer:
    """Accept a delivery."""
    body = call.body
    new = NewDelivery(
        operation=body.operation,
        payload=body.payload,
        claim_file=body.claim_file,
        connector=body.connector,
        repairer=body.repairer,
        attachments=body.attachments,
        dry_run=body.dry_run,
    )
    return _accepted(await call.services.acceptance.accept(new, remember=_remember(call)))


@route(
    "GET",
    "/v1/deliveries",
    summary="List deliveries, newest first",
    tag=_TAG,
    query=DeliveriesQuery,
    answers={200: listing(DeliveryShape)},
)
async def list_deliveries(call: Call[DeliveriesQuery, None]) -> Answer:
    """List deliveries."""
    after = read_cursor(call.query.after, 1)
    found = await call.services.deliveries.find(
        call.query.wanted(), after=after[0] if after else None, limit=call.query.limit
    )
    following = write_cursor(found.last) if found.last else None
    return Answer(200, paged(found.items, following, found.total))


@route(
    "GET",
    "/v1/deliveries/{id}",
    summary="Read a delivery",
    tag=_TAG,
    answers={200: DeliveryShape},
    refusals=(404,),
)
async def get_delivery(call: Call[None, None]) -> Answer:
    """Read a delivery."""
    return Answer(200, await call.services.deliveries.one(call.path["id"]))


@route(
    "POST",
    "/v1/deliveries/{id}/retry",
    summary="Make another attempt now",
    tag=_TAG,
    answers={200: DeliveryShape},
    refusals=(404, 409),
)
async def retry_delivery(call: Call[None, None]) -> Answer:
    """Queue a delivery again."""
    return Answer(200, await call.services.deliveries.retry(call.path["id"]))


@route(
    "POST",
    "/v1/deliveries/{id}/cancel",
    summary="Take back a delivery that waits",
    tag=_TAG,
    answers={200: DeliveryShape},
    refusals=(404, 409),
)
async def cancel_delivery(call: Call[None, None]) -> Answer:
    """Cancel a delivery."""
    return Answer(200, await call.services.deliveries.cancel(call.path["id"]))


@route(
    "POST",
    "/v1/deliveries/{id}/resolve",
    summary="Enter what was found out at the partner",
    tag=_TAG,
    body=ResolutionBody,
    answers={200: DeliveryShape},
    refusals=(404, 409),
)
async def resolve_delivery(call: Call[None, ResolutionBody]) -> Answer:
    """Resolve a delivery whose answer was lost."""
    resolved = await call.services.deliveries.resolve(
        call.path["id"],
        is_delivered=call.body.outcome == "delivered",
        note=call.body.note,
    )
    return Answer(200, resolved)


def _remember(call: Call[None, NewDeliveryBody]) -> Remember | None:
    claim = call.idempotency
    if claim is None:
        return None

    async def remember(uow: UnitOfWork, view: Json) -> None:
        await claim.remember(uow, _accepted(view))

    return remember


def _accepted(view: Json) -> Answer:
    return Answer(202, view, {"Location": f"/v1/deliveries/{view['id']}"})
