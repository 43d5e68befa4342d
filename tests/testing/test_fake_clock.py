"""The clock that stands still until it is moved."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from syncer.testing import START, FakeClock


async def test_fake_clock_stands_still() -> None:
    clock = FakeClock()
    await clock.sleep(0)

    assert (clock.now(), clock.monotonic()) == (START, 0.0)


async def test_fake_clock_wakes_sleepers_in_order_of_time() -> None:
    clock, woken = FakeClock(), []

    async def wait(seconds: float) -> None:
        await clock.sleep(seconds)
        woken.append(seconds)

    async with asyncio.TaskGroup() as group:
        for seconds in (3, 1, 2, 9):
            group.create_task(wait(seconds))
        await asyncio.sleep(0)
        clock.advance(timedelta(seconds=5))
        await asyncio.sleep(0)
        early, waiting = list(woken), clock.sleepers
        clock.advance(timedelta(seconds=4))

    assert (early, waiting) == ([1, 2, 3], 1)
    assert woken[-1] == 9


async def test_fake_clock_forgets_a_sleeper_that_was_cancelled() -> None:
    clock = FakeClock()
    sleeper = asyncio.create_task(clock.sleep(1))
    await asyncio.sleep(0)
    sleeper.cancel()
    await asyncio.wait([sleeper])

    clock.advance(timedelta(seconds=2))

    assert (sleeper.cancelled(), clock.sleepers) == (True, 0)


async def test_a_clock_correction_moves_the_day_and_wakes_nobody() -> None:
    clock = FakeClock()
    sleeper = asyncio.create_task(clock.sleep(60))
    await asyncio.sleep(0)
    clock.jump(timedelta(hours=1))
    await asyncio.sleep(0)

    assert (clock.now(), clock.monotonic()) == (START + timedelta(hours=1), 0.0)
    assert not sleeper.done()
    sleeper.cancel()
