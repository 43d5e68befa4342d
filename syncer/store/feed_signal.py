"""Waking those who wait for the feed to grow."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from syncer.ports.ambient import Clock


class FeedSignal:
    """Wakes all waiters at once when the feed grew."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._grown = asyncio.Event()

    def listen(self) -> asyncio.Event:
        """Give the event of the next growth; take it before looking at the head."""
        return self._grown

    def grew(self) -> None:
        """Wake the waiters."""
        self._grown.set()
        self._grown = asyncio.Event()

    async def wait(self, grown: asyncio.Event, seconds: float) -> None:
        """Wait until the event, or for so long."""
        tasks = [
            asyncio.create_task(grown.wait()),
            asyncio.create_task(self._clock.sleep(seconds)),
        ]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            with suppress(asyncio.CancelledError):
                await asyncio.gather(*tasks, return_exceptions=True)
