"""What idle passes leave on their links, written back many at a time."""

from __future__ import annotations

import asyncio

from syncer.domain.stored import LinkOutcome
from syncer.observability.crash_points import crash_point
from syncer.ports.ambient import Clock
from syncer.ports.store import Store, UnitOfWork

MOST_TOGETHER = 256
LONGEST_WAIT_SECONDS = 0.2


class OutcomeBatch:
    """Collects outcomes that may be lost without harm and writes them together.

    Losing one (a crash within the wait) costs a listing that is read again, nothing else.
    """

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._waiting: list[LinkOutcome] = []
        self._is_full = asyncio.Event()
        self._has_some = asyncio.Event()

    def add(self, outcome: LinkOutcome) -> None:
        """Take an outcome; it is written within ``LONGEST_WAIT_SECONDS``."""
        self._waiting.append(outcome)
        self._has_some.set()
        if len(self._waiting) >= MOST_TOGETHER:
            self._is_full.set()

    async def run(self) -> None:
        """Write what comes in until cancelled; call ``flush`` afterwards."""
        while True:
            await self._has_some.wait()
            try:
                async with asyncio.timeout(LONGEST_WAIT_SECONDS):
                    await self._is_full.wait()
            except TimeoutError:
                pass
            await self.flush()

    async def flush(self) -> None:
        """Write what is waiting now."""
        waiting, self._waiting = self._waiting, []
        self._has_some.clear()
        self._is_full.clear()
        if not waiting:
            return

        async def write(uow: UnitOfWork) -> None:
            await uow.links.finish(waiting)

        crash_point("outcomes-waiting")
        await self._store.write(write)
        crash_point("outcomes-written")
