"""Routes of the rule sets: which documents are expected on claim files."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from syncer.domain.completeness import ExpectedDocument, RulesOrigin
from syncer.domain.errors import FieldError, InvalidError
from syncer.web import (
    Answer,
    AnswerModel,
    BodyModel,
    Call,
    DocumentType,
    PageQuery,
    cut,
    listing,
    paged,
    read_cursor,
    route,
    write_cursor,
)

_TAG = "documents"
_MOST_DOCUMENTS = 200

Label = Annotated[str, StringConstraints(min_length=1, max_length=200)]


class ExpectedDocumentBody(BodyModel):
    """A document that is expected."""

    id: DocumentType = Field(description="Stays when the label changes; documents go by it.")
    label: Label = Field(description="Name for people.")
    required: bool = Field(True, description="Whether a claim file is incomplete without it.")
    optional_for: list[Label] = Field(
        default_factory=list, max_length=100, description="Client profiles that may leave it out."
    )


class RuleSetBody(BodyModel):
    """The expected documents, in the order in which they are shown."""

    connector: str | None = Field(None, description="If given, as in the name.")
    claim_type: str | None = Field(None, description="If given, as in the name.")
    documents: list[ExpectedDocumentBody] = Field(max_length=_MOST_DOCUMENTS)


class ExpectedDocumentShape(AnswerModel):
    """A document that is expected."""

    id: str
    label: str
    required: bool
    optional_for: list[str]


class RuleSetShape(AnswerModel):
    """Expected documents of a type of claim; one from the file can be changed there only."""

    name: str
    connector: str
    claim_type: str
    documents: list[ExpectedDocumentShape]
    origin: RulesOrigin


class RuleSetKeptShape(RuleSetShape):
    """A rule set that was kept."""

    changed: int = Field(description="How many open claim files stand differently by it.")


@route(
    "GET",
    "/v1/document-rules",
    summary="List the rule sets of expected documents",
    tag=_TAG,
    query=PageQuery,
    answers={200: listing(RuleSetShape)},
)
async def list_rule_sets(call: Call[PageQuery, None]) -> Answer:
    """List in order of connector, then type of claim."""
    place = read_cursor(call.query.after, 2)
    every = await call.services.document_rules.all()
    rest = [one for one in every if place is None or _place(one) > place]
    page, next_ = cut(rest, call.query.limit, lambda one: write_cursor(*_place(one)))
    return Answer(200, paged(page, next_, len(every)))


@route(
    "GET",
    "/v1/document-rules/{rule_set}",
    summary="Read a rule set",
    tag=_TAG,
    answers={200: RuleSetShape},
)
async def get_rule_set(call: Call[None, None]) -> Answer:
    """Read one by `<connector>.<claim type>`, with `*` for any."""
    return Answer(200, await call.services.document_rules.get(call.path["rule_set"]))


@route(
    "PUT",
    "/v1/document-rules/{rule_set}",
    summary="Make or replace a rule set and apply it to the open claim files",
    tag=_TAG,
    body=RuleSetBody,
    answers={200: RuleSetKeptShape, 201: RuleSetKeptShape},
    refusals=(409,),
)
async def put_rule_set(call: Call[None, RuleSetBody]) -> Answer:
    """Make or replace one."""
    name = call.path["rule_set"]
    connector, _, claim_type = name.partition(".")
    given = {"connector": call.body.connector, "claim_type": call.body.claim_type}
    named = {"connector": connector, "claim_type": claim_type}
    faults = [
        FieldError(pointer=f"/{part}", message="must be as in the name")
        for part, value in given.items()
        if value is not None and value != named[part]
    ]
    if faults:
        raise InvalidError("The rule set is not the one that is named.", faults)
    documents = [
        ExpectedDocument(
            id=one.id,
            label=one.label,
            required=one.required,
            optional_for=tuple(one.optional_for),
        )
        for one in call.body.documents
    ]
    view, is_new = await call.services.document_rules.put(name, documents)
    return Answer(201 if is_new else 200, view)


def _place(view: dict[str, str]) -> tuple[str, ...]:
    return view["connector"], view["claim_type"]
