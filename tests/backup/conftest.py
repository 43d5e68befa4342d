"""A data folder with a record, a photo and an entry in the feed."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest

from syncer.dispatch.ambient import SystemClock, UuidIds
from syncer.ports.store import UnitOfWork
from syncer.store import Backup, FileBlobStore, SqlStore, open_store, sqlite_url
from tests.contract.samples import (
    IDS,
    LINK,
    NOW,
    add_records,
    attachment,
    changes,
    make_link,
    record,
    record_write,
)

PHOTO = b"\xff\xd8\xff a photo"
SHA256 = hashlib.sha256(PHOTO).hexdigest()

Opening = Callable[[Path], AbstractAsyncContextManager[SqlStore]]


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[SqlStore]:
    """Open the store of a data folder."""
    url = sqlite_url(folder / "syncer.db")
    async with open_store(url, clock=SystemClock(), ids=UuidIds()) as store:
        yield store


def content(folder: Path, sha256: str = SHA256) -> Path:
    """Say where a content is in a data folder or a backup."""
    return folder / "files" / sha256[:2] / sha256[2:4] / sha256


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """The data folder."""
    folder = tmp_path / "house"
    folder.mkdir()
    return folder


@pytest.fixture
async def store(house: Path) -> AsyncIterator[SqlStore]:
    """Its store, open as beside a running service."""
    async with opened(house) as store:
        await store.write(make_link)
        await add_records(store, record_write(record("Q-1")))
        await store.write(_fill)
        async with FileBlobStore(house / "files").receive() as writer:
            await writer.write(PHOTO)
            await writer.keep()
        yield store


async def _fill(unit: UnitOfWork) -> None:
    id_ = IDS.new()
    await unit.attachments.offer(LINK, [(id_, attachment(), None)], at=NOW)
    await unit.attachments.stored(
        id_, sha256=SHA256, bytes_=len(PHOTO), content_type="image/jpeg", at=NOW
    )
    unit.feed.append(changes(3), at=NOW)


@pytest.fixture
def backup(house: Path, store: SqlStore) -> Backup:
    return Backup(database=house / "syncer.db", files=house / "files", version="9.9")
