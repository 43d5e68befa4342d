"""kill -9 at any moment, again and again, over one data folder."""

from __future__ import annotations

import asyncio
import random  # noqa: TID251 - the moment of a kill is meant to be any
from collections.abc import Callable
from contextlib import suppress

import pytest
from syncer_claims360.played import PlayedClaims360
from syncer_claims360.played_shop import PlayedShop

from tests.campaign import COUNTS
from tests.e2e.service import Service
from tests.faults.town import FIRST, UNREACHABLE, Town

LONGEST_LIFE_SECONDS = 1.2
KILLS_IN_A_TOWN = 15
"""Then it has grown so large that comparing takes longer than living."""
TOWNS = range(-(-COUNTS.kills // KILLS_IN_A_TOWN))


@pytest.mark.timeout(1_200)
@pytest.mark.parametrize("_town", TOWNS)
async def test_kills_at_random_moments_lose_and_double_nothing(
    _town: int,
    service: Service,
    partner: PlayedClaims360,
    shop: PlayedShop,
    record_property: Callable[[str, object], None],
) -> None:
    partner.has_limits = False
    chance = random.Random()
    service.configure(service.base_url, interval="1s")
    town = Town(service, partner, {FIRST: shop})
    await service.start()
    await town.join(FIRST)

    kills = min(COUNTS.kills, KILLS_IN_A_TOWN)
    for _ in range(kills):
        seconds = chance.uniform(0, LONGEST_LIFE_SECONDS)
        await killed_after(town, seconds)
        await service.start()
        await town.recover()
        await town.check()

    await service.stop()
    town.check_files()
    record_property("kills at random moments", kills)


async def killed_after(town: Town, seconds: float) -> None:
    """Work, and be killed at some moment of it."""
    working = asyncio.create_task(town.work())
    await asyncio.wait({working}, timeout=seconds)
    await town.service.kill()
    with suppress(*UNREACHABLE):
        await working
