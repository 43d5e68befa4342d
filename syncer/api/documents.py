"""Routes of a claim file's documents: handed in, classified, replaced, removed, waived."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from syncer.domain.completeness import By, RowState
from syncer.ports.store import UnitOfWork
from syncer.services.documents import Remember
from syncer.services.record_json import Json
from syncer.web import (
    Answer,
    AnswerModel,
    BodyModel,
    Call,
    DocumentType,
    FormModel,
    listing,
    route,
)

_TAG = "documents"
_ALL = "/v1/claim-files/{id}/documents"
_ONE = f"{_ALL}/{{document}}"
_WAIVER = f"{_ALL}/{{type}}/waiver"

Reason = Annotated[
    str, StringConstraints(min_length=1, max_length=500, pattern=r"^\S([\s\S]*\S)?$")
]
"""A text without space around it."""


class FileShape(AnswerModel):
    """A file that was handed in; its content is at `/v1/attachments/{id}/content`."""

    id: str
    name: str = Field(description="Text only: never a path.")
    content_type: str = Field(description="Told from the content.")
    bytes: int
    sha256: str
    at: str


class DocumentShape(FileShape):
    """A document of a claim file."""

    type: str = Field(description="Id of the document type; `other` while not classified.")


class WaiverShape(AnswerModel):
    """Why a document is not asked for any more."""

    reason: str | None
    by: By
    at: str


class DocumentRowShape(AnswerModel):
    """How one document type stands on a claim file."""

    type: str
    label: str
    required: bool = Field(description="For this claim file's client profile.")
    state: RowState
    waiver: WaiverShape | None
    documents: list[FileShape]


class DocumentForm(FormModel):
    """A file for a claim file: PDF or image, at most 50 MiB."""

    type: DocumentType | None = Field(None, description="Absent: not classified yet.")


class ContentForm(FormModel):
    """The new content of a document: PDF or image, at most 50 MiB."""


class WaiverBody(BodyModel):
    """Why the document is not asked for any more."""

    reason: Reason


class ClassifyBody(BodyModel):
    """Which document type it is."""

    type: DocumentType


@route(
    "GET",
    _ALL,
    summary="List the documents of a claim file by type, all at once",
    tag=_TAG,
    answers={200: listing(DocumentRowShape)},
)
async def list_documents(call: Call[None, None]) -> Answer:
    """List what is expected and what is there."""
    return Answer(200, await call.services.documents.rows(call.path["id"]))


@route(
    "POST",
    _ALL,
    summary="Hand in a document",
    tag=_TAG,
    form=DocumentForm,
    answers={200: DocumentShape, 201: DocumentShape},
    keyed=True,
)
async def hand_in_document(call: Call[None, DocumentForm]) -> Answer:
    """Hand in a document; 200 when the claim file had it already."""
    form = call.body
    view, is_new = await call.services.documents.hand_in(
        call.path["id"], form.file, form.type, remember=_remember(call)
    )
    return _handed_in(view, is_new=is_new)


@route(
    "PATCH",
    _ONE,
    summary="Classify a document, or an attachment of the claim file's records",
    tag=_TAG,
    body=ClassifyBody,
    answers={200: DocumentShape},
    refusals=(409,),
    conditional=True,
)
async def classify_document(call: Call[None, ClassifyBody]) -> Answer:
    """Classify; `If-Match` takes the ETag of the documents' list."""
    view = await call.services.documents.classify(
        call.path["id"], call.path["document"], call.body.type, unless_stale=call.if_match
    )
    return Answer(200, view)


@route(
    "DELETE",
    _ONE,
    summary="Remove a document; an attachment is only no document any more",
    tag=_TAG,
    answers={204: None},
    conditional=True,
)
async def remove_document(call: Call[None, None]) -> Answer:
    """Remove; deliveries that were accepted with it keep its content."""
    await call.services.documents.remove(
        call.path["id"], call.path["document"], unless_stale=call.if_match
    )
    return Answer(204)


@route(
    "PUT",
    f"{_ONE}/content",
    summary="Replace the content of a document; its id and type stay",
    tag=_TAG,
    form=ContentForm,
    answers={200: DocumentShape},
    refusals=(409,),
    conditional=True,
)
async def replace_document(call: Call[None, ContentForm]) -> Answer:
    """Replace; `If-Match` takes the ETag of the documents' list."""
    view = await call.services.documents.replace(
        call.path["id"], call.path["document"], call.body.file, unless_stale=call.if_match
    )
    return Answer(200, view)


@route(
    "POST",
    _WAIVER,
    summary="Say why an expected document is not asked for any more",
    tag=_TAG,
    body=WaiverBody,
    answers={200: DocumentRowShape},
    keyed=True,
    conditional=True,
)
async def waive_document(call: Call[None, WaiverBody]) -> Answer:
    """Waive; `If-Match` takes the ETag of the documents' list."""
    claim = call.idempotency

    async def remember(uow: UnitOfWork, view: Json) -> None:
        if claim is not None:
            await claim.remember(uow, Answer(200, view))

    view = await call.services.waivers.waive(
        call.path["id"],
        call.path["type"],
        call.body.reason,
        unless_stale=call.if_match,
        remember=remember,
    )
    return Answer(200, view)


@route(
    "DELETE",
    _WAIVER,
    summary="Ask for a waived document again",
    tag=_TAG,
    answers={200: DocumentRowShape},
    conditional=True,
)
async def take_waiver_back(call: Call[None, None]) -> Answer:
    """Take a waiver back; `If-Match` takes the ETag of the documents' list."""
    view = await call.services.waivers.take_back(
        call.path["id"], call.path["type"], unless_stale=call.if_match
    )
    return Answer(200, view)


def _remember(call: Call[None, DocumentForm]) -> Remember | None:
    claim = call.idempotency
    if claim is None:
        return None

    async def remember(uow: UnitOfWork, view: Json, is_new: bool) -> None:  # noqa: FBT001
        await claim.remember(uow, _handed_in(view, is_new=is_new))

    return remember


def _handed_in(view: Json, *, is_new: bool) -> Answer:
    headers = {"Location": f"/v1/attachments/{view['id']}/content"}
    return Answer(201 if is_new else 200, view, headers)
