"""Circuit breakers kept in the store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from syncer.domain.stored import BreakerState
from syncer.ports.store import Store, UnitOfWork


@dataclass(frozen=True, slots=True)
class StoredBreakers:
    """Keeps breakers over a restart."""

    store: Store

    async def load(self) -> Sequence[BreakerState]:
        """Give what was saved last for each connector."""
        async with self.store.read() as uow:
            return await uow.notes.breakers()

    async def save(self, state: BreakerState) -> None:
        """Keep the state of one connector's breaker."""

        async def write(uow: UnitOfWork) -> None:
            await uow.notes.save_breaker(state)

        await self.store.write(write)
