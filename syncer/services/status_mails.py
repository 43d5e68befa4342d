"""Status mails: who is named in ``notify`` hears once of each change into a state.

They follow the change feed from a place of their own, which is kept in the same write as the mails:
nothing is told twice or left out, whatever stops the program.
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
WAIT_SECONDS = 30.0
OLD_NEWS = timedelta(days=7)
"""A change that the partner made longer ago is history: a first import writes to nobody."""

_log = get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusMails:
    """Writes mails for changes of state and puts them into the queue."""

    store: Store
    room: MailRoom
    correspondence: Correspondence
    queue: MailQueue
    clock: Clock
    ids: Ids

    async def run(self) -> None:
        """Follow the feed until cancelled."""
        while True:
            cursor = await self.follow()
            await self.store.changed(cursor, timeout_seconds=WAIT_SECONDS)

    async def follow(self) -> FeedCursor:
        """Work off what the feed has; gives the place that was reached."""
        while True:
            before, reached, entries = await self._next()
            mails = [mail for entry in entries for mail in await self._mails_for(entry)]
            if reached != before:
                await self._keep(reached, mails)
            if len(entries) < AT_ONCE:
                return reached

    async def _next(self) -> tuple[FeedCursor | None, FeedCursor, Sequence[FeedEntry]]:
        """Read on, from which place to which; the first time, and after a restore, at the end."""
        async with self.store.read() as uow:
            kept = await uow.notes.get(CURSOR_NOTE)
            head = await uow.feed.head()
            if kept is None:
                return None, head, []
            try:
                before = FeedCursor.parse(kept.decode())
                entries = await uow.feed.read(
                    before, limit=AT_ONCE, only=ChangeType.CLAIM_FILE_STATE_CHANGED
                )
            except FeedResetError:
                return None, head, []
        return before, entries[-1].cursor if len(entries) == AT_ONCE else head, entries

    async def _keep(self, reached: FeedCursor, mails: Sequence[StoredMail]) -> None:
        async def work(uow: UnitOfWork) -> None:
            for mail in mails:
                await uow.mails.add(mail)
            await uow.notes.put(CURSOR_NOTE, str(reached).encode())

        await self.store.write(work)
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
