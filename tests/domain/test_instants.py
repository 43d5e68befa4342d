"""Instants as partners write them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncer.domain.instants import (
    from_micros,
    instant_key,
    parse_instant,
    to_micros,
    to_text,
)

OFFSETS = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
INSTANTS = st.datetimes(
    min_value=datetime(1900, 1, 2),
    max_value=datetime(2999, 12, 30),
    timezones=OFFSETS,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("2026-03-02T09:14:05Z", "2026-03-02T09:14:05Z", id="utc"),
        pytest.param("2026-03-02T10:14:05+01:00", "2026-03-02T09:14:05Z", id="offset"),
        pytest.param("2026-03-02T09:14:05.12Z", "2026-03-02T09:14:05.120000Z", id="two-digits"),
        pytest.param(
            "2026-03-02T09:14:05.123456789Z", "2026-03-02T09:14:05.123456Z", id="nine-digits-cut"
        ),
        pytest.param("2026-03-02 09:14:05-00:00", "2026-03-02T09:14:05Z", id="space-for-t"),
    ],
)
def test_instant_is_read_and_written_in_utc(text: str, expected: str) -> None:
    assert to_text(parse_instant(text)) == expected


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param("2026-03-02", id="a-date"),
        pytest.param("2026-03-02T09:14:05", id="no-offset"),
        pytest.param("20260302T091405Z", id="basic-format"),
        pytest.param("2026-02-30T09:14:05Z", id="no-such-day"),
        pytest.param("2026-03-02T25:14:05Z", id="no-such-hour"),
        pytest.param("yesterday, at noon sharp", id="words"),
        pytest.param("0001-01-01T00:00:00+23:59", id="before-the-calendar"),
        pytest.param("9999-12-31T23:59:59-23:59", id="after-the-calendar"),
    ],
)
def test_text_that_is_no_instant_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        parse_instant(text)


def test_key_tells_nanoseconds_apart() -> None:
    assert instant_key("2026-03-02T09:14:05.000000001Z") < instant_key(
        "2026-03-02T09:14:05.000000002Z"
    )


def test_key_is_the_same_for_other_spellings_of_one_instant() -> None:
    spellings = [
        "2026-03-02T09:14:05.12Z",
        "2026-03-02T10:14:05.120000000+01:00",
        "2026-03-02T09:14:05.120-00:00",
    ]

    assert len({instant_key(spelling) for spelling in spellings}) == 1


@given(INSTANTS)
def test_written_instant_reads_back_as_the_same(instant: datetime) -> None:
    assert parse_instant(to_text(instant)) == instant


@given(INSTANTS)
def test_micros_turn_back_into_the_same_instant(instant: datetime) -> None:
    assert from_micros(to_micros(instant)) == instant


@given(INSTANTS, INSTANTS)
def test_keys_sort_in_order_of_time(one: datetime, other: datetime) -> None:
    keys = [instant_key(instant.isoformat()) for instant in (one, other)]

    assert (keys[0] < keys[1]) == (one < other)


def test_parsed_instant_is_aware_in_utc() -> None:
    assert parse_instant("2026-03-02T10:14:05+01:00").tzinfo is UTC
