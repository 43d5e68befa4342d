"""Retention over a real store: what is too old goes, batch by batch, and orphaned files too."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

from syncer.domain.feed import Change, ChangeType, SubjectType
from syncer.ports.store import Store, UnitOfWork
from syncer.services.retention import Retention
from syncer.store import FileBlobStore
from syncer.testing import FakeClock
from tests.stores import opened_store

DAYS = timedelta(days=1)
MORE_THAN_A_BATCH = 5_200


def retention(store: Store, folder: Path, clock: FakeClock) -> Retention:
    return Retention(
        store=store,
        blobs=FileBlobStore(folder),
        clock=clock,
        passes=30 * DAYS,
        changes=90 * DAYS,
        history=400 * DAYS,
    )


async def test_retention_removes_all_that_is_too_old_however_much_it_is(tmp_path: Path) -> None:
    clock = FakeClock()
    change = Change(
        type=ChangeType.RECORD_CREATED,
        repairer="garage-7",
        connector="claims360",
        subject_type=SubjectType.RECORD,
        subject_id="r",
    )

    async def fill(uow: UnitOfWork) -> None:
        uow.feed.append([change] * MORE_THAN_A_BATCH, at=clock.now())

    async with opened_store(tmp_path / "syncer.db", clock) as store:
        await store.write(fill)
        clock.advance(91 * DAYS)

        removed = await retention(store, tmp_path / "files", clock).prune()

    assert removed["changes"] == MORE_THAN_A_BATCH


async def test_retention_keeps_what_is_young(tmp_path: Path) -> None:
    clock = FakeClock()
    async with opened_store(tmp_path / "syncer.db", clock) as store:
        assert not any((await retention(store, tmp_path / "files", clock).prune()).values())


async def test_retention_removes_a_file_that_nothing_names_after_a_day(tmp_path: Path) -> None:
    clock = FakeClock()
    blobs = FileBlobStore(tmp_path / "files")
    async with blobs.receive() as writer:
        await writer.write(b"orphan")
        blob = await writer.finish()
        await writer.keep()
    path = await blobs.open(blob.sha256)
    assert path is not None
    old = path.stat().st_mtime - (2 * DAYS).total_seconds()
    os.utime(path, (old, old))
    async with opened_store(tmp_path / "syncer.db", clock) as store:
        removed = await retention(store, tmp_path / "files", clock).remove_orphans()

    assert removed == 1
    assert not path.exists()
