"""The rules of the outbox, pure: what follows an attempt, who waits for whom, who may do what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from syncer.domain.deliveries import (
    MOVING,
    PARKED,
    WAITING,
    Attempt,
    DeliveryState,
    LostAnswer,
    Outcome,
    StoredDelivery,
)
from syncer.domain.errors import ConflictError

FIRST_PAUSE = timedelta(seconds=5)
LONGEST_PAUSE = timedelta(minutes=15)
PATIENT_FOR = timedelta(hours=4)
"""How long pauses double up to the longest; later one attempt an hour is made."""
LATE_PAUSE = timedelta(hours=1)
GIVE_UP_AFTER = timedelta(hours=72)

LOST = "The answer was lost: it may have taken effect. Look at the partner, then resolve it."
_STATE_AFTER = {
    Outcome.REJECTED: DeliveryState.REJECTED,
    Outcome.GONE: DeliveryState.REJECTED,
    Outcome.BLOCKED: DeliveryState.BLOCKED,
    Outcome.FAILED: DeliveryState.NEEDS_ATTENTION,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What an attempt came to, judged.

    ``doubt`` says that something of it may have taken effect, ``sent`` that anything left at all.
    ``counts`` is False for an attempt that the host itself broke off.
    """

    outcome: Outcome
    code: str | None = None
    text: str | None = None
    retry_at: datetime | None = None
    doubt: bool = False
    sent: bool = False
    counts: bool = True
    receipt: dict[str, Any] | None = None
    is_final: bool = True


def settle(
    delivery: StoredDelivery, verdict: Verdict, *, now: datetime, jitter: float
) -> StoredDelivery:
    """Give the delivery as it stands after an attempt; ``jitter`` is evenly spread in 0 to 1."""
    after = replace(
        _released(delivery, now),
        was_sent=delivery.was_sent or verdict.sent,
        in_doubt=(delivery.in_doubt or verdict.doubt) and not delivery.dry_run,
        attempts=delivery.attempts + _attempt_of(delivery, verdict, now),
    )
    outcome = verdict.outcome
    if outcome is Outcome.DONE:
        state = DeliveryState.DELIVERED if verdict.is_final else DeliveryState.SENT
        return replace(after, state=state, in_doubt=False, receipt=verdict.receipt)
    if outcome in _STATE_AFTER:
        receipt = verdict.receipt or delivery.receipt
        return replace(after, state=_STATE_AFTER[outcome], reason=verdict.text, receipt=receipt)
    asks_person = delivery.lost_answer is LostAnswer.NEITHER and not delivery.dry_run
    if verdict.doubt and asks_person:
        return replace(after, state=DeliveryState.NEEDS_ATTENTION, reason=LOST)
    if outcome is Outcome.CREDENTIALS_REJECTED or not verdict.counts:
        return _again_at(after, verdict.retry_at or now)
    return _failed(after, verdict, now=now, jitter=jitter)


def _released(delivery: StoredDelivery, now: datetime) -> StoredDelivery:
    return replace(
        delivery,
        reason=None,
        next_attempt_at=None,
        lease=None,
        lease_until=None,
        attempt_at=None,
        updated_at=now,
    )


def _attempt_of(delivery: StoredDelivery, verdict: Verdict, now: datetime) -> tuple[Attempt, ...]:
    if not verdict.counts and not verdict.sent:
        return ()
    at = delivery.attempt_at or now
    return (Attempt(at=at, outcome=verdict.outcome, code=verdict.code, text=verdict.text),)


def _again_at(after: StoredDelivery, at: datetime) -> StoredDelivery:
    """Make it wait for its turn, as if the attempt had not been made."""
    state = DeliveryState.RETRYING if after.failures else DeliveryState.QUEUED
    return replace(after, state=state, next_attempt_at=at)


def _failed(
    after: StoredDelivery, verdict: Verdict, *, now: datetime, jitter: float
) -> StoredDelivery:
    since = after.failing_since or now
    if now - since >= GIVE_UP_AFTER:
        text = f"It failed for {GIVE_UP_AFTER.days} days, last: {verdict.text}"
        return replace(after, state=DeliveryState.NEEDS_ATTENTION, reason=text)
    pause = retry_pause(after.failures, now - since, jitter)
    return replace(
        after,
        state=DeliveryState.RETRYING,
        reason=verdict.text,
        failures=after.failures + 1,
        failing_since=since,
        next_attempt_at=max(verdict.retry_at or now + pause, now),
    )


def retry_pause(failures: int, failing_for: timedelta, jitter: float) -> timedelta:
    """Give the pause after so many failures before this one: full jitter, doubling, then hourly.

    The hourly ones are spread by a quarter of an hour, so that they do not come together.
    """
    if failing_for >= PATIENT_FOR:
        return LATE_PAUSE * (0.75 + jitter / 2)
    longest = LONGEST_PAUSE / FIRST_PAUSE
    return FIRST_PAUSE * min(2.0 ** min(failures, 30), longest) * jitter


# -- lanes ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneEntry:
    """As much of a delivery as its lane needs to know.

    ``is_there``: the partner told the id of what the operation makes, be it with a refusal.
    """

    id: str
    operation: str
    depends_on: frozenset[str]
    state: DeliveryState
    waiting_for: str | None
    dry_run: bool
    is_there: bool = False


def held_up(lane: Sequence[LaneEntry]) -> dict[str, str | None]:
    """Say for each one that waits which other one it waits for; in order of acceptance.

    It is the newest earlier one of an operation that it depends on; what depends on a held-up one
    is held up by the same. When that one is parked and another of its operation was accepted since,
    that one has taken its place: it is waited for until it is through. Cancelled ones and dry runs
    hold up nobody, nor does one that was refused because the partner has it already: no retry would
    ever let its dependents go.
    """
    latest = {one.operation: one for one in lane if _counts(one)}
    newest: dict[str, LaneEntry] = {}
    found: dict[str, str | None] = {}
    for entry in lane:
        if entry.state in WAITING:
            needed = sorted(entry.depends_on & newest.keys())
            holders = (_holder(newest[name], latest[name], found) for name in needed)
            found[entry.id] = next((holder for holder in holders if holder), None)
        if _counts(entry):
            newest[entry.operation] = entry
    return found


def _holder(earlier: LaneEntry, latest: LaneEntry, found: Mapping[str, str | None]) -> str | None:
    if not _is_parked(earlier):
        return found.get(earlier.id)
    return latest.id if latest.state in MOVING or _is_parked(latest) else None


def _counts(entry: LaneEntry) -> bool:
    return entry.state is not DeliveryState.CANCELLED and not entry.dry_run


def _is_parked(entry: LaneEntry) -> bool:
    is_needless = entry.state is DeliveryState.REJECTED and entry.is_there
    return entry.state in PARKED and not is_needless


# -- what persons do ------------------------------------------------------------------------------

_MAY_RETRY = PARKED | {DeliveryState.RETRYING}


def retried(delivery: StoredDelivery, *, now: datetime) -> StoredDelivery:
    """Queue a delivery again, for an attempt at once.

    Raises:
        ConflictError: ``state_forbids``.
    """
    _require(delivery, _MAY_RETRY, "be retried")
    return _queued_anew(delivery, now)


def cancelled(delivery: StoredDelivery, *, now: datetime) -> StoredDelivery:
    """Take back a delivery that waits.

    Raises:
        ConflictError: ``state_forbids``.
    """
    _require(delivery, WAITING, "be cancelled")
    return replace(_released(delivery, now), state=DeliveryState.CANCELLED, waiting_for=None)


def resolved(
    delivery: StoredDelivery, *, is_delivered: bool, note: str | None, now: datetime
) -> StoredDelivery:
    """Enter what a person found out at the partner; not delivered, it is queued under its key.

    Raises:
        ConflictError: ``state_forbids``.
    """
    _require(delivery, {DeliveryState.NEEDS_ATTENTION}, "be resolved")
    if not is_delivered:
        return replace(_queued_anew(delivery, now), in_doubt=False)
    return replace(
        _released(delivery, now), state=DeliveryState.DELIVERED, in_doubt=False, reason=note
    )


def _queued_anew(delivery: StoredDelivery, now: datetime) -> StoredDelivery:
    return replace(
        _released(delivery, now),
        state=DeliveryState.QUEUED,
        failures=0,
        failing_since=None,
        next_attempt_at=now,
    )


def _require(
    delivery: StoredDelivery, states: frozenset[DeliveryState] | set[DeliveryState], verb: str
) -> None:
    if delivery.state not in states:
        allowed = ", ".join(sorted(states))
        text = f"The delivery is {delivery.state}; only one that is {allowed} can {verb}."
        raise ConflictError("state_forbids", text)


def abandoned(delivery: StoredDelivery) -> Verdict:
    """Judge an attempt whose process died: nobody knows how far it came."""
    assert delivery.state in MOVING
    text = "The program stopped while it was sending."
    return Verdict(outcome=Outcome.AMBIGUOUS, code="interrupted", text=text, doubt=True, sent=True)
