"""Routes of the rule sets: which documents are expected, and which claim files miss some."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from syncer.domain.completeness import ExpectedDocument, MissingFilter, RulesOrigin
from syncer.domain.errors import FieldError, InvalidError
from syncer.domain.lifecycles import Stage
from syncer.web import (
    Answer,
    AnswerModel,
    BodyModel,
    Call,
    CommaList,
    DocumentType,
    PageQuery,
    Slug,
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


class MissingTypeShape(AnswerModel):
    """A document type that is missing."""

    type: str
    label: str
    state: Literal["missing", "rejected"]


class MissingShape(AnswerModel):
    """A claim file that misses documents."""

    claim_file: str
    reference: str | None
    claim_number: str | None
    repairer: str
    connector: str
    claim_type: str | None
    stage: Stage
    since: str = Field(description="Since when it misses any.")
    missing: list[MissingTypeShape]


class MissingQuery(PageQuery):
    """Parameters of the view over all claim files."""

    stage: CommaList[Stage] = Field((Stage.CONVERTED,), description="How far the files have come.")
    repairer: CommaList[Slug] | None = None
    connector: CommaList[Slug] | None = None


@route(
    "GET",
    "/v1/documents/missing",
    summary="List the claim files that miss mandatory documents; converted ones, unless asked",
    tag=_TAG,
    query=MissingQuery,
    answers={200: listing(MissingShape)},
)
async def list_missing(call: Call[MissingQuery, None]) -> Answer:
    """List in order of the claim file's id."""
    query = call.query
    wanted = MissingFilter(
        stages=tuple(stage.value for stage in query.stage),
        repairers=query.repairer,
        connectors=query.connector,
    )
    key = read_cursor(query.after, 1)
    found = await call.services.missing_documents.find(
        wanted, after=key[0] if key else None, limit=query.limit
    )
    following = write_cursor(found.last) if found.last else None
    return Answer(200, paged(found.items, following, found.total))


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
