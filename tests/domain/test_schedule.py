"""When links are due: fixed places in the interval, no bursts."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from syncer.domain.links import LinkKey
from syncer.domain.schedule import clamp_due, late_due, next_due, phase

KEYS = st.builds(
    LinkKey, st.from_regex(r"[a-z0-9]{1,8}", fullmatch=True), st.sampled_from(["a", "b"])
)
NOWS = st.datetimes(
    min_value=datetime(2020, 1, 1), max_value=datetime(2090, 1, 1), timezones=st.just(UTC)
)
INTERVALS = st.integers(1, 604_800).map(lambda seconds: timedelta(seconds=seconds))
MICROSECOND = timedelta(microseconds=1)


@given(KEYS, NOWS, INTERVALS)
def test_next_due_is_later_than_now_by_no_more_than_one_interval(
    key: LinkKey, now: datetime, interval: timedelta
) -> None:
    due = next_due(key, now, interval)

    assert now < due <= now + interval


@given(KEYS, NOWS, INTERVALS)
def test_due_times_of_a_link_are_one_interval_apart(
    key: LinkKey, now: datetime, interval: timedelta
) -> None:
    due = next_due(key, now, interval)

    assert abs(next_due(key, due, interval) - due - interval) <= MICROSECOND


@given(KEYS, NOWS, INTERVALS, st.integers(1, 50))
def test_missed_slots_collapse_into_one(
    key: LinkKey, now: datetime, interval: timedelta, missed: int
) -> None:
    later = now + interval * missed

    assert next_due(key, later, interval) <= later + interval


def test_links_are_spread_evenly_over_the_interval() -> None:
    tenths = Counter(int(phase(LinkKey(f"garage-{n}", "claims360")) * 10) for n in range(2000))

    assert len(tenths) == 10
    assert max(tenths.values()) < 2 * min(tenths.values())


def test_place_in_the_interval_is_the_same_in_every_process() -> None:
    assert phase(LinkKey("garage-7", "claims360")) == 0.521718947449699


@given(
    st.lists(st.integers(0, 3600), min_size=1, max_size=20),
    st.integers(0, 86_400),
)
def test_late_passes_keep_their_distances_after_a_stop(offsets: list[int], stop: int) -> None:
    began = datetime(2026, 3, 2, tzinfo=UTC)
    due = sorted(began + timedelta(seconds=offset) for offset in offsets)
    now = due[-1] + timedelta(seconds=stop)

    late = [late_due(one, now, due[0]) for one in due]

    assert late[0] == now
    assert [b - a for a, b in pairwise(late)] == [b - a for a, b in pairwise(due)]


@given(KEYS, NOWS, INTERVALS)
def test_due_time_left_far_away_by_a_clock_change_is_brought_back(
    key: LinkKey, now: datetime, interval: timedelta
) -> None:
    clamped = clamp_due(key, now + 2 * interval, now, interval)

    assert clamped == next_due(key, now, interval)


@given(KEYS, NOWS, INTERVALS)
def test_due_time_within_the_interval_stays(
    key: LinkKey, now: datetime, interval: timedelta
) -> None:
    due = next_due(key, now, interval)

    assert clamp_due(key, due, now, interval) == due
