"""Routes of mails to people: the log of what was written to whom, and a person's verbs."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import StringConstraints

from syncer.domain.mails import MailFilter, MailKind, MailState
from syncer.sdk import MailLanguage
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

_TAG = "mails"
Id = Annotated[str, StringConstraints(min_length=1, max_length=64)]


class MailShape(AnswerModel):
    """A reminder or a status mail."""

    id: str
    kind: MailKind
    repairer: str
    connector: str
    claim_file: str
    to: str
    subject: str
    text: str
    language: MailLanguage
    missing: list[str]
    state: MailState
    reason: str | None
    attempts: int
    created_at: str
    next_attempt_at: str | None
    ended_at: str | None


class MailsQuery(PageQuery):
    """Parameters of the mails' list."""

    state: CommaList[MailState] | None = None
    kind: CommaList[MailKind] | None = None
    repairer: CommaList[Slug] | None = None
    connector: CommaList[Slug] | None = None
    claim_file: Id | None = None

    def wanted(self) -> MailFilter:
        """Give the filter as the services take it."""
        return MailFilter(
            states=self.state,
            kinds=self.kind,
            repairers=self.repairer,
            connectors=self.connector,
            claim_file=self.claim_file,
        )


class MailResolutionBody(BodyModel):
    """What a person found out about a mail in doubt."""

    outcome: Literal["delivered", "not_delivered"]
    note: Annotated[str, StringConstraints(max_length=1_000)] = ""


@route(
    "GET",
    "/v1/mails",
    summary="List reminders and status mails, newest first",
    tag=_TAG,
    query=MailsQuery,
    answers={200: listing(MailShape)},
)
async def list_mails(call: Call[MailsQuery, None]) -> Answer:
    """List mails."""
    after = read_cursor(call.query.after, 1)
    found = await call.services.mails.find(
        call.query.wanted(), after=after[0] if after else None, limit=call.query.limit
    )
    following = write_cursor(found.last) if found.last else None
    return Answer(200, paged(found.items, following, found.total))


@route(
    "GET",
    "/v1/mails/{id}",
    summary="Read a mail",
    tag=_TAG,
    answers={200: MailShape},
    refusals=(404,),
)
async def get_mail(call: Call[None, None]) -> Answer:
    """Read a mail."""
    return Answer(200, await call.services.mails.get(call.path["id"]))


@route(
    "POST",
    "/v1/mails/{id}/retry",
    summary="Send a mail again that was refused, waits or is in doubt",
    tag=_TAG,
    answers={200: MailShape},
    refusals=(404, 409),
)
async def retry_mail(call: Call[None, None]) -> Answer:
    """Queue a mail again."""
    return Answer(200, await call.services.mails.retry(call.path["id"]))


@route(
    "POST",
    "/v1/mails/{id}/cancel",
    summary="Give up a mail that was not sent",
    tag=_TAG,
    answers={200: MailShape},
    refusals=(404, 409),
)
async def cancel_mail(call: Call[None, None]) -> Answer:
    """Cancel a mail."""
    return Answer(200, await call.services.mails.cancel(call.path["id"]))


@route(
    "POST",
    "/v1/mails/{id}/resolve",
    summary="Enter whether a mail in doubt arrived",
    tag=_TAG,
    body=MailResolutionBody,
    answers={200: MailShape},
    refusals=(404, 409),
)
async def resolve_mail(call: Call[None, MailResolutionBody]) -> Answer:
    """Resolve a mail whose answer was lost."""
    body = call.body
    return Answer(200, await call.services.mails.resolve(call.path["id"], body.outcome, body.note))
