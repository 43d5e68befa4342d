"""First loads of many links of one partner at once: what they hold stays bounded."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from syncer.domain.links import LinkKey
from syncer.domain.passes import Pass, PassTrigger
from syncer.domain.stored import Repairer
from syncer.ports.store import UnitOfWork
from syncer.sdk import Link, Page, Settings
from syncer.services.live import LivePass
from syncer.services.pull import LONG_LISTINGS_AT_ONCE
from tests.sync.world import KEY, ModelConnector, ModelObject, ModelPartner, NoCredentials, World

LINKS = 3 * LONG_LISTINGS_AT_ONCE


class CountingConnector(ModelConnector):
    """Counts the pages that are read at once."""

    reading = 0
    most = 0

    async def pull(self, link: Link[NoCredentials, Settings], cursor: str | None) -> Page:
        self.reading += 1
        self.most = max(self.most, self.reading)
        await asyncio.sleep(0)
        try:
            return await super().pull(link, cursor)
        finally:
            self.reading -= 1


@pytest.fixture
def connector() -> CountingConnector:
    return CountingConnector(ModelPartner())


@pytest.fixture
async def world(tmp_path: Path, connector: CountingConnector) -> AsyncIterator[World]:
    world = World(tmp_path, connector)
    await world.open()
    now = world.clock.now()
    for number in range(7):
        ref = f"M-{number}"
        connector.partner.objects[ref] = ModelObject(ref, "created", now)
    yield world
    await world.close()


async def load_all(world: World, trigger: PassTrigger) -> None:
    keys = [LinkKey(f"garage-{number}", KEY.connector) for number in range(100, 100 + LINKS)]

    async def write(uow: UnitOfWork) -> None:
        for key in keys:
            await uow.repairers.put(Repairer(id=key.repairer, name="Garage"))
        await uow.links.ensure([KEY.connector])

    await world.store.write(write)
    async with world.store.read() as uow:
        link, sealed = await uow.links.get(KEY), await uow.credentials.get(KEY)
    assert link is not None
    assert sealed is not None
    now = world.clock.now()
    async with asyncio.TaskGroup() as group:
        for key in keys:
            live = LivePass(
                pass_=Pass(id=world.ids.new(), link=key, trigger=trigger, created_at=now),
                kept=trigger is PassTrigger.REFRESH,
                link=replace(link, key=key),
                sealed=replace(sealed, link=key),
            )
            world.board.put(live)
            group.create_task(world.pull.run(live))


async def test_scheduled_first_loads_read_a_few_pages_at_once(
    world: World, connector: CountingConnector
) -> None:
    await load_all(world, PassTrigger.SCHEDULE)

    assert connector.most == LONG_LISTINGS_AT_ONCE


async def test_refreshes_wait_for_no_first_load(world: World, connector: CountingConnector) -> None:
    await load_all(world, PassTrigger.REFRESH)

    assert connector.most > LONG_LISTINGS_AT_ONCE
