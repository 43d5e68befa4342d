"""Stores for tests: a new one begins as a copy of a migrated file, in a tenth of the time."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from syncer.dispatch.ambient import UuidIds
from syncer.ports.ambient import Clock, Ids
from syncer.store import SqlStore, open_store, sqlite_url
from syncer.testing import FakeClock

_migrated: list[bytes] = []


@asynccontextmanager
async def opened_store(file: Path, clock: Clock, ids: Ids | None = None) -> AsyncIterator[SqlStore]:
    """Open the SQLite store in a file, which is made when there is none."""
    await lay_migrated(file)
    async with open_store(sqlite_url(file), clock=clock, ids=ids or UuidIds()) as store:
        yield store


async def lay_migrated(file: Path) -> None:
    """Make a database with the newest schema and nothing in it, unless the file is there."""
    if not _migrated:
        with TemporaryDirectory() as folder:
            first = Path(folder) / "syncer.db"
            async with open_store(sqlite_url(first), clock=FakeClock(), ids=UuidIds()):
                pass
            _migrated.append(_read(first))
    _write_new(file, _migrated[0])


def _read(file: Path) -> bytes:
    return file.read_bytes()


def _write_new(file: Path, content: bytes) -> None:
    if not file.exists():
        file.write_bytes(content)
