"""Opening a store by its address."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from syncer.domain.errors import ConfigurationError
from syncer.ports.ambient import Clock, Ids
from syncer.ports.store import UnitOfWork
from syncer.store.feed_signal import FeedSignal
from syncer.store.repositories.feed import EPOCH_NOTE
from syncer.store.sql_store import SqlStore
from syncer.store.sqlite_database import open_sqlite


@asynccontextmanager
async def open_store(url: str, *, clock: Clock, ids: Ids) -> AsyncIterator[SqlStore]:
    """Open the store at an address, made and brought to the newest schema where needed.

    Raises:
        ConfigurationError: the address is not one of SQLite or PostgreSQL.
        DataFolderInUseError: another process has the folder of the SQLite file.
        SchemaUnknownError: a newer release wrote the database, or it is not ours; untouched.
    """
    signal = FeedSignal(clock)
    path = _sqlite_path(url)
    opening = open_sqlite(path, clock=clock, ids=ids, committed=signal.grew)
    async with opening as database:
        store = SqlStore(database, clock=clock, signal=signal)
        epoch = ids.new().replace("-", "").encode()

        async def begin_epoch(unit: UnitOfWork) -> None:
            if await unit.notes.get(EPOCH_NOTE) is None:
                await unit.notes.put(EPOCH_NOTE, epoch)

        await store.write(begin_epoch)
        yield store


def _sqlite_path(url: str) -> Path:
    try:
        address = make_url(url)
    except ArgumentError:
        raise ConfigurationError(["The store's address cannot be read."]) from None
    if address.get_backend_name() != "sqlite" or not address.database:
        raise ConfigurationError(["The store's address must be one of SQLite or PostgreSQL."])
    return Path(address.database)
