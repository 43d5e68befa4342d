"""The real clock, ids and chance: the only place where syncer reads time or randomness."""

from __future__ import annotations

import asyncio
import random
import time
from datetime import UTC, datetime

import uuid_utils


class SystemClock:
    """The machine's clocks."""

    def now(self) -> datetime:
        """Give the present instant, aware, in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Give seconds on a clock that never jumps."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait; a negative time is none, but other tasks get their turn."""
        await asyncio.sleep(seconds)


class UuidIds:
    """UUIDv7 ids: later ones sort after earlier ones (RFC 9562, section 5.7)."""

    def new(self) -> str:
        """Make an id."""
        return str(uuid_utils.uuid7())


class SystemChance:
    """Pseudo-random numbers for jitter; nothing secret is made of them."""

    def __init__(self) -> None:
        self._random = random.Random()  # noqa: S311  spreads load, guards nothing

    def uniform(self, low: float, high: float) -> float:
        """Give a number evenly spread between the two."""
        return self._random.uniform(low, high)
