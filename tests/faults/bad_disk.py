"""A disk that fails the n-th write of a database."""

from __future__ import annotations

import sqlite3
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from syncer.store.sqlite import SqliteDriver

Run = Callable[..., Awaitable[Any]]
REALLY_RUN = SqliteDriver.run
WRITES = ("BEGIN IMMEDIATE", "COMMIT", "INSERT", "UPDATE", "DELETE", "SAVEPOINT", "RELEASE")


@dataclass
class BadDisk:
    """Fails the n-th writing statement; ``rolls_back`` as SQLite does itself for some errors."""

    code: int
    rolls_back: bool
    left: int = 0
    failed: bool = False

    def wrap(self, method: Run) -> Run:
        async def run(driver: SqliteDriver, sql: str, *values: Any) -> Any:
            if self._fails(sql):
                if self.rolls_back and driver.in_transaction:
                    await REALLY_RUN(driver, "ROLLBACK")
                raise disk_error(self.code)
            return await method(driver, sql, *values)

        return run

    def _fails(self, sql: str) -> bool:
        if not self.left or not sql.lstrip().upper().startswith(WRITES):
            return False
        self.left -= 1
        self.failed = self.left == 0
        return self.failed


def disk_error(code: int) -> sqlite3.OperationalError:
    error = sqlite3.OperationalError("disk I/O error")
    error.sqlite_errorcode = code
    return error
