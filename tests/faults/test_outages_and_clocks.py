"""Long outages and clocks that jump: no burst, nobody forgotten."""

from __future__ import annotations

import asyncio
import sqlite3
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from syncer.domain.errors import StorageFullError
from syncer.domain.links import LinkKey
from syncer.services import sweep
from syncer.store.sqlite import SqliteDriver
from tests.campaign import COUNTS
from tests.faults.bad_disk import BadDisk
from tests.faults.countryside import INTERVAL, TICK, Countryside, countryside

OUTAGE = timedelta(hours=COUNTS.outage_hours)
UNTIL_OPEN = timedelta(minutes=4)
"""The breaker has seen enough of the outage, and waits longer than a minute from then on."""
CAUGHT_UP = timedelta(minutes=30)
CLOCK_LINKS = 40


@pytest.mark.timeout(900)
async def test_an_outage_is_probed_once_a_minute_and_recovers_without_a_burst(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    async with countryside(tmp_path, COUNTS.outage_links) as place:
        began = place.clock.now()
        await place.live(2 * INTERVAL)
        steady = max(place.a_minute(began, place.clock.now()))
        tasks = len(asyncio.all_tasks())

        place.is_down = True
        down_at = place.clock.now()
        await place.live(OUTAGE)
        up_at = place.clock.now()
        place.is_down = False
        await place.live(CAUGHT_UP)

        probes = place.a_minute(down_at + UNTIL_OPEN, up_at)
        recovery = place.a_minute(up_at, place.clock.now())
        record_property("hours of a simulated outage", COUNTS.outage_hours)
        record_property("links in the outage", COUNTS.outage_links)
        assert max(probes) <= 1
        assert sum(probes) > 0
        assert max(recovery) <= 2 * steady
        assert len(place.answered_since(up_at)) == COUNTS.outage_links
        assert len(asyncio.all_tasks()) <= tasks


@pytest.mark.parametrize("days", [1, -1])
async def test_a_jump_of_the_clock_neither_bursts_nor_forgets_a_link(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, days: int
) -> None:
    monkeypatch.setattr(sweep, "LONGEST_PAUSE_SECONDS", 0.005)
    async with countryside(tmp_path, CLOCK_LINKS) as place:
        running = asyncio.create_task(place.wired.sweep.run())
        await live_beside(place, INTERVAL)
        steady = max(place.a_minute(place.asked[0][0], place.clock.now()))

        place.clock.jump(timedelta(days=days))
        asked_before = len(place.asked)
        await live_beside(place, 2 * INTERVAL)
        running.cancel()

        since = place.asked[asked_before:]
        times = Counter(link for _, link, _ in since)
        minutes = Counter(at.replace(second=0) for at, _, _ in since)
        assert len(times) == CLOCK_LINKS
        assert max(times.values()) <= 3
        assert max(minutes.values()) <= 2 * steady


async def test_a_link_that_is_woken_while_the_disk_is_full_is_started_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = BadDisk(sqlite3.SQLITE_FULL, rolls_back=False)
    for method in ("run", "run_many", "fetch"):
        monkeypatch.setattr(SqliteDriver, method, disk.wrap(getattr(SqliteDriver, method)))
    async with countryside(tmp_path, 1) as place:
        place.wired.sweep.wake(LinkKey("garage-0", "listed"))
        disk.left = 1
        with pytest.raises(StorageFullError):
            await place.wired.sweep.sweep()

        await place.live(TICK)

        assert [link for _, link, _ in place.asked] == ["garage-0"]


async def live_beside(place: Countryside, length: timedelta) -> None:
    """Let time pass while the sweep runs by itself."""
    ends_at = place.clock.monotonic() + length.total_seconds()
    while place.clock.monotonic() < ends_at:
        await asyncio.sleep(0.012)
        await place.live(timedelta(seconds=10), sweeps=False)
