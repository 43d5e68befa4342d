"""Sends the mails that wait: each once, or a person is told.

A mail is taken under a lease before it leaves. What happens after the line that ends it was sent
and before its end was written leaves doubt, and a mail in doubt is never sent again by itself.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from syncer.domain.errors import AnswerLostError, DeliveryRejectedError, SyncerError
from syncer.domain.feed import ChangeType
from syncer.domain.lifecycles import Event as LifeEvent
from syncer.domain.mails import (
    LONGEST_WAIT,
    MailKind,
    MailState,
    StoredMail,
    not_sent,
    parked,
    sent,
)
from syncer.observability import Event, get_logger
from syncer.observability.crash_points import crash_point
from syncer.ports.ambient import Clock, Ids
from syncer.ports.mail import MailRoom
from syncer.ports.plugins import ConnectorRegistry
from syncer.ports.store import Store, UnitOfWork
from syncer.sdk import MailMessage
from syncer.services.lifecycles import REMINDER_EVENT, Happening, live_on
from syncer.services.record_json import claim_file_change

LEASE = timedelta(minutes=10)
"""More than the mail room takes for a mail, whatever the server does."""
MOST_SECONDS = 540.0
AT_ONCE = 50
LOOK_SECONDS = 15.0
PROBE_SECONDS = 60.0
IN_DOUBT = "It may or may not have arrived; look before it is sent again."
_ALL_LEASES = datetime(9999, 1, 1, tzinfo=UTC)

_log = get_logger(__name__)


@dataclass(slots=True, kw_only=True)
class MailQueue:
    """The queue's worker; ``nudge`` tells it that something was put in."""

    store: Store
    room: MailRoom
    registry: ConnectorRegistry
    clock: Clock
    ids: Ids
    _nudged: asyncio.Event = field(default_factory=asyncio.Event)
    _probed_at: float = 0.0

    def nudge(self) -> None:
        """Look at once."""
        self._nudged.set()

    async def run(self) -> None:
        """Send what is due until cancelled."""
        while True:
            await self._park_abandoned(self.clock.now())
            await self._probe()
            self._nudged.clear()
            if not await self.send_due():
                await self._pause()

    async def _probe(self) -> None:
        """See whether a server that could not be used can be used again, though nothing waits."""
        now = self.clock.monotonic()
        if self.room.trouble is None:
            self._probed_at = now
        elif now - self._probed_at >= PROBE_SECONDS:
            await self.room.probe()
            self._probed_at = self.clock.monotonic()

    async def recover(self, *, alone: bool) -> None:
        """Park what an earlier process was sending; with others at work only what is overdue."""
        await self._park_abandoned(_ALL_LEASES if alone else self.clock.now())

    async def send_due(self) -> bool:
        """Send what is due now, one after the other; True when there was anything."""
        now = self.clock.now()
        async with self.store.read() as uow:
            due = await uow.mails.due(now, too_late=now + 2 * LONGEST_WAIT, limit=AT_ONCE)
        for mail in due:
            await self._send(mail)
        return bool(due)

    async def _pause(self) -> None:
        async with self.store.read() as uow:
            next_at = await uow.mails.next_attempt_at()
        seconds = LOOK_SECONDS
        if next_at is not None:
            seconds = min(seconds, max(0.1, (next_at - self.clock.now()).total_seconds()))
        try:
            async with asyncio.timeout(seconds):
                await self._nudged.wait()
        except TimeoutError:
            pass

    # -- one mail

    async def _send(self, mail: StoredMail) -> None:
        lease = self.ids.new()
        until = self.clock.now() + LEASE
        if not await self.store.write(lambda uow: uow.mails.begin(mail.id, lease, until=until)):
            return
        crash_point("mail-begun")
        left: list[bool] = []
        try:
            async with asyncio.timeout(MOST_SECONDS):
                answer = await self.room.send(
                    self._message(mail), leaving=lambda: left.append(True)
                )
        except asyncio.CancelledError:
            await self._end(self._broken_off(mail, is_in_doubt=bool(left)), lease)
            raise
        except TimeoutError:
            await self._end(self._too_slow(mail, is_in_doubt=bool(left)), lease)
        except SyncerError as error:
            await self._end(self._judged(mail, error), lease)
        else:
            crash_point("mail-taken-by-server")
            await self._end(sent(mail, answer=answer, at=self.clock.now()), lease)

    def _message(self, mail: StoredMail) -> MailMessage:
        return MailMessage(
            message_id=self.room.message_id(mail.id),
            to=mail.to,
            letter=self.room.edited(mail.subject, mail.text),
            language=mail.language.value,
            sender_name=mail.facts.get("repairer"),
        )

    def _judged(self, mail: StoredMail, error: SyncerError) -> StoredMail:
        if isinstance(error, DeliveryRejectedError):
            return parked(mail, MailState.REJECTED, reason=str(error))
        if isinstance(error, AnswerLostError):
            return parked(mail, MailState.NEEDS_ATTENTION, reason=f"{error} {IN_DOUBT}")
        return not_sent(mail, reason=str(error), at=self.clock.now())

    def _broken_off(self, mail: StoredMail, *, is_in_doubt: bool) -> StoredMail:
        if not is_in_doubt:
            return mail
        text = f"The program stopped while it was sent. {IN_DOUBT}"
        return parked(mail, MailState.NEEDS_ATTENTION, reason=text)

    def _too_slow(self, mail: StoredMail, *, is_in_doubt: bool) -> StoredMail:
        text = "The mail server did not finish in time."
        if is_in_doubt:
            return parked(mail, MailState.NEEDS_ATTENTION, reason=f"{text} {IN_DOUBT}")
        return not_sent(mail, reason=text, at=self.clock.now())

    async def _end(self, mail: StoredMail, lease: str) -> None:
        async def work(uow: UnitOfWork) -> bool:
            is_ours = await uow.mails.end(mail, lease)
            if is_ours and mail.state is MailState.SENT and mail.kind is MailKind.REMINDER:
                await self._tell(uow, mail)
            return is_ours

        is_ours = await self.store.write(work)
        _log.info(
            Event.MAIL_ENDED if is_ours else Event.LEASE_LOST,
            mail=mail.id,
            kind=mail.kind.value,
            state=mail.state.value,
        )

    async def _tell(self, uow: UnitOfWork, mail: StoredMail) -> None:
        """Note on the claim file what was asked for, and tell the planning system."""
        now = self.clock.now()
        labels = ", ".join(mail.facts.get("labels", ()))
        event = LifeEvent(
            name=REMINDER_EVENT,
            key=f"mail:{mail.id}",
            at=now,
            note=f"asked {mail.to} for {labels}" if labels else f"sent to {mail.to}",
        )
        facts = {"mail": mail.id, "missing": list(mail.facts.get("missing", ()))}
        changes = [claim_file_change(ChangeType.REMINDER_SENT, mail.link, mail.claim_file, facts)]
        connector = self.registry.get(mail.link.connector).connector
        if connector is not None:
            happening = Happening(claim_file=mail.claim_file, event=event)
            changes += (await live_on(uow, connector, [happening], at=now)).changes
        uow.feed.append(changes, at=now)

    async def _park_abandoned(self, now: datetime) -> None:
        async with self.store.read() as uow:
            found = await uow.mails.abandoned(now)
        for mail, lease in found:
            text = f"The program ended while it was sent. {IN_DOUBT}"
            await self._end(parked(mail, MailState.NEEDS_ATTENTION, reason=text), lease)
