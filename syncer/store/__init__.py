"""The store: the only SQL. SQLite files by default, PostgreSQL for several machines."""

from syncer.store import library  # isort: skip - before anything imports sqlite3

from syncer.store.backup import Backup, BackupMade
from syncer.store.blobs import FileBlobStore
from syncer.store.locking import lock_data_folder
from syncer.store.opening import open_store
from syncer.store.restore import Restored, restore
from syncer.store.sql_store import SqlStore
from syncer.store.sqlite import sqlite_file, sqlite_is_fixed, sqlite_url, sqlite_version

__all__ = [
    "Backup",
    "BackupMade",
    "FileBlobStore",
    "Restored",
    "SqlStore",
    "library",
    "lock_data_folder",
    "open_store",
    "restore",
    "sqlite_file",
    "sqlite_is_fixed",
    "sqlite_url",
    "sqlite_version",
]
