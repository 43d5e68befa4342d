"""Mails to people: shown, and moved on by a person where they cannot go on by themselves."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, replace
from typing import Literal

from syncer.domain.errors import ConflictError, NotFoundError
from syncer.domain.instants import to_text
from syncer.domain.mails import (
    CANCELLABLE,
    RETRYABLE,
    MailFilter,
    MailState,
    StoredMail,
    cancelled,
    queued_again,
    sent,
)
from syncer.ports.ambient import Clock
from syncer.ports.store import Store, UnitOfWork
from syncer.services.record_json import Json

Remember = Callable[[UnitOfWork, Json], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class MailsFound:
    """A stretch of the list; ``last`` is where the next one starts, None at the end."""

    items: list[Json]
    last: str | None
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MailService:
    """The log of mails, and a person's verbs; ``nudge`` wakes the queue."""

    store: Store
    clock: Clock
    nudge: Callable[[], None]

    async def find(
        self, wanted: MailFilter, *, after: str | None = None, limit: int = 50
    ) -> MailsFound:
        """List newest first."""
        async with self.store.read() as uow:
            rows = await uow.mails.find(wanted, after=after, limit=limit + 1)
            total = await uow.mails.count(wanted)
        page = rows[:limit]
        last = page[-1].id if len(rows) > limit else None
        return MailsFound(items=[mail_view(mail) for mail in page], last=last, total=total)

    async def get(self, id_: str) -> Json:
        """Give one.

        Raises:
            NotFoundError: there is none of that id.
        """
        async with self.store.read() as uow:
            return mail_view(await _stored(uow, id_))

    async def retry(self, id_: str) -> Json:
        """Send again what was refused, waits or is in doubt.

        Raises:
            NotFoundError: there is none of that id.
            ConflictError: ``state_forbids``.
        """
        now = self.clock.now()
        return await self._move(id_, RETRYABLE, lambda mail: queued_again(mail, at=now))

    async def cancel(self, id_: str) -> Json:
        """Give up what was not sent.

        Raises:
            NotFoundError: there is none of that id.
            ConflictError: ``state_forbids``.
        """
        now = self.clock.now()
        return await self._move(
            id_, CANCELLABLE, lambda mail: cancelled(mail, reason="cancelled by a person", at=now)
        )

    async def resolve(
        self, id_: str, outcome: Literal["delivered", "not_delivered"], note: str
    ) -> Json:
        """Say of a mail in doubt whether it arrived; one that did not is sent again.

        Raises:
            NotFoundError: there is none of that id.
            ConflictError: ``state_forbids``.
        """
        now = self.clock.now()

        def resolved(mail: StoredMail) -> StoredMail:
            if outcome == "delivered":
                return sent(mail, answer=f"resolved by a person: {note}", at=now)
            return replace(queued_again(mail, at=now), reason=f"resolved by a person: {note}")

        return await self._move(id_, {MailState.NEEDS_ATTENTION}, resolved)

    async def _move(
        self, id_: str, before: Collection[MailState], step: Callable[[StoredMail], StoredMail]
    ) -> Json:
        async def work(uow: UnitOfWork) -> Json:
            mail = await _stored(uow, id_)
            moved = step(mail)
            if mail.state not in before or not await uow.mails.move(moved, before=before):
                text = f"A mail that is {mail.state.value} cannot be moved like this."
                raise ConflictError("state_forbids", text)
            return mail_view(moved)

        view = await self.store.write(work)
        self.nudge()
        return view


def mail_view(mail: StoredMail) -> Json:
    """Give a mail as the API shows it."""
    missing = mail.facts.get("missing")
    return {
        "id": mail.id,
        "kind": mail.kind.value,
        "repairer": mail.link.repairer,
        "connector": mail.link.connector,
        "claim_file": mail.claim_file,
        "to": mail.to,
        "subject": mail.subject,
        "text": mail.text,
        "language": mail.language.value,
        "missing": list(missing) if isinstance(missing, list | tuple) else [],
        "state": mail.state.value,
        "reason": mail.reason,
        "attempts": mail.attempts,
        "created_at": to_text(mail.created_at),
        "next_attempt_at": to_text(mail.next_attempt_at) if mail.next_attempt_at else None,
        "ended_at": to_text(mail.ended_at) if mail.ended_at else None,
    }


async def _stored(uow: UnitOfWork, id_: str) -> StoredMail:
    mail = await uow.mails.get(id_)
    if mail is None:
        raise NotFoundError("There is no such mail.")
    return mail
