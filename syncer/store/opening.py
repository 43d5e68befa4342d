"""Opening a store by its address."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from syncer.domain.errors import ConfigurationError
from syncer.observability.crash_points import crash_point
from syncer.ports.ambient import Clock, Ids
from syncer.ports.store import UnitOfWork
from syncer.store.feed_signal import FeedSignal
from syncer.store.repositories.feed import EPOCH_NOTE
from syncer.store.sql_store import Database, SqlStore
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
    async with _opened(_address(url), clock=clock, ids=ids, signal=signal) as database:
        store = SqlStore(database, clock=clock, signal=signal)
        epoch = ids.new().replace("-", "").encode()

        async def begin_epoch(unit: UnitOfWork) -> None:
            if await unit.notes.get(EPOCH_NOTE) is None:
                await unit.notes.put(EPOCH_NOTE, epoch)

        crash_point("store-before-epoch")
        await store.write(begin_epoch)
        yield store


def _opened(
    address: URL, *, clock: Clock, ids: Ids, signal: FeedSignal
) -> AbstractAsyncContextManager[Database]:
    if address.get_backend_name() == "sqlite" and address.database:
        path = Path(address.database)
        return open_sqlite(path, clock=clock, ids=ids, committed=signal.grew)
    if address.get_backend_name() == "postgresql":
        try:
            from syncer.store.postgresql_database import open_postgresql
        except ImportError:
            raise ConfigurationError(["PostgreSQL needs the extra: syncer[postgres]."]) from None
        return open_postgresql(address, clock=clock, ids=ids, committed=signal.grew)
    raise ConfigurationError(["The store's address must be one of SQLite or PostgreSQL."])


def _address(url: str) -> URL:
    try:
        return make_url(url)
    except ArgumentError:
        raise ConfigurationError(["The store's address cannot be read."]) from None
