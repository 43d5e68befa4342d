"""PostgreSQL: the driver, what guards the credentials, what its errors mean.

For more than one machine. The role of the service should own nothing: a second role owns the
tables and grants it SELECT, INSERT, UPDATE and DELETE, so that it cannot switch the triggers off.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, Protocol, TypeVar, cast

from sqlalchemy import Connection, Dialect
from sqlalchemy.dialects.postgresql.psycopg import PGDialectAsync_psycopg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from syncer.domain.errors import StorageFullError, StoreBusyError, SyncerError
from syncer.store.connection import Cells
from syncer.store.failures import driver_error

T = TypeVar("T")
LOCK_WAIT_SECONDS: Final = 5
_DISK_FULL: Final = "53100"
_LOCK_NOT_AVAILABLE: Final = "55P03"
_TO_RUN_AGAIN: Final = frozenset({"40001", "40P01"})
_CONNECTION_LOST: Final = ("08", "57P")


class Cursor(Protocol):
    """As much of psycopg's cursor as is used here; psycopg is an extra and may be missing."""

    rowcount: int

    async def fetchall(self) -> list[Cells]: ...

    async def executemany(self, query: str, params_seq: Sequence[Cells]) -> None: ...

    async def close(self) -> None: ...


class PsycopgConnection(Protocol):
    """As much of psycopg's connection as is used here."""

    async def execute(self, query: str, params: Cells) -> Cursor: ...

    def cursor(self) -> Cursor: ...


class PostgresqlDriver:
    """A psycopg connection."""

    dialect: Dialect = PGDialectAsync_psycopg(paramstyle="format")  # type: ignore[no-untyped-call]  # it has no types

    def __init__(self, sqlalchemy: AsyncConnection, connection: object) -> None:
        self._sqlalchemy = sqlalchemy
        self._connection = cast("PsycopgConnection", connection)

    async def do(self, work: Callable[[Connection], T]) -> T:
        return await self._sqlalchemy.run_sync(work)

    async def fetch(self, sql: str, cells: Cells) -> list[Cells]:
        cursor = await self._connection.execute(sql, cells)
        return await cursor.fetchall()

    async def run(self, sql: str, cells: Cells = ()) -> int:
        return (await self._connection.execute(sql, cells)).rowcount

    async def run_many(self, sql: str, rows: Sequence[Cells]) -> None:
        cursor = self._connection.cursor()
        try:
            await cursor.executemany(sql, rows)
        finally:
            await cursor.close()


def explain(error: BaseException) -> SyncerError | None:
    """Say what an error of PostgreSQL means to the caller; None when it is another trouble."""
    state = sql_state(error)
    if state == _DISK_FULL:
        return StorageFullError("The disk of the database is full.")
    if state == _LOCK_NOT_AVAILABLE:
        return StoreBusyError("Another program holds the database.")
    if may_run_again(error):
        return StoreBusyError("The database could not be reached, or gave up the write.")
    return None


def may_run_again(error: BaseException) -> bool:
    """Say whether a write that failed before its commit may simply be run again."""
    state = sql_state(error)
    if state is None:
        return False
    return state in _TO_RUN_AGAIN or state.startswith(_CONNECTION_LOST)


def sql_state(error: BaseException) -> str | None:
    """Give the SQLSTATE of an error of PostgreSQL, None for any other error.

    A connection that broke has none; it counts as a connection exception.
    """
    cause = driver_error(error)
    if not hasattr(cause, "sqlstate"):
        return None
    if cause.sqlstate is None and type(cause).__name__ in {"OperationalError", "InterfaceError"}:
        return "08000"
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return "08000"
    return str(cause.sqlstate)


def refusals() -> list[str]:
    """Give the triggers by which the database itself refuses to change what is written once."""
    guarded = ("credential", "credential_key", "credential_reset", "audit")
    found = [_REFUSE, _REFUSE_UNLESS_RESET]
    found += [_trigger(table, "truncate", "STATEMENT", "refuse_change") for table in guarded]
    for table in ("credential", "credential_reset", "audit"):
        found.append(_trigger(table, "update", "ROW", "refuse_change"))
    for table in ("credential_reset", "audit"):
        found.append(_trigger(table, "delete", "ROW", "refuse_change"))
    for table in ("credential", "credential_key"):
        found.append(_trigger(table, "delete", "ROW", "refuse_unless_reset"))
    return found


_REFUSE: Final = """
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'write-once' USING ERRCODE = 'integrity_constraint_violation';
END $$
"""
_REFUSE_UNLESS_RESET: Final = """
CREATE FUNCTION refuse_unless_reset() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NOT EXISTS (SELECT 1 FROM credential_reset r WHERE r.credential_id = OLD.credential_id) THEN
    RAISE EXCEPTION 'write-once' USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN OLD;
END $$
"""


def _trigger(table: str, verb: str, level: str, function: str) -> str:
    return (
        f"CREATE TRIGGER {table}_no_{verb} BEFORE {verb.upper()} ON {table} "
        f"FOR EACH {level} EXECUTE FUNCTION {function}()"
    )
