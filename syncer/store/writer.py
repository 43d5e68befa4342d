"""The one writer of an SQLite store: writes that wait together share one commit.

A write runs in the writer's thread, from its first statement to its last without going back to the
event loop, in a savepoint of its own, so that one that fails harms none of its neighbours. It is
no part of its caller: whoever waits for it may be cancelled, the write is kept or rolled back as a
whole. ``docs/decisions/0006-writes-run-in-the-writers-thread.md`` says why.
"""

from __future__ import annotations

import asyncio
import contextvars
import sqlite3
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from syncer.domain.errors import ShuttingDownError, StorageFullError
from syncer.observability.crash_points import crash_point
from syncer.store.sqlite import BUSY_WAIT_SECONDS, SqliteDriver, explain
from syncer.store.sqlite_thread import SqliteThread, run_through

SHARED_COMMIT_LIMIT: Final = 64
IDLE_SECONDS: Final = 30.0
_BUSY_WAIT_MILLISECONDS: Final = BUSY_WAIT_SECONDS * 1000


class Flushing(Protocol):
    """A unit of work that has something to say at its end."""

    async def flush(self) -> bool: ...


@dataclass(eq=False, slots=True)
class _Write:
    """A write and what came of it; ``future`` is settled in the event loop, after the commit."""

    work: Callable[[Any], Awaitable[Any]]
    future: asyncio.Future[Any]
    context: contextvars.Context = field(default_factory=contextvars.copy_context)
    result: Any = None
    fed: bool = False
    error: BaseException | None = None

    async def run(self, unit: Flushing) -> None:
        self.result = await self.work(unit)
        self.fed = await unit.flush()


class GroupCommitWriter:
    """Runs writes on one connection, in the order in which they were asked for.

    ``open_unit`` makes the unit of work of one write; ``committed`` is told after a commit that
    the feed grew.
    """

    def __init__(
        self,
        thread: SqliteThread,
        open_unit: Callable[[SqliteDriver], Flushing],
        committed: Callable[[], None],
    ) -> None:
        self._thread = thread
        self._open_unit = open_unit
        self._committed = committed
        self._waiting: deque[_Write] = deque()
        self._has_written = False
        self._closing = False
        self._look_out: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to look whether the log can be emptied."""
        self._look_out = asyncio.create_task(self._empty_log_when_idle(), name="store-look-out")

    async def write(self, work: Callable[[Any], Awaitable[Any]]) -> Any:
        """Run a write; gives its result after the commit.

        Raises:
            ShuttingDownError: the store is closing.
        """
        if self._closing:
            raise ShuttingDownError("The store is closing.")
        write = _Write(work, asyncio.get_running_loop().create_future())
        self._waiting.append(write)
        self._thread.post(self._run_waiting)
        return await asyncio.shield(write.future)

    async def aclose(self) -> None:
        """Finish the writes that wait, then stop."""
        self._closing = True
        if self._look_out is not None:
            self._look_out.cancel()
            await asyncio.wait([self._look_out])
        await self._thread.run(_roll_back)
        await self.checkpoint()

    async def checkpoint(self) -> None:
        """Move the write-ahead log into the file and empty it, between two commits.

        While a reader is at work some of it may stay; the next checkpoint takes it. No reader is
        waited for: writes would have to wait too.
        """
        await self._thread.run(_checkpoint)

    async def _empty_log_when_idle(self) -> None:
        """Empty the log once when no write came for a while."""
        is_full = True
        while True:
            self._has_written = False
            await asyncio.sleep(IDLE_SECONDS)
            if is_full and not self._has_written:
                await self.checkpoint()
            is_full = self._has_written

    # -- in the writer's thread -------------------------------------------------------------------

    async def _run_waiting(self, driver: SqliteDriver) -> None:
        """Run a group of writes, unless an earlier group has taken them all along."""
        if not self._waiting:
            return
        group: list[_Write] = []
        _, error = run_through(self._run_group(driver, group))
        if error is not None:
            _fail(group, error)
        self._thread.tell(self._hand_out, group)

    async def _run_group(self, driver: SqliteDriver, group: list[_Write]) -> None:
        """Run the first write that waits and all that come meanwhile, then commit."""
        group.append(self._waiting.popleft())
        trouble = await _command(driver, "BEGIN IMMEDIATE")
        index = 0
        while trouble is None and index < len(group):
            trouble = await self._run_one(driver, group[index])
            index += 1
            if len(group) < SHARED_COMMIT_LIMIT and self._waiting:
                group.append(self._waiting.popleft())
        if trouble is None:
            crash_point("store-before-commit")
            trouble = await _command(driver, "COMMIT")
            crash_point("store-after-commit")
        if trouble is not None:
            await _roll_back(driver)
            _fail(group, _told(trouble))

    async def _run_one(self, driver: SqliteDriver, write: _Write) -> BaseException | None:
        """Run one write in its savepoint; gives the error that concerns the whole group."""
        begun = await _command(driver, "SAVEPOINT one_write")
        if begun is not None:
            return begun
        error = _attempt(write, self._open_unit(driver))
        if error is not None:
            if isinstance(explain(error), StorageFullError) or not driver.in_transaction:
                return error
            undone = await _command(driver, "ROLLBACK TO SAVEPOINT one_write")
            if undone is not None:
                return undone
            write.error = _told(error)
        return await _command(driver, "RELEASE SAVEPOINT one_write")

    # -- in the event loop ------------------------------------------------------------------------

    def _hand_out(self, group: list[_Write]) -> None:
        self._has_written = True
        if any(write.fed and write.error is None for write in group):
            self._committed()
        for write in group:
            if write.future.done():
                continue
            if write.error is None:
                write.future.set_result(write.result)
            else:
                write.future.set_exception(write.error)


async def _command(driver: SqliteDriver, sql: str) -> BaseException | None:
    try:
        await driver.run(sql)
    except sqlite3.Error as error:
        return error
    return None


async def _roll_back(driver: SqliteDriver) -> None:
    if driver.in_transaction:
        await _command(driver, "ROLLBACK")


async def _checkpoint(driver: SqliteDriver) -> None:
    await _command(driver, "PRAGMA busy_timeout = 0")
    try:
        crash_point("store-before-checkpoint")
        await _command(driver, "PRAGMA wal_checkpoint(TRUNCATE)")
        crash_point("store-after-checkpoint")
    finally:
        await _command(driver, f"PRAGMA busy_timeout = {_BUSY_WAIT_MILLISECONDS}")


def _attempt(write: _Write, unit: Flushing) -> BaseException | None:
    """Run the work of a write and give its error, whatever it is."""
    _, error = write.context.run(run_through, write.run(unit))
    if isinstance(error, asyncio.CancelledError):
        return ShuttingDownError("The write was cancelled from within.")
    return error


def _fail(group: list[_Write], error: BaseException) -> None:
    """Let all fail that have not failed by themselves."""
    for write in group:
        write.error = write.error or error


def _told(error: BaseException) -> BaseException:
    """Give what the caller is told of an error."""
    told = explain(error)
    if told is None:
        return error
    told.__cause__ = error
    return told
