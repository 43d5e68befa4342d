"""Routes of reminders: the mail as it would be sent, and sending it."""

from __future__ import annotations

from pydantic import Field

from syncer.domain.mail import Language
from syncer.ports.store import UnitOfWork
from syncer.sdk import MailAddress, MailLanguage, MailSubject, MailText
from syncer.services.record_json import Json
from syncer.services.reminders import Remember, Wanted
from syncer.web import Answer, AnswerModel, BodyModel, Call, route

_TAG = "claim files"


class ReminderBody(BodyModel):
    """What is to be otherwise than prefilled."""

    to: MailAddress | None = Field(None, description="Absent: the client's address.")
    subject: MailSubject | None = None
    text: MailText | None = None
    language: MailLanguage | None = Field(None, description="Absent: the client's language.")
    missing: list[str] | None = Field(
        None, description="May come along from the preview; what is missing is looked up anew."
    )

    def wanted(self) -> Wanted:
        """Give it as the services take it."""
        language = Language(self.language) if self.language else None
        return Wanted(to=self.to, subject=self.subject, text=self.text, language=language)


class PreviewShape(AnswerModel):
    """A reminder as it would be sent."""

    to: str | None = Field(description="Null where the claim file has no address of the client.")
    subject: str
    text: str
    language: MailLanguage
    missing: list[str]


class ReminderShape(AnswerModel):
    """A reminder that was accepted; its state is under ``/v1/mails/{id}``."""

    id: str
    to: str
    subject: str
    text: str
    language: MailLanguage
    missing: list[str]
    at: str


@route(
    "POST",
    "/v1/claim-files/{id}/reminders/preview",
    summary="Preview a reminder of the documents that are missing",
    tag=_TAG,
    body=ReminderBody,
    answers={200: PreviewShape},
    refusals=(404, 409),
)
async def preview_reminder(call: Call[None, ReminderBody]) -> Answer:
    """Give the prefilled mail."""
    wanted = call.body.wanted()
    return Answer(200, await call.services.reminders.preview(call.path["id"], wanted))


@route(
    "POST",
    "/v1/claim-files/{id}/reminders",
    summary="Remind the client of the documents that are missing, by mail",
    tag=_TAG,
    body=ReminderBody,
    answers={200: ReminderShape, 202: ReminderShape},
    refusals=(404, 409, 503),
    keyed=True,
    key_required=True,
)
async def send_reminder(call: Call[None, ReminderBody]) -> Answer:
    """Accept a reminder; one that repeats another of just before is answered with that one."""
    status, view = await call.services.reminders.send(
        call.path["id"], call.body.wanted(), remember=_remember(call)
    )
    return _answer(status, view)


def _remember(call: Call[None, ReminderBody]) -> Remember | None:
    claim = call.idempotency
    if claim is None:
        return None

    async def remember(uow: UnitOfWork, status: int, view: Json) -> None:
        await claim.remember(uow, _answer(status, view))

    return remember


def _answer(status: int, view: Json) -> Answer:
    return Answer(status, view, {"Location": f"/v1/mails/{view['id']}"})
