"""A clock that stands still until a test or a played partner moves it."""

from __future__ import annotations

import asyncio
import heapq
from datetime import UTC, datetime, timedelta
from itertools import count

START = datetime(2026, 3, 2, 9, 15, tzinfo=UTC)


class FakeClock:
    """A clock port that moves only by ``advance``; waiting on it takes no time."""

    def __init__(self, start: datetime = START) -> None:
        self._start = start
        self._elapsed = timedelta()
        self._order = count()
        self._sleepers: list[tuple[timedelta, int, asyncio.Future[None]]] = []

    def now(self) -> datetime:
        """Give the present instant, aware, in UTC."""
        return self._start + self._elapsed

    def monotonic(self) -> float:
        """Give the seconds that were advanced so far."""
        return self._elapsed.total_seconds()

    async def sleep(self, seconds: float) -> None:
        """Wait until ``advance`` has gone that far; zero or less only yields to other tasks."""
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        woken = asyncio.get_running_loop().create_future()
        until = self._elapsed + timedelta(seconds=seconds)
        heapq.heappush(self._sleepers, (until, next(self._order), woken))
        await woken

    @property
    def sleepers(self) -> int:
        """How many are waiting now."""
        return sum(not woken.done() for _, _, woken in self._sleepers)

    def advance(self, by: timedelta) -> None:
        """Let time pass; wakes, in order of time, those whose wait ends within it."""
        self._elapsed += by
        while self._sleepers and self._sleepers[0][0] <= self._elapsed:
            _, _, woken = heapq.heappop(self._sleepers)
            if not woken.done():
                woken.set_result(None)

    def jump(self, by: timedelta) -> None:
        """Set the time of day forward or back as a clock correction does; nobody is woken."""
        self._start += by
