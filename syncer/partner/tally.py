"""What a partner's requests of the last minute came to; breaker and retry budget read it."""

from __future__ import annotations

from syncer.ports.ambient import Clock

WINDOW_SECONDS = 60


class Tally:
    """Counts requests, failures and retries over the last ``WINDOW_SECONDS``, second by second."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._second = int(clock.monotonic())
        self.clear()

    def clear(self) -> None:
        """Forget everything."""
        self._requests = [0] * WINDOW_SECONDS
        self._failures = [0] * WINDOW_SECONDS
        self._retries = [0] * WINDOW_SECONDS

    def add_request(self, *, failed: bool) -> None:
        """Count one request that ended."""
        place = self._place()
        self._requests[place] += 1
        if failed:
            self._failures[place] += 1

    def add_retry(self) -> None:
        """Count one retry."""
        self._retries[self._place()] += 1

    @property
    def requests(self) -> int:
        """Requests within the window."""
        self._place()
        return sum(self._requests)

    @property
    def failures(self) -> int:
        """Failed requests within the window."""
        self._place()
        return sum(self._failures)

    @property
    def retries(self) -> int:
        """Retries within the window."""
        self._place()
        return sum(self._retries)

    def _place(self) -> int:
        second = int(self._clock.monotonic())
        if second != self._second:
            self._forget(second)
        return second % WINDOW_SECONDS

    def _forget(self, second: int) -> None:
        for passed in range(max(self._second, second - WINDOW_SECONDS) + 1, second + 1):
            place = passed % WINDOW_SECONDS
            self._requests[place] = self._failures[place] = self._retries[place] = 0
        self._second = second
