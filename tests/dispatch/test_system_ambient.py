"""The real clock, ids and chance keep to their ports."""

from __future__ import annotations

from datetime import UTC, timedelta
from uuid import UUID

from syncer.dispatch.ambient import SystemChance, SystemClock, UuidIds
from syncer.ports.ambient import Chance, Clock, Ids


def test_system_ambient_fits_the_ports() -> None:
    parts: tuple[Clock, Ids, Chance] = (SystemClock(), UuidIds(), SystemChance())

    assert parts


def test_system_clock_is_aware_in_utc() -> None:
    assert SystemClock().now().tzinfo is UTC


def test_system_clock_never_runs_backwards_on_its_monotonic_side() -> None:
    clock = SystemClock()
    readings = [clock.monotonic() for _ in range(1000)]

    assert readings == sorted(readings)


async def test_system_clock_waits_at_least_as_long_as_asked() -> None:
    clock = SystemClock()
    began_at, began = clock.monotonic(), clock.now()

    await clock.sleep(0.02)

    assert clock.monotonic() - began_at >= 0.019
    assert clock.now() - began >= timedelta(milliseconds=15)


def test_ids_are_uuids_of_version_7_that_sort_in_order_of_making() -> None:
    ids = UuidIds()
    made = [ids.new() for _ in range(1000)]

    assert made == sorted(set(made))
    assert {UUID(one).version for one in made} == {7}


def test_chance_stays_between_its_bounds() -> None:
    chance = SystemChance()

    assert all(2.0 <= chance.uniform(2.0, 3.0) <= 3.0 for _ in range(1000))
