"""Circuit breaker of one partner: one that is down is asked once in a while, not by every link.

Opens when, of at least ``FEWEST_CALLS`` calls in the last minute, half or more failed (5xx,
timeout, no connection). It stays open 30 s, then twice as long each time up to 15 min, and then
lets a single probe through. What a partner says about one link's credentials never counts against
it.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from enum import StrEnum

from syncer.domain.errors import PartnerUnavailableError
from syncer.domain.stored import BreakerState
from syncer.partner.tally import Tally
from syncer.ports.ambient import Chance, Clock

FEWEST_CALLS = 10
FAILING_SHARE = 0.5
FIRST_OPENING_SECONDS = 30.0
LONGEST_OPENING_SECONDS = 900.0
JITTER = 0.2
PROBE_WAIT_SECONDS = 5.0
"""What callers are told to wait while the probe is under way."""
_MOST_DOUBLINGS = 16


class State(StrEnum):
    """What the breaker lets through: everything, nothing, or one probe."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class Breaker:
    """The breaker of one partner. ``moved`` is called with what is to be kept over a restart."""

    def __init__(
        self,
        connector: str,
        *,
        clock: Clock,
        chance: Chance,
        tally: Tally,
        moved: Callable[[State, BreakerState], None],
    ) -> None:
        self._connector = connector
        self._clock = clock
        self._chance = chance
        self._tally = tally
        self._moved = moved
        self._open_until = 0.0
        self._openings = 0
        self._is_probing = False
        self.state = State.CLOSED

    def restore(self, saved: BreakerState) -> None:
        """Go on where the last process stopped; a time out of range is clamped."""
        if saved.open_until is None:
            return
        remaining = (saved.open_until - self._clock.now()).total_seconds()
        longest = LONGEST_OPENING_SECONDS * (1 + JITTER)
        self._openings = max(1, saved.openings)
        self._open_until = self._clock.monotonic() + min(max(remaining, 0.0), longest)
        self.state = State.OPEN

    def check(self) -> None:
        """Refuse a call that could not be admitted now.

        Raises:
            PartnerUnavailableError: with the instant at which to try again.
        """
        if self.state is State.CLOSED:
            return
        remaining = self._open_until - self._clock.monotonic()
        if remaining <= 0 and not self._is_probing:
            return
        retry_at = self._clock.now() + timedelta(seconds=max(remaining, PROBE_WAIT_SECONDS))
        raise PartnerUnavailableError(
            f"{self._connector} is not answering; it is left alone for a while.", retry_at=retry_at
        )

    def admit(self) -> bool:
        """Let a call through; True when it is the probe, whose end must be told.

        Raises:
            PartnerUnavailableError: the breaker is open, or its probe is under way.
        """
        if self.state is State.CLOSED:
            return False
        self.check()
        self._is_probing = True
        self.state = State.HALF_OPEN
        self._moved(self.state, self._remembered())
        return True

    def record(self, *, failed: bool, probe: bool) -> None:
        """Count a call that ended."""
        self._tally.add_request(failed=failed)
        if probe:
            self._is_probing = False
            if failed:
                self._open()
            else:
                self._close()
        elif failed and self.state is State.CLOSED and self._is_failing():
            self._open()

    def abandon_probe(self) -> None:
        """Take note that the probe ended without telling anything; the next call is the probe."""
        self._is_probing = False

    def _is_failing(self) -> bool:
        requests = self._tally.requests
        return requests >= FEWEST_CALLS and self._tally.failures >= FAILING_SHARE * requests

    def _open(self) -> None:
        self._openings += 1
        doublings = min(self._openings - 1, _MOST_DOUBLINGS)
        seconds = min(FIRST_OPENING_SECONDS * 2**doublings, LONGEST_OPENING_SECONDS)
        seconds *= self._chance.uniform(1 - JITTER, 1 + JITTER)
        self._open_until = self._clock.monotonic() + seconds
        self._move(State.OPEN)

    def _close(self) -> None:
        self._openings = 0
        self._tally.clear()
        self._move(State.CLOSED)

    def _move(self, state: State) -> None:
        self.state = state
        self._moved(state, self._remembered())

    def _remembered(self) -> BreakerState:
        if self.state is State.CLOSED:
            return BreakerState(connector=self._connector, open_until=None, openings=0)
        remaining = timedelta(seconds=max(0.0, self._open_until - self._clock.monotonic()))
        return BreakerState(
            connector=self._connector,
            open_until=self._clock.now() + remaining,
            openings=self._openings,
        )
