"""Records let in after they were stored: completed by the next pass.

One that is still the same at the partner gets no new version; one that has moved on gets it here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from syncer.domain.feed import Change, ChangeType
from syncer.domain.links import LinkKey
from syncer.domain.passes import PassCounts
from syncer.domain.stored import StoredRecord
from syncer.ports.ambient import Clock, Ids
from syncer.ports.store import Store, UnitOfWork
from syncer.services.completing import (
    Completion,
    Draft,
    claim_file_of,
    complete_drafts,
    events_of,
)
from syncer.services.lifecycles import Happening, live_on
from syncer.services.opening import AnyConnector, AnyLink
from syncer.services.page_write import PageWrite, Policy
from syncer.services.record_json import decode_record, encode_record, stored_record_change
from syncer.services.setting_aside import set_aside, withdraw

AT_ONCE = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftoverRecords:
    """Completes what the intake let in since the last pass; what the partner fails on waits on."""

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
        completion = await complete_drafts(connector, link, drafts, through_outages=True)
        for draft in drafts:
            draft.claim_file = claim_file_of(connector, draft.record)
            draft.events = events_of(connector, draft.record)
        failed = {id(draft) for draft, _ in completion.failed}
        write = _LeftoversWrite(
            key=key,
            connector=connector,
            policy=Policy.of(link.settings),
            whole=[
                (stored, draft)
                for stored, draft in zip(waiting, drafts, strict=True)
                if id(draft) not in failed and not draft.is_delayed
            ],
            completion=completion,
            ids=self.ids,
            at=self.clock.now(),
        )
        return await self.store.write(write.run)


@dataclass(frozen=True, slots=True, kw_only=True)
class _LeftoversWrite:
    key: LinkKey
    connector: AnyConnector
    policy: Policy
    whole: Sequence[tuple[StoredRecord, Draft]]
    completion: Completion
    ids: Ids
    at: datetime

    async def run(self, uow: UnitOfWork) -> PassCounts:
        same = [(stored, draft) for stored, draft in self.whole if _is_same(stored, draft)]
        changes = [await self._complete(uow, stored, draft) for stored, draft in same]
        happenings = [
            Happening(claim_file=stored.claim_file_id, event=event, record=stored.id)
            for stored, draft in same
            if stored.claim_file_id is not None and not draft.is_withdrawn
            for event in draft.events
        ]
        lived = await live_on(uow, self.connector, happenings, at=self.at)
        gone_keys = [draft.record.key for _, draft in same if draft.is_withdrawn]
        gone = await withdraw(uow, self.key, [*self.completion.withdrawn, *gone_keys])
        unreadable = self.completion.unreadable
        aside = await set_aside(uow, self.key, unreadable, ids=self.ids, at=self.at)
        uow.feed.append([*changes, *lived.changes, *gone, *aside], at=self.at)
        counts = await self._renew(uow)
        counts += PassCounts(changed=len(changes), quarantined=len(aside))
        counts.delayed = self.completion.delayed
        return counts

    async def _complete(self, uow: UnitOfWork, stored: StoredRecord, draft: Draft) -> Change:
        body = encode_record(draft.record)
        await uow.records.complete(
            stored.id, body, revision=stored.revision, version=stored.version
        )
        offers = [(self.ids.new(), one, stored.claim_file_id) for one in draft.attachments]
        if offers:
            await uow.attachments.offer(self.key, offers, at=self.at)
        return stored_record_change(ChangeType.RECORD_UPDATED, stored)

    async def _renew(self, uow: UnitOfWork) -> PassCounts:
        """Store those that have moved on at the partner as a page would."""
        moved = [draft for stored, draft in self.whole if not _is_same(stored, draft)]
        if not moved:
            return PassCounts()
        known = await uow.records.known(self.key, [draft.record.key for draft in moved])
        page = PageWrite(
            key=self.key,
            connector=self.connector,
            policy=self.policy,
            drafts=[replace(draft, known=known.get(draft.record.key)) for draft in moved],
            unreadable=(),
            withdrawn=(),
            unknown=(),
            ids=self.ids,
            at=self.at,
        )
        return await page.run(uow)


def _is_same(stored: StoredRecord, draft: Draft) -> bool:
    version = draft.record.version or stored.version
    return (draft.record.revision, version) == (stored.revision, stored.version)
