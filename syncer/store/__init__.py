"""The store: the only SQL. SQLite files by default, PostgreSQL for several machines."""

from syncer.store.blobs import FileBlobStore
from syncer.store.locking import lock_data_folder
from syncer.store.opening import open_store
from syncer.store.sql_store import SqlStore
from syncer.store.sqlite import sqlite_is_fixed, sqlite_url

__all__ = [
    "FileBlobStore",
    "SqlStore",
    "lock_data_folder",
    "open_store",
    "sqlite_is_fixed",
    "sqlite_url",
]
