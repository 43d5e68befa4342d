"""Clock, ids and chance: the only ways by which services meet time and randomness."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """The time of day, the monotonic clock, and waiting."""

    def now(self) -> datetime:
        """Give the present instant, aware, in UTC."""
        ...

    def monotonic(self) -> float:
        """Give seconds on a clock that never jumps; for measuring intervals."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        ...


class Ids(Protocol):
    """Makes ids."""

    def new(self) -> str:
        """Make an id: UUIDv7 text, so later ids sort after earlier ones."""
        ...


class Chance(Protocol):
    """Randomness for jitter."""

    def uniform(self, low: float, high: float) -> float:
        """Give a number evenly spread between the two."""
        ...
