"""SQLite: how connections are opened, what guards the credentials, what its errors mean."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, TypeVar
from urllib.parse import quote

from sqlalchemy import Connection, Dialect, create_engine, make_url
from sqlalchemy.dialects.sqlite.pysqlite import dialect as SqliteDialect  # noqa: N812 - a class
from sqlalchemy.pool import NullPool

from syncer.domain.errors import ConfigurationError, StorageFullError, StoreBusyError, SyncerError
from syncer.store.connection import Cells
from syncer.store.failures import driver_error

T = TypeVar("T")
BUSY_WAIT_SECONDS: Final = 5
WAL_KEPT_BYTES: Final = 64 * 1024 * 1024
_FIXED: Final = (3, 51, 3)
_BACKPORTS: Final = ((3, 50, 7), (3, 44, 6))
_PRIMARY_CODE: Final = 0xFF

_PRAGMAS: Final = (
    "foreign_keys=ON",
    "recursive_triggers=ON",
    "trusted_schema=OFF",
    "cell_size_check=ON",
    "secure_delete=ON",
    "mmap_size=0",
)
_WRITER_PRAGMAS: Final = (
    "journal_mode=WAL",
    "synchronous=FULL",
    f"journal_size_limit={WAL_KEPT_BYTES}",
)


def sqlite_url(path: Path) -> str:
    """Give the address of a database file."""
    return f"sqlite+aiosqlite:///{path}"


def sqlite_file(url: str) -> Path:
    """Give the file of an address.

    Raises:
        ConfigurationError: it is not an address of an SQLite file.
    """
    address = make_url(url)
    if address.get_backend_name() != "sqlite" or not address.database:
        raise ConfigurationError(["The store is not an SQLite file; back it up with its own tools"])
    return Path(address.database)


def sqlite_version() -> str:
    """Say which SQLite this process uses."""
    return sqlite3.sqlite_version


def sqlite_is_fixed(version: tuple[int, int, int] = sqlite3.sqlite_version_info) -> bool:
    """Say whether this SQLite is free of the WAL-reset race (3.7.0 to 3.51.2 have it).

    The race needs two connections that write or checkpoint at once. The store has one only, under
    a lock, on every version; an unfixed one is worth a warning because of other programs.
    """
    return version >= _FIXED or any(
        version[:2] == backport[:2] and version >= backport for backport in _BACKPORTS
    )


class SqliteDriver:
    """A connection in the one thread that may use it: nothing here ever waits for anything."""

    dialect: Dialect = SqliteDialect()

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        engine = create_engine("sqlite://", creator=lambda: connection, poolclass=NullPool)
        self._sqlalchemy = engine.connect()

    async def do(self, work: Callable[[Connection], T]) -> T:
        return work(self._sqlalchemy)

    async def fetch(self, sql: str, cells: Cells) -> list[Cells]:
        return self._connection.execute(sql, cells).fetchall()

    async def run(self, sql: str, cells: Cells = ()) -> int:
        cursor = self._connection.execute(sql, cells)
        cursor.fetchall()
        return cursor.rowcount

    async def run_many(self, sql: str, rows: Sequence[Cells]) -> None:
        self._connection.executemany(sql, rows)

    @property
    def in_transaction(self) -> bool:
        """Whether SQLite still has the transaction; it gives up some by itself."""
        return self._connection.in_transaction

    def close(self) -> None:
        """Close the connection."""
        self._sqlalchemy.close()


def open_writer(path: Path) -> sqlite3.Connection:
    """Open the one connection that writes and checkpoints."""
    return _open(f"file:{quote(str(path))}", (*_PRAGMAS, *_WRITER_PRAGMAS))


def open_reader(path: Path) -> sqlite3.Connection:
    """Open a connection that can only read."""
    return _open(f"file:{quote(str(path))}?mode=ro", (*_PRAGMAS, "query_only=ON"))


def _open(uri: str, pragmas: Sequence[str]) -> sqlite3.Connection:
    connection = sqlite3.connect(uri, uri=True, isolation_level=None, timeout=BUSY_WAIT_SECONDS)
    for pragma in pragmas:
        connection.execute(f"PRAGMA {pragma}").fetchall()
    return connection


def explain(error: BaseException) -> SyncerError | None:
    """Say what an error of SQLite means to the caller; None when it is another trouble."""
    cause = driver_error(error)
    code = getattr(cause, "sqlite_errorcode", None)
    if not isinstance(cause, sqlite3.Error) or code is None:
        return None
    match code & _PRIMARY_CODE:
        case sqlite3.SQLITE_FULL | sqlite3.SQLITE_IOERR:
            return StorageFullError("The disk is full, or the database could not be written.")
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return StoreBusyError("Another program holds the database.")
    return None


def refusals() -> list[str]:
    """Give the triggers by which the database itself refuses to change what is written once.

    REPLACE deletes without asking delete triggers unless ``recursive_triggers`` is on, so the third
    kind refuses an insert over a row that is there; found by trying every form.
    """
    found = [_refuse("credential", "update"), _refuse("credential_key", "delete", _not_reset())]
    found.append(_refuse("credential", "delete", _not_reset()))
    same = "(t.repairer = NEW.repairer AND t.connector = NEW.connector)"
    same_id = "t.credential_id = NEW.credential_id"
    found.append(_refuse("credential", "insert", _there_is("credential", f"{same} OR {same_id}")))
    found.append(_refuse("credential_key", "insert", _there_is("credential_key", same_id)))
    for table, key in (("credential_reset", "credential_id"), ("audit", "seq")):
        found.append(_refuse(table, "update"))
        found.append(_refuse(table, "delete"))
        found.append(_refuse(table, "insert", _there_is(table, f"t.{key} = NEW.{key}")))
    return found


def _refuse(table: str, verb: str, when: str = "") -> str:
    return (
        f"CREATE TRIGGER {table}_no_{verb} BEFORE {verb.upper()} ON {table} {when} "
        f"BEGIN SELECT RAISE(ABORT, 'write-once'); END"
    )


def _not_reset() -> str:
    return (
        "WHEN NOT EXISTS (SELECT 1 FROM credential_reset r "
        "WHERE r.credential_id = OLD.credential_id)"
    )


def _there_is(table: str, condition: str) -> str:
    return f"WHEN EXISTS (SELECT 1 FROM {table} t WHERE {condition})"  # noqa: S608 - ours
