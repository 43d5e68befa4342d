"""Records let in after they were stored: completed by the next pass, without a new version."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from syncer.domain.feed import Change, ChangeType
from syncer.domain.links import LinkKey
from syncer.domain.passes import PassCounts
from syncer.domain.stored import StoredRecord
from syncer.ports.ambient import Clock, Ids
from syncer.ports.store import Store, UnitOfWork
from syncer.services.completing import Completion, Draft, complete_drafts
from syncer.services.opening import AnyConnector, AnyLink
from syncer.services.record_json import decode_record, encode_record, stored_record_change
from syncer.services.setting_aside import set_aside, withdraw

AT_ONCE = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftoverRecords:
    """Completes what the intake let in since the last pass (rules changed, a quarantine ended)."""

    store: Store
    clock: Clock
    ids: Ids

    async def complete(self, key: LinkKey, connector: AnyConnector, link: AnyLink) -> PassCounts:
        """Complete up to ``AT_ONCE`` records; gives what became of them.

        Raises:
            RetryableError, CredentialsRejectedError: nothing was stored.
        """
        async with self.store.read() as uow:
            waiting = await uow.records.incomplete(key, limit=AT_ONCE)
        if not waiting:
            return PassCounts()
        drafts = [Draft(record=decode_record(stored.body)) for stored in waiting]
        completion = await complete_drafts(connector, link, drafts)
        write = _LeftoversWrite(
            key=key,
            waiting=list(zip(waiting, drafts, strict=True)),
            completion=completion,
            ids=self.ids,
            at=self.clock.now(),
        )
        return await self.store.write(write.run)


@dataclass(frozen=True, slots=True, kw_only=True)
class _LeftoversWrite:
    key: LinkKey
    waiting: Sequence[tuple[StoredRecord, Draft]]
    completion: Completion
    ids: Ids
    at: datetime

    async def run(self, uow: UnitOfWork) -> PassCounts:
        failed = {id(draft) for draft, _ in self.completion.failed}
        changes: list[Change] = []
        for stored, draft in self.waiting:
            if id(draft) not in failed:
                changes.append(await self._complete(uow, stored, draft))
        gone_keys = [draft.record.key for _, draft in self.waiting if draft.is_withdrawn]
        gone = await withdraw(uow, self.key, [*self.completion.withdrawn, *gone_keys])
        unreadable = self.completion.unreadable
        aside = await set_aside(uow, self.key, unreadable, ids=self.ids, at=self.at)
        uow.feed.append([*changes, *gone, *aside], at=self.at)
        return PassCounts(changed=len(changes), quarantined=len(aside))

    async def _complete(self, uow: UnitOfWork, stored: StoredRecord, draft: Draft) -> Change:
        record = draft.record
        version = record.version or stored.version
        await uow.records.complete(
            stored.id, encode_record(record), revision=record.revision, version=version
        )
        offers = [(self.ids.new(), one, stored.claim_file_id) for one in draft.attachments]
        if offers:
            await uow.attachments.offer(self.key, offers, at=self.at)
        return stored_record_change(ChangeType.RECORD_UPDATED, stored)
