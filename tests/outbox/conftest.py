"""One office over a real SQLite store."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from syncer.dispatch.ambient import UuidIds
from syncer.store import open_store, sqlite_url
from syncer.store.blobs import FileBlobStore
from syncer.testing import FakeClock
from tests.outbox.office import Office


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with the newest schema and nothing in it, to be copied."""
    file = tmp_path_factory.mktemp("empty") / "syncer.db"

    async def make() -> None:
        async with open_store(sqlite_url(file), clock=FakeClock(), ids=UuidIds()):
            pass

    asyncio.run(make())
    return file


@pytest.fixture
async def office(tmp_path: Path, empty_store: Path) -> AsyncIterator[Office]:
    clock = FakeClock()
    file = tmp_path / "syncer.db"
    shutil.copyfile(empty_store, file)
    async with open_store(sqlite_url(file), clock=clock, ids=UuidIds()) as store:
        yield Office(store=store, clock=clock, blobs=FileBlobStore(tmp_path / "files"))


@pytest.fixture
async def file(office: Office) -> str:
    return await office.furnish()
