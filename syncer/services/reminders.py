"""Reminders: a mail to the client that names the documents still missing, sent once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from syncer.domain.claim_files import ClaimFile
from syncer.domain.durations import parse_duration
from syncer.domain.errors import (
    ConflictError,
    FieldError,
    InvalidError,
    MailNotConfiguredError,
)
from syncer.domain.instants import to_text
from syncer.domain.mail import Language
from syncer.domain.mails import MailFilter, MailKind, MailState, StoredMail, cancelled
from syncer.observability.crash_points import crash_point
from syncer.ports.ambient import Clock, Ids
from syncer.ports.mail import MailRoom
from syncer.ports.store import Store, UnitOfWork
from syncer.services.claim_files import stored_claim_file
from syncer.services.completeness import rows_on
from syncer.services.correspondence import Correspondence, Correspondent
from syncer.services.record_json import Json

SAME_WITHIN = timedelta(minutes=10)
"""Two equal reminders so soon after each other are one. Source: operations page of the design."""

MOST_REJECTED = 100

Remember = Callable[[UnitOfWork, int, Json], Awaitable[None]]
"""Notes status and answer within the write that brought them about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a person wants otherwise than it is prefilled."""

    to: str | None = None
    subject: str | None = None
    text: str | None = None
    language: Language | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Draft:
    to: str | None
    subject: str
    text: str
    language: Language
    missing: tuple[str, ...]
    labels: tuple[str, ...]
    correspondent: Correspondent

    def view(self) -> Json:
        """Give it as it is previewed."""
        return {
            "to": self.to,
            "subject": self.subject,
            "text": self.text,
            "language": self.language.value,
            "missing": list(self.missing),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Reminders:
    """Writes reminders and puts them into the queue; ``nudge`` wakes it."""

    store: Store
    room: MailRoom
    correspondence: Correspondence
    clock: Clock
    ids: Ids
    nudge: Callable[[], None]

    async def preview(self, claim_file_id: str, wanted: Wanted) -> Json:
        """Give the mail as it would be sent; ``to`` is null where no address is known.

        Raises:
            NotFoundError: there is no claim file of that id.
            ConflictError: ``nothing_missing``.
        """
        async with self.store.read() as uow:
            claim_file = await stored_claim_file(uow, claim_file_id)
            return (await self._draft(uow, claim_file, wanted)).view()

    async def send(
        self, claim_file_id: str, wanted: Wanted, *, remember: Remember | None = None
    ) -> tuple[int, Json]:
        """Put a reminder into the queue: 202 with it, or 200 with an equal one of just before.

        Raises:
            NotFoundError: there is no claim file of that id.
            MailNotConfiguredError: there is no mail server.
            ConflictError: ``nothing_missing``, ``reminded_recently``.
            InvalidError: no address is known and none was given.
        """

        async def work(uow: UnitOfWork) -> tuple[int, Json]:
            claim_file = await stored_claim_file(uow, claim_file_id)
            draft = await self._draft(uow, claim_file, wanted)
            if not self.room.is_configured:
                raise MailNotConfiguredError("No mail server is configured; see [mail].")
            now = self.clock.now()
            known = await self._repeated(uow, claim_file, draft, now)
            mail = known or self._mail(claim_file, draft, now)
            status = 200 if known else 202
            if known is None:
                await _replace_rejected(uow, claim_file.id, now)
                await uow.mails.add(mail)
            view = reminder_view(mail)
            if remember is not None:
                await remember(uow, status, view)
            return status, view

        answer = await self.store.write(work)
        crash_point("reminder-kept")
        self.nudge()
        return answer

    async def _draft(self, uow: UnitOfWork, claim_file: ClaimFile, wanted: Wanted) -> _Draft:
        rows = (await rows_on(uow, [claim_file]))[claim_file.id]
        missing = [row for row in rows if row.is_missing]
        if not missing:
            raise ConflictError("nothing_missing", "No document is missing on this claim file.")
        labels = tuple(row.label for row in missing)
        correspondent = await self.correspondence.with_client(uow, claim_file)
        language = wanted.language or correspondent.language
        letter = self.room.reminder(correspondent.addressee, labels, language=language)
        return _Draft(
            to=wanted.to or correspondent.address,
            subject=wanted.subject or letter.subject,
            text=wanted.text or letter.text,
            language=language,
            missing=tuple(row.type for row in missing),
            labels=labels,
            correspondent=correspondent,
        )

    async def _repeated(
        self, uow: UnitOfWork, claim_file: ClaimFile, draft: _Draft, now: datetime
    ) -> StoredMail | None:
        """Give the reminder that this one repeats.

        Raises:
            ConflictError: ``reminded_recently``.
        """
        last = await uow.mails.last_reminder(claim_file.id)
        if last is None:
            return None
        age = abs(now - last.created_at)  # a clock that was set back does not silence us for long
        if age < SAME_WITHIN and _is_same(last, draft):
            return last
        least = parse_duration(draft.correspondent.settings.reminder_min_interval)
        if age < least:
            text = (
                f"The client was reminded at {to_text(last.created_at)}; between two reminders "
                f"at least {draft.correspondent.settings.reminder_min_interval} must pass."
            )
            raise ConflictError("reminded_recently", text, last_at=to_text(last.created_at))
        return None

    def _mail(self, claim_file: ClaimFile, draft: _Draft, now: datetime) -> StoredMail:
        if draft.to is None:
            message = "is missing: the claim file has no address of the client"
            raise InvalidError("Nobody is named.", [FieldError(pointer="/to", message=message)])
        return StoredMail(
            id=self.ids.new(),
            kind=MailKind.REMINDER,
            link=claim_file.link,
            claim_file=claim_file.id,
            to=draft.to,
            subject=draft.subject,
            text=draft.text,
            language=draft.language,
            facts={
                "missing": list(draft.missing),
                "labels": list(draft.labels),
                "repairer": draft.correspondent.addressee.repairer,
            },
            created_at=now,
            next_attempt_at=now,
        )


async def _replace_rejected(uow: UnitOfWork, claim_file: str, now: datetime) -> None:
    """Give up what the server refused; the new reminder takes its place."""
    wanted = MailFilter(
        claim_file=claim_file,
        kinds=(MailKind.REMINDER.value,),
        states=(MailState.REJECTED.value,),
    )
    for mail in await uow.mails.find(wanted, after=None, limit=MOST_REJECTED):
        given_up = cancelled(mail, reason=f"replaced by a later one; {mail.reason}", at=now)
        await uow.mails.move(given_up, before={MailState.REJECTED})


def reminder_view(mail: StoredMail) -> Json:
    """Give a reminder as it was accepted; the mail's own state is under ``/v1/mails``."""
    return {
        "id": mail.id,
        "to": mail.to,
        "subject": mail.subject,
        "text": mail.text,
        "language": mail.language.value,
        "missing": _texts(mail.facts.get("missing")),
        "at": to_text(mail.created_at),
    }


def _is_same(mail: StoredMail, draft: _Draft) -> bool:
    said = (mail.to, mail.subject, mail.text, mail.language, _texts(mail.facts.get("missing")))
    return said == (draft.to, draft.subject, draft.text, draft.language, list(draft.missing))


def _texts(value: object) -> Sequence[str]:
    return [str(each) for each in value] if isinstance(value, list | tuple) else []
