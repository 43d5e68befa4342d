"""The one retry policy for calls to partners.

At most ``MOST_ATTEMPTS`` attempts, none begun later than ``TOTAL_SECONDS`` after the first, full
jitter up to a cap, ``Retry-After`` instead when the partner gave one, idempotent calls only, and
within the partner's retry budget. Whatever fails beyond that is for the schedule to repeat.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TypeVar

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception

from syncer.domain.errors import SyncerError
from syncer.partner.tally import Tally
from syncer.ports.ambient import Chance, Clock

T = TypeVar("T")

MOST_ATTEMPTS = 3
TOTAL_SECONDS = 60.0
BACKOFF_SECONDS = 0.5
BACKOFF_CAP_SECONDS = 8.0
BUDGET_SHARE = 0.1
BUDGET_FLOOR = 3
LONGEST_RETRY_AFTER_SECONDS = 3600.0
_LONGEST_NUMBER = 12


class AttemptFailedError(Exception):
    """One attempt failed; ``error`` is what the caller gets when no further one is made."""

    def __init__(
        self, error: SyncerError, *, is_retryable: bool, retry_after: float | None = None
    ) -> None:
        super().__init__(error.code)
        self.error = error
        self.is_retryable = is_retryable
        self.retry_after = retry_after


class RetryPolicy:
    """Repeats the attempts of one partner's calls."""

    def __init__(self, *, clock: Clock, chance: Chance, tally: Tally) -> None:
        self._clock = clock
        self._chance = chance
        self._tally = tally

    async def go_on(
        self, attempt: Callable[[], Awaitable[T]], failure: AttemptFailedError, *, began_at: float
    ) -> T:
        """Go on after a first attempt that failed.

        Raises:
            SyncerError: the error of the last attempt.
        """
        failures = [failure]

        async def next_attempt() -> T:
            if failures:
                raise failures.pop()
            return await attempt()

        try:
            return await self._retrying(began_at)(next_attempt)
        except AttemptFailedError as last:
            raise last.error from None

    def _retrying(self, began_at: float) -> AsyncRetrying:
        return AsyncRetrying(
            sleep=self._clock.sleep,
            retry=retry_if_exception(_is_retryable),
            wait=self._wait,
            stop=lambda state: (
                state.attempt_number >= MOST_ATTEMPTS
                or self._is_late(began_at, state.upcoming_sleep)
                or not self._take_from_budget()
            ),
            reraise=True,
        )

    def _wait(self, state: RetryCallState) -> float:
        failure = state.outcome.exception() if state.outcome is not None else None
        if isinstance(failure, AttemptFailedError) and failure.retry_after is not None:
            return failure.retry_after
        backoff = BACKOFF_SECONDS * 2 ** (state.attempt_number - 1)
        return self._chance.uniform(0, min(backoff, BACKOFF_CAP_SECONDS))

    def _is_late(self, began_at: float, wait: float) -> bool:
        return self._clock.monotonic() + wait - began_at > TOTAL_SECONDS

    def _take_from_budget(self) -> bool:
        """Take one retry from the budget; asked last, when all else allows the retry."""
        allowed = max(BUDGET_FLOOR, int(self._tally.requests * BUDGET_SHARE))
        if self._tally.retries >= allowed:
            return False
        self._tally.add_retry()
        return True


def _is_retryable(failure: BaseException) -> bool:
    return isinstance(failure, AttemptFailedError) and failure.is_retryable


def parse_retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """Read ``Retry-After``, seconds or date, as seconds within 0 and 3600; junk counts as absent.

    A date is measured from the answer's own ``Date`` where it has one, since the partner's clock
    may be off. Source: RFC 9110, section 10.2.3.
    """
    text = headers.get("Retry-After", "").strip()
    digits = text.removeprefix("-")
    if digits.isascii() and digits.isdigit():
        is_negative, is_huge = digits != text, len(digits) > _LONGEST_NUMBER
        seconds = 0.0 if is_negative else float("inf") if is_huge else float(digits)
    else:
        until = _parse_date(text)
        if until is None:
            return None
        seconds = (until - (_parse_date(headers.get("Date", "")) or now)).total_seconds()
    return min(max(seconds, 0.0), LONGEST_RETRY_AFTER_SECONDS)


def _parse_date(text: str) -> datetime | None:
    try:
        instant = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return instant if instant.tzinfo is not None else instant.replace(tzinfo=UTC)
