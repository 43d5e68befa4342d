"""The store as the services see it: writes, snapshots, and waiting for the feed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Protocol, TypeVar

from syncer.domain.feed import FeedCursor
from syncer.ports.ambient import Clock
from syncer.ports.store import UnitOfWork
from syncer.store.feed_signal import FeedSignal

T = TypeVar("T")


class Database(Protocol):
    """What the two databases do each in its own way."""

    look_seconds: float
    """How often the head is looked at while waiting; other processes may let the feed grow."""

    async def write(self, work: Callable[[UnitOfWork], Awaitable[T]]) -> T: ...

    def read(self) -> AbstractAsyncContextManager[UnitOfWork]: ...

    async def faults(self) -> list[str]: ...

    async def checkpoint(self) -> None: ...


class SqlStore:
    """Durable state in SQL; implements ``ports.store.Store``."""

    def __init__(self, database: Database, *, clock: Clock, signal: FeedSignal) -> None:
        self._database = database
        self._clock = clock
        self._signal = signal

    async def write(self, work: Callable[[UnitOfWork], Awaitable[T]]) -> T:
        """Run a write; see ``ports.store.Store``."""
        return await self._database.write(work)

    def read(self) -> AbstractAsyncContextManager[UnitOfWork]:
        """Open a snapshot; see ``ports.store.Store``."""
        return self._database.read()

    async def changed(self, after: FeedCursor, *, timeout_seconds: float) -> bool:
        """Wait for the feed; see ``ports.store.Store``.

        True also for a cursor that the feed refuses, so that whoever reads on learns of it.
        """
        ends_at = self._clock.monotonic() + timeout_seconds
        while True:
            grown = self._signal.listen()
            async with self.read() as unit:
                head = await unit.feed.head()
            if head.epoch != after.epoch or head.seq != after.seq:
                return True
            left = ends_at - self._clock.monotonic()
            if left <= 0:
                return False
            await self._signal.wait(grown, min(left, self._database.look_seconds))

    async def faults(self) -> list[str]:
        """List what the database's own check of its files finds wrong; empty when all is well."""
        return await self._database.faults()

    async def checkpoint(self) -> None:
        """Leave no trace of removed rows in the database's log; done at close and when idle too."""
        await self._database.checkpoint()
