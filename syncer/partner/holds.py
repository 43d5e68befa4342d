"""What a partner asked for with ``Retry-After``: to leave a link alone for a while."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from syncer.domain.errors import RateLimitedError
from syncer.domain.links import LinkKey
from syncer.ports.ambient import Clock

LONGEST_PAUSE_SECONDS = 30.0
"""How long a call waits in place; a longer wait is handed to the schedule."""


@dataclass(frozen=True, slots=True)
class _Hold:
    until: float
    refuses: bool


class Holds:
    """Links that are to be left alone. Ended ones are forgotten when the next one is placed."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._holds: dict[LinkKey, _Hold] = {}

    def __len__(self) -> int:
        return len(self._holds)

    def place(self, link: LinkKey, seconds: float) -> None:
        """Leave a link alone; beyond what may be waited for in place its calls are refused."""
        now = self._clock.monotonic()
        self._holds = {key: hold for key, hold in self._holds.items() if hold.until > now}
        known = self._holds.get(link)
        if known is None or known.until < now + seconds:
            refuses = seconds > LONGEST_PAUSE_SECONDS or (known is not None and known.refuses)
            self._holds[link] = _Hold(now + seconds, refuses)

    def until(self, link: LinkKey) -> datetime | None:
        """Say until when calls of a link are refused."""
        hold = self._holds.get(link)
        return self._end_of(hold) if hold is not None and hold.refuses else None

    def pause(self, link: LinkKey) -> float:
        """Give the seconds that a call of the link has to wait now.

        Raises:
            RateLimitedError: the wait is too long for waiting in place.
        """
        hold = self._holds.get(link)
        if hold is None:
            return 0.0
        end = self._end_of(hold)
        if hold.refuses and end is not None:
            raise RateLimitedError("The partner asked us to wait.", retry_at=end)
        return max(0.0, hold.until - self._clock.monotonic())

    def _end_of(self, hold: _Hold) -> datetime | None:
        remaining = hold.until - self._clock.monotonic()
        return self._clock.now() + timedelta(seconds=remaining) if remaining > 0 else None
