"""The n-th write of the database fails: nothing is half there, and the rest resumes alone."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from syncer.domain.errors import RetryableError
from syncer.domain.feed import ChangeType
from syncer.domain.passes import PassState
from syncer.domain.stored import RecordFilter
from syncer.services.intake import Intake
from syncer.store import SqlStore
from syncer.store.sqlite import SqliteDriver
from tests.campaign import COUNTS
from tests.faults.bad_disk import BadDisk
from tests.sync.world import ModelConnector, ModelObject, ModelPartner, World

IOERR_WRITE = sqlite3.SQLITE_IOERR | 3 << 8
OBJECTS = 7
PAGE_SIZE = 3
EVERYTHING = ("queued", "accepted", "dismissed", "excluded")


async def first_load(world: World, partner: ModelPartner) -> None:
    await world.run_pass()


async def half_of_it_changed(world: World, partner: ModelPartner) -> None:
    for one in list(partner.objects.values())[::2]:
        one.status, one.changed_at = "closed", one.changed_at + timedelta(hours=1)
        one.version += 1
    await world.run_pass()


async def persons_decide(world: World, partner: ModelPartner) -> None:
    intake = Intake(store=world.store, clock=world.clock)
    wanted = RecordFilter(intake=("queued",))
    async with world.store.read() as uow:
        first = (await uow.records.find(wanted, after=None, limit=1))[0]
    await intake.accept(first.id)
    await intake.take_over(first.id)


SCENARIOS = {
    "first load": first_load,
    "changes": half_of_it_changed,
    "decisions": persons_decide,
}
ERRORS = {
    "disk full": BadDisk(sqlite3.SQLITE_FULL, rolls_back=True),
    "disk full at commit": BadDisk(sqlite3.SQLITE_FULL, rolls_back=False),
    "write error": BadDisk(IOERR_WRITE, rolls_back=True),
    "locked": BadDisk(sqlite3.SQLITE_BUSY, rolls_back=False),
}


def a_partner() -> ModelPartner:
    partner = ModelPartner(page_size=PAGE_SIZE)
    world_began = World(Path(), ModelConnector(partner)).clock.now()
    for number in range(OBJECTS):
        at = world_began + timedelta(minutes=number)
        partner.objects[f"M-{number}"] = ModelObject(f"M-{number}", "created", at)
    return partner


@pytest.fixture(params=list(SCENARIOS))
async def prepared(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, Path]:
    """A folder that stands where the scenario begins."""
    folder = tmp_path / "prepared"
    folder.mkdir()
    partner = a_partner()
    world = World(folder, ModelConnector(partner))
    await world.open()
    if request.param != "first load":
        await first_load(world, partner)
    await world.close()
    return request.param, folder


@pytest.mark.timeout(900)
@pytest.mark.parametrize("error", list(ERRORS))
async def test_a_failing_write_leaves_nothing_half_and_the_next_pass_makes_it_whole(
    prepared: tuple[str, Path],
    error: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    record_property: Callable[[str, object], None],
) -> None:
    name, folder = prepared
    disk = BadDisk(ERRORS[error].code, rolls_back=ERRORS[error].rolls_back)
    for method in ("run", "run_many", "fetch"):
        monkeypatch.setattr(SqliteDriver, method, disk.wrap(getattr(SqliteDriver, method)))
    stride = COUNTS.write_stride
    number = 1
    while True:
        place = tmp_path / str(number)
        shutil.copytree(folder, place)
        if not await survives(place, name, disk, number):
            break
        number += stride
    record_property(f"writes that failed ({error})", number // stride)
    assert number > stride


async def survives(place: Path, name: str, disk: BadDisk, number: int) -> bool:
    """Let the n-th write of a scenario fail and see all well afterwards; False when it has none."""
    partner = a_partner()
    world = World(place, ModelConnector(partner))
    await world.open()
    try:
        disk.left, disk.failed = number, False
        with suppress(RetryableError):
            await SCENARIOS[name](world, partner)
        disk.left = 0
        if not disk.failed:
            return False
        await persons_decide(world, partner) if name == "decisions" else None
        assert (await world.run_pass()).state is PassState.SUCCEEDED
        await is_whole(world, partner)
        return True
    finally:
        await world.close()


async def is_whole(world: World, partner: ModelPartner) -> None:
    """Compare records, feed and the files of the database with the partner."""
    await world.pull.end.write_late_ends()
    theirs = {one.ref: (one.status, one.changed_at) for one in partner.objects.values()}
    assert await world.records() == theirs
    replayed: dict[str, Any] = {}
    async with world.store.read() as uow:
        for entry in await uow.feed.read(await uow.feed.tail(), limit=1_000):
            data: Any = entry.change.data
            if entry.change.type is ChangeType.RECORD_CREATED:
                assert data["partner_ref"] not in replayed, "created twice in the feed"
            if entry.change.type in {ChangeType.RECORD_CREATED, ChangeType.RECORD_UPDATED}:
                replayed[data["partner_ref"]] = data["status"]
        running = await uow.passes.unended()
    assert replayed == {ref: status for ref, (status, _) in theirs.items()}

    assert running == []
    assert isinstance(world.store, SqlStore)
    assert await world.store.faults() == []
