"""The operator's work on a host that is stopped."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from syncer.api.control import Actions
from syncer.bootstrap.actions import BACKUP, backup_action, operator_actions
from syncer.bootstrap.places import backup_of, database_file, files_folder, key_files, store_url
from syncer.config import Settings
from syncer.dispatch.ambient import SystemClock, UuidIds
from syncer.domain.errors import NotFoundError
from syncer.store import Restored, lock_data_folder, open_store, restore
from syncer.vault import open_vault


@asynccontextmanager
async def operating(settings: Settings) -> AsyncIterator[Actions]:
    """Open the store of a stopped host, and nothing else of it.

    Raises:
        NotFoundError: there is no database yet.
        DataFolderInUseError: the host runs.
        ConfigurationError: a key file has the wrong size or permissions.
    """
    _must_be_there(settings)
    clock = SystemClock()
    async with open_store(store_url(settings), clock=clock, ids=UuidIds()) as store:
        vault = await open_vault(store, *key_files(settings), clock=clock)
        yield operator_actions(store, vault, backup_of(settings), clock)


@contextmanager
def keeping(settings: Settings) -> Iterator[Actions]:
    """Let a stopped host be backed up as it is: nothing is migrated, no key is needed.

    Raises:
        NotFoundError: there is no database yet.
        DataFolderInUseError: the host runs.
    """
    _must_be_there(settings)
    with lock_data_folder(database_file(settings).parent):
        yield {BACKUP: backup_action(backup_of(settings), SystemClock())}


def bring_back(settings: Settings, backup: Path) -> Restored:
    """Restore a backup into the data folder of a stopped host that has no database.

    Raises:
        SyncerError: as ``syncer.store.restore`` does.
    """
    return restore(
        backup, database=database_file(settings), files=files_folder(settings), ids=UuidIds()
    )


def _must_be_there(settings: Settings) -> None:
    if not database_file(settings).is_file():
        raise NotFoundError(f"There is no database in {settings.data_dir}.")
