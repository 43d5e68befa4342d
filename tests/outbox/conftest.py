"""One office over a real SQLite store."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from syncer.store.blobs import FileBlobStore
from syncer.testing import FakeClock
from tests.outbox.office import Office
from tests.stores import opened_store


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    clock = FakeClock()
    async with opened_store(tmp_path / "syncer.db", clock) as store:
        yield Office(store=store, clock=clock, blobs=FileBlobStore(tmp_path / "files"))


@pytest.fixture
async def file(office: Office) -> str:
    return await office.furnish()
