"""The operator's work on a host that is stopped."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from syncer.api.control import Actions
from syncer.bootstrap.actions import operator_actions
from syncer.bootstrap.host import DATABASE_FILE, key_files, store_url
from syncer.config import Settings
from syncer.dispatch.ambient import SystemClock, UuidIds
from syncer.domain.errors import NotFoundError
from syncer.store import open_store
from syncer.vault import open_vault


@asynccontextmanager
async def operating(settings: Settings) -> AsyncIterator[Actions]:
    """Open the store of a stopped host, and nothing else of it.

    Raises:
        NotFoundError: there is no database yet.
        DataFolderInUseError: the host runs.
        ConfigurationError: a key file has the wrong size or permissions.
    """
    if not settings.store.url and not (settings.data_dir / DATABASE_FILE).is_file():
        raise NotFoundError(f"There is no database in {settings.data_dir}.")
    clock = SystemClock()
    async with open_store(store_url(settings), clock=clock, ids=UuidIds()) as store:
        vault = await open_vault(store, *key_files(settings), clock=clock)
        yield operator_actions(store, vault, clock)
