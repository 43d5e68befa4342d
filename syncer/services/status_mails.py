"""Status mails: who is named in ``notify`` hears once of each change into a state.

They follow the change feed from a place of their own, which is kept in the same write as the mails:
nothing is told twice or left out, whatever stops the program. What led to no mail moves the place
in memory alone, and in the store now and then: each step would be one more commit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from syncer.domain.errors import FeedResetError
from syncer.domain.feed import ChangeType, FeedCursor, FeedEntry
from syncer.domain.instants import parse_instant
from syncer.domain.mails import MailKind, StoredMail
from syncer.observability import Event, get_logger
from syncer.observability.crash_points import crash_point
from syncer.ports.ambient import Clock, Ids
from syncer.ports.mail import MailRoom
from syncer.ports.store import Store, UnitOfWork
from syncer.sdk.models import CLIENT
from syncer.services.correspondence import Correspondence, Correspondent
from syncer.services.mail_queue import MailQueue

CURSOR_NOTE = "status_mails.cursor"
AT_ONCE = 200
KEPT_EVERY = 1000
"""Entries of the feed after which the place is kept although there was nothing to tell."""
WAIT_SECONDS = 30.0
OLD_NEWS = timedelta(days=7)
"""A change that the partner made longer ago is history: a first import writes to nobody."""

_log = get_logger(__name__)


@dataclass(slots=True, kw_only=True)
class StatusMails:
    """Writes mails for changes of state and puts them into the queue."""

    store: Store
    room: MailRoom
    correspondence: Correspondence
    queue: MailQueue
    clock: Clock
    ids: Ids
    _kept: FeedCursor | None = None
    _reached: FeedCursor | None = None

    async def run(self) -> None:
        """Follow the feed until cancelled."""
        while True:
            cursor = await self.follow()
            if not await self.store.changed(cursor, timeout_seconds=WAIT_SECONDS):
                await self._keep(cursor, [])

    async def follow(self) -> FeedCursor:
        """Work off what the feed has; gives the place that was reached."""
        while True:
            reached, entries = await self._next()
            mails = [mail for entry in entries for mail in await self._mails_for(entry)]
            if mails or self._kept is None or reached.seq - self._kept.seq >= KEPT_EVERY:
                await self._keep(reached, mails)
            self._reached = reached
            if len(entries) < AT_ONCE:
                return reached

    async def _next(self) -> tuple[FeedCursor, Sequence[FeedEntry]]:
        """Read on, and to which place; the first time, and after a restore, from the end."""
        async with self.store.read() as uow:
            head = await uow.feed.head()
            try:
                before = self._reached or await self._place(uow)
                entries = await uow.feed.read(
                    before or head, limit=AT_ONCE, only=ChangeType.CLAIM_FILE_STATE_CHANGED
                )
            except FeedResetError:
                self._kept = None
                return head, []
        return entries[-1].cursor if len(entries) == AT_ONCE else head, entries

    async def _place(self, uow: UnitOfWork) -> FeedCursor | None:
        kept = await uow.notes.get(CURSOR_NOTE)
        self._kept = FeedCursor.parse(kept.decode()) if kept is not None else None
        return self._kept

    async def _keep(self, reached: FeedCursor, mails: Sequence[StoredMail]) -> None:
        if reached == self._kept:
            return

        async def work(uow: UnitOfWork) -> None:
            for mail in mails:
                await uow.mails.add(mail)
            await uow.notes.put(CURSOR_NOTE, str(reached).encode())

        await self.store.write(work)
        self._kept = reached
        crash_point("status-mails-kept")
        if mails:
            self.queue.nudge()

    async def _mails_for(self, entry: FeedEntry) -> list[StoredMail]:
        change = entry.change
        if self._is_old(change.data):
            return []
        state, word = change.data.get("state"), change.data.get("event")
        async with self.store.read() as uow:
            claim_file = await uow.claim_files.get(change.subject_id)
            if claim_file is None:
                return []
            settings = await self.correspondence.settings_of(uow, claim_file.link)
            words = self.correspondence.words_for(claim_file.link.connector, state)
            parties = settings.parties_of(state, word, *words)
            if not parties:
                return []
            client = await self.correspondence.with_client(uow, claim_file)
        mails = []
        for address in self._addresses(parties, client, entry):
            letter = self.room.status_change(
                client.addressee, str(state or word), language=client.language
            )
            mails.append(
                StoredMail(
                    id=self.ids.new(),
                    kind=MailKind.STATUS,
                    link=claim_file.link,
                    claim_file=claim_file.id,
                    to=address,
                    subject=letter.subject,
                    text=letter.text,
                    language=client.language,
                    facts={"state": state, "repairer": client.addressee.repairer},
                    once=f"status:{entry.cursor}:{address}",
                    created_at=self.clock.now(),
                    next_attempt_at=self.clock.now(),
                )
            )
        return mails

    def _is_old(self, data: Any) -> bool:
        at = data.get("event_at")
        return at is not None and self.clock.now() - parse_instant(at) > OLD_NEWS

    def _addresses(
        self, parties: Sequence[str], client: Correspondent, entry: FeedEntry
    ) -> list[str]:
        """Give whom to write to, nobody twice; a client without an address is passed by."""
        if CLIENT in parties and client.address is None:
            _log.info(Event.STATUS_MAIL_SKIPPED, claim_file=entry.change.subject_id)
        named = [client.address if party == CLIENT else party for party in parties]
        return list(dict.fromkeys(address for address in named if address is not None))
