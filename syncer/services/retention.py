"""Retention: what is older than it is kept for goes, and files that nothing names any more."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import timedelta

from syncer.observability import Event, get_logger
from syncer.ports.ambient import Clock
from syncer.ports.blobs import BlobStore
from syncer.ports.store import Store, UnitOfWork

ROUND = timedelta(hours=1)
ANSWERS_KEPT = timedelta(hours=24)
ORPHANS_KEPT = timedelta(hours=24)

_log = get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """How long passes, feed entries and record versions are kept."""

    store: Store
    blobs: BlobStore
    clock: Clock
    passes: timedelta
    changes: timedelta
    history: timedelta

    async def run(self) -> None:
        """Prune every hour until cancelled."""
        while True:
            await self.prune()
            await self.remove_orphans()
            await self.clock.sleep(ROUND.total_seconds())

    async def prune(self) -> dict[str, int]:
        """Remove what is too old, batch by batch; gives the number of removed rows by name."""
        now = self.clock.now()

        async def write(uow: UnitOfWork) -> dict[str, int]:
            return await uow.pruning.prune(
                passes=now - self.passes,
                changes=now - self.changes,
                history=now - self.history,
                answers=now - ANSWERS_KEPT,
            )

        removed: Counter[str] = Counter()
        while any((batch := await self.store.write(write)).values()):
            removed.update(batch)
        if removed:
            _log.info(Event.PRUNED, removed=dict(removed))
        return removed

    async def remove_orphans(self) -> int:
        """Remove contents that no attachment or document names, once they are a day old."""
        removed = 0
        age = ORPHANS_KEPT.total_seconds()
        async for batch in self.blobs.older_than(age):
            async with self.store.read() as uow:
                used = await uow.attachments.referenced(batch)
                used |= await uow.documents.referenced(batch)
                used |= await uow.deliveries.referenced(batch)
            for sha256 in set(batch) - used:
                await self.blobs.remove(sha256, older_than=age)
                removed += 1
        return removed
