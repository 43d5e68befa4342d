"""Routes of claim files: list, one, made by the planning system, completed by persons."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, StringConstraints

from syncer.domain.links import LinkKey
from syncer.domain.stored import ClaimFileFilter
from syncer.ports.store import UnitOfWork
from syncer.services.claim_data import ClaimData
from syncer.services.claim_files import NewClaimFile, Remember
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
    read_timed_cursor,
    route,
    write_timed_cursor,
)

_TAG = "claim files"
ShortText = Annotated[str, StringConstraints(min_length=1, max_length=255, pattern=r"^\S(.*\S)?$")]
"""A text on one line without space around it."""


class WarningShape(AnswerModel):
    """Something to show when the file is worked with."""

    text: str
    since: str


class TimelineShape(AnswerModel):
    """Something that happened to the file."""

    at: str
    event: str
    from_: str | None = Field(alias="from")
    to: str | None
    note: str | None
    record: str | None
    delivery: str | None


class ConflictShape(AnswerModel):
    """A field that a person entered and the partner gives another value for."""

    field: str = Field(description="Dotted path within `data`.")
    ours: Any
    partner: Any
    since: str | None


class DocumentCounts(AnswerModel):
    """How the expected documents stand."""

    received: int
    missing: int
    waived: int
    complete: bool


class ClaimFileShape(AnswerModel):
    """A claim file."""

    id: str
    connector: str
    repairer: str
    reference: str | None
    partner_ref: str | None
    claim_number: str | None
    claim_type: str | None
    state: str | None = Field(description="Null where the connector has no lifecycle.")
    selectable: bool | None
    selectable_reason: str | None
    in_sales_document: bool
    unassigned: bool
    warnings: list[WarningShape]
    timeline: list[TimelineShape]
    data: dict[str, Any] = Field(description="What persons entered over what the partner gives.")
    conflicts: list[ConflictShape]
    documents: DocumentCounts
    records: list[str]
    deliveries: list[str]
    updated_at: str


class ClaimFilesQuery(PageQuery):
    """Parameters of the claim files' list."""

    state: CommaList[str] | None = None
    repairer: CommaList[Slug] | None = None
    connector: CommaList[Slug] | None = None
    selectable: bool | None = Field(None, description="May be put into a sales document.")
    claim_number: str | None = None
    reference: str | None = None
    partner_ref: str | None = None
    q: str | None = Field(None, description="Any of reference, partner reference, claim number.")
    missing_documents: bool | None = Field(
        None, description="Only those that miss, or do not miss, expected documents."
    )

    def wanted(self) -> ClaimFileFilter:
        """Give the filter as the services take it; empty texts filter nothing."""
        return ClaimFileFilter(
            repairers=self.repairer,
            connectors=self.connector,
            states=self.state,
            selectable=self.selectable,
            claim_number=self.claim_number or None,
            reference=self.reference or None,
            partner_ref=self.partner_ref or None,
            q=self.q or None,
            missing_documents=self.missing_documents,
        )


class NewClaimFileBody(BodyModel):
    """A claim file for work that did not come from the partner."""

    repairer: Slug
    connector: Slug
    reference: ShortText = Field(description="The planning system's own; unique for the link.")
    claim_type: ShortText | None = None
    data: ClaimData = Field(default_factory=ClaimData)


class ClaimDataBody(BodyModel):
    """What a person enters; null takes back what was entered."""

    data: ClaimData


@route(
    "GET",
    "/v1/claim-files",
    summary="List claim files, newest change first",
    tag=_TAG,
    query=ClaimFilesQuery,
    answers={200: listing(ClaimFileShape)},
)
async def list_claim_files(call: Call[ClaimFilesQuery, None]) -> Answer:
    """List claim files."""
    found = await call.services.claim_files.find(
        call.query.wanted(), after=read_timed_cursor(call.query.after), limit=call.query.limit
    )
    following = write_timed_cursor(*found.last) if found.last else None
    return Answer(200, paged(found.items, following, found.total))


@route(
    "GET",
    "/v1/claim-files/{id}",
    summary="Read a claim file",
    tag=_TAG,
    answers={200: ClaimFileShape},
    refusals=(404,),
)
async def get_claim_file(call: Call[None, None]) -> Answer:
    """Read a claim file."""
    return Answer(200, await call.services.claim_files.one(call.path["id"]))


@route(
    "POST",
    "/v1/claim-files",
    summary="Make a claim file for work that did not come from the partner",
    tag=_TAG,
    body=NewClaimFileBody,
    answers={201: ClaimFileShape},
    refusals=(409,),
    keyed=True,
)
async def make_claim_file(call: Call[None, NewClaimFileBody]) -> Answer:
    """Make a claim file."""
    body = call.body
    new = NewClaimFile(
        link=LinkKey(body.repairer, body.connector),
        reference=body.reference,
        claim_type=body.claim_type,
        data=body.data,
    )
    return _made(await call.services.claim_files.make(new, remember=_remember(call)))


@route(
    "PATCH",
    "/v1/claim-files/{id}",
    summary="Enter data beside what the partner gives",
    tag=_TAG,
    body=ClaimDataBody,
    answers={200: ClaimFileShape},
    refusals=(404, 412),
    conditional=True,
)
async def complete_claim_file(call: Call[None, ClaimDataBody]) -> Answer:
    """Enter data of a claim file."""
    claim_file = await call.services.claim_files.complete(
        call.path["id"], call.body.data, unless_stale=call.if_match
    )
    return Answer(200, claim_file)


class AssessmentShape(AnswerModel):
    """What the connector makes of the data that is there."""

    direct_settlement: bool = Field(description="Whether it surely applies.")
    reasons: list[str] = Field(description="Why; what is not known is among them.")


@route(
    "POST",
    "/v1/claim-files/{id}/assessment",
    summary="Judge by the data whether direct settlement applies",
    tag=_TAG,
    answers={200: AssessmentShape},
    refusals=(404, 409, 502),
)
async def assess_claim_file(call: Call[None, None]) -> Answer:
    """Judge a claim file; nothing of it changes."""
    return Answer(200, await call.services.claim_files.assess(call.path["id"]))


def _remember(call: Call[None, NewClaimFileBody]) -> Remember | None:
    claim = call.idempotency
    if claim is None:
        return None

    async def remember(uow: UnitOfWork, view: Json) -> None:
        await claim.remember(uow, _made(view))

    return remember


def _made(view: Json) -> Answer:
    return Answer(201, view, {"Location": f"/v1/claim-files/{view['id']}"})
