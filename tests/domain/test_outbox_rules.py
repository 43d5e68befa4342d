"""What follows an attempt, who waits for whom, and what persons may do."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncer.domain import outbox
from syncer.domain.deliveries import (
    PARKED,
    WAITING,
    DeliveryState,
    Lane,
    LostAnswer,
    Outcome,
    StoredDelivery,
)
from syncer.domain.errors import ConflictError
from syncer.domain.links import LinkKey
from syncer.domain.outbox import LaneEntry, Verdict, held_up, retry_pause, settle

NOW = datetime(2026, 3, 2, 9, 15, tzinfo=UTC)
LONG_AGO = NOW - timedelta(hours=73)
S = DeliveryState


def sending(**fields: Any) -> StoredDelivery:
    given: dict[str, Any] = {
        "id": "d-1",
        "key": "k-1",
        "lane": Lane("c-1", LinkKey("garage-7", "paper")),
        "operation": "invoice",
        "payload": {},
        "lost_answer": LostAnswer.NEITHER,
        "state": S.SENDING,
        "accepted_at": NOW,
        "updated_at": NOW,
        "lease": "token",
        "lease_until": NOW,
        "attempt_at": NOW,
        **fields,
    }
    return StoredDelivery(**given)


def after(outcome: Outcome, *, of: StoredDelivery | None = None, **facts: Any) -> StoredDelivery:
    return settle(of or sending(), Verdict(outcome=outcome, **facts), now=NOW, jitter=0.5)


@pytest.mark.parametrize(
    ("outcome", "lost_answer", "facts", "state", "in_doubt"),
    [
        (Outcome.DONE, "neither", {"receipt": {}}, S.DELIVERED, False),
        (Outcome.DONE, "neither", {"receipt": {}, "is_final": False}, S.SENT, False),
        (Outcome.NOT_SENT, "neither", {}, S.RETRYING, False),
        (Outcome.RETRY, "neither", {"sent": True}, S.RETRYING, False),
        (Outcome.AMBIGUOUS, "key", {"doubt": True}, S.RETRYING, True),
        (Outcome.AMBIGUOUS, "lookup", {"doubt": True}, S.RETRYING, True),
        (Outcome.AMBIGUOUS, "neither", {"doubt": True}, S.NEEDS_ATTENTION, True),
        (Outcome.REJECTED, "key", {}, S.REJECTED, False),
        (Outcome.GONE, "key", {}, S.REJECTED, False),
        (Outcome.BLOCKED, "key", {}, S.BLOCKED, False),
        (Outcome.FAILED, "key", {}, S.NEEDS_ATTENTION, False),
        (Outcome.CREDENTIALS_REJECTED, "key", {}, S.QUEUED, False),
        (Outcome.CREDENTIALS_REJECTED, "neither", {"doubt": True}, S.NEEDS_ATTENTION, True),
        (Outcome.NOT_SENT, "neither", {"counts": False}, S.QUEUED, False),
    ],
)
def test_what_follows_an_attempt(
    outcome: Outcome, lost_answer: str, facts: dict[str, Any], state: S, in_doubt: bool
) -> None:
    found = after(outcome, of=sending(lost_answer=LostAnswer(lost_answer)), **facts)

    assert (found.state, found.in_doubt) == (state, in_doubt)
    assert (found.lease, found.lease_until, found.attempt_at) == (None, None, None)
    assert (found.next_attempt_at is not None) == (state in WAITING)


def test_an_attempt_that_does_not_count_leaves_no_trace() -> None:
    found = after(Outcome.NOT_SENT, of=sending(failures=2, failing_since=NOW), counts=False)

    assert found.attempts == ()
    assert (found.state, found.failures, found.next_attempt_at) == (S.RETRYING, 2, NOW)


def test_what_failed_for_three_days_waits_for_a_person() -> None:
    found = after(Outcome.NOT_SENT, of=sending(failing_since=LONG_AGO), text="no route")

    assert found.state is S.NEEDS_ATTENTION
    assert found.reason is not None
    assert "no route" in found.reason


def test_the_partner_says_when_to_come_back() -> None:
    later = NOW + timedelta(minutes=20)

    assert after(Outcome.RETRY, retry_at=later).next_attempt_at == later
    assert after(Outcome.RETRY, retry_at=LONG_AGO).next_attempt_at == NOW


def test_a_dry_run_is_never_in_doubt() -> None:
    found = after(Outcome.AMBIGUOUS, of=sending(dry_run=True), doubt=True)

    assert (found.state, found.in_doubt) == (S.RETRYING, False)


@given(
    failures=st.integers(0, 10_000),
    hours=st.floats(0, 100),
    jitter=st.floats(0, 1),
)
def test_pauses_double_up_to_a_quarter_of_an_hour_then_come_hourly(
    failures: int, hours: float, jitter: float
) -> None:
    pause = retry_pause(failures, timedelta(hours=hours), jitter)

    if hours >= 4:
        assert timedelta(minutes=45) <= pause <= timedelta(minutes=75)
    else:
        longest = min(5.0 * 2.0 ** min(failures, 20), 900.0)
        assert timedelta(0) <= pause <= timedelta(seconds=longest * 1.001)


# -- lanes ----------------------------------------------------------------------------------------


def entry(
    id_: str,
    operation: str,
    state: S,
    *needs: str,
    dry_run: bool = False,
    is_there: bool = False,
) -> LaneEntry:
    return LaneEntry(
        id=id_,
        operation=operation,
        depends_on=frozenset(needs),
        state=state,
        waiting_for=None,
        dry_run=dry_run,
        is_there=is_there,
    )


def test_a_parked_head_holds_up_its_dependents_only_and_theirs() -> None:
    lane = [
        entry("a", "upload", S.REJECTED),
        entry("b", "comment", S.QUEUED),
        entry("c", "follow_up", S.QUEUED, "upload"),
        entry("d", "closing", S.RETRYING, "follow_up"),
    ]

    assert held_up(lane) == {"b": None, "c": "a", "d": "a"}


def test_the_newest_earlier_one_decides() -> None:
    lane = [
        entry("a", "upload", S.REJECTED),
        entry("b", "upload", S.DELIVERED),
        entry("c", "follow_up", S.QUEUED, "upload"),
        entry("d", "upload", S.BLOCKED),
    ]

    assert held_up(lane) == {"c": None}


@pytest.mark.parametrize(
    ("corrected", "holder"),
    [
        (S.QUEUED, "d"),
        (S.RETRYING, "d"),
        (S.SENDING, "d"),
        (S.SENT, None),
        (S.DELIVERED, None),
        (S.REJECTED, "d"),
        (S.CANCELLED, "a"),
    ],
)
def test_what_waits_follows_the_one_that_takes_the_place_of_the_parked_one(
    corrected: S, holder: str | None
) -> None:
    lane = [
        entry("a", "upload", S.REJECTED),
        entry("b", "follow_up", S.QUEUED, "upload"),
        entry("c", "closing", S.QUEUED, "follow_up"),
        entry("d", "upload", corrected),
    ]

    waits = {key: value for key, value in held_up(lane).items() if key != "d"}

    assert waits == {"b": holder, "c": holder}


def test_one_that_was_not_refused_keeps_its_dependents() -> None:
    lane = [
        entry("a", "upload", S.DELIVERED),
        entry("b", "follow_up", S.QUEUED, "upload"),
        entry("c", "upload", S.QUEUED),
    ]

    assert held_up(lane) == {"b": None, "c": None}


def test_cancelled_ones_and_dry_runs_hold_up_nobody() -> None:
    lane = [
        entry("a", "upload", S.REJECTED, dry_run=True),
        entry("b", "upload", S.CANCELLED),
        entry("c", "follow_up", S.QUEUED, "upload"),
    ]

    assert held_up(lane) == {"c": None}


def test_one_refused_because_the_partner_has_it_already_holds_up_nobody() -> None:
    lane = [
        entry("a", "upload", S.REJECTED, is_there=True),
        entry("b", "follow_up", S.QUEUED, "upload"),
        entry("c", "upload", S.NEEDS_ATTENTION, is_there=True),
        entry("d", "follow_up", S.QUEUED, "upload"),
    ]

    assert held_up(lane) == {"b": None, "d": "c"}


# -- what persons do ------------------------------------------------------------------------------


@pytest.mark.parametrize("state", list(S))
def test_persons_may_do_only_what_the_state_allows(state: S) -> None:
    of = sending(state=state)

    def may(verb: Any) -> bool:
        try:
            verb(of)
        except ConflictError as error:
            return error.code != "state_forbids"
        return True

    assert may(lambda one: outbox.retried(one, now=NOW)) == (state in {*PARKED, S.RETRYING})
    assert may(lambda one: outbox.cancelled(one, now=NOW)) == (state in WAITING)
    for is_delivered in (True, False):
        assert may(
            lambda one, is_delivered=is_delivered: outbox.resolved(
                one, is_delivered=is_delivered, note=None, now=NOW
            )
        ) == (state is S.NEEDS_ATTENTION)


def test_what_was_not_delivered_is_queued_under_its_key_and_in_no_doubt() -> None:
    parked = replace(sending(), state=S.NEEDS_ATTENTION, in_doubt=True, failures=9)

    found = outbox.resolved(parked, is_delivered=False, note=None, now=NOW)

    assert (found.id, found.key) == (parked.id, parked.key)
    assert (found.state, found.in_doubt, found.failures) == (S.QUEUED, False, 0)
    assert found.next_attempt_at == NOW
