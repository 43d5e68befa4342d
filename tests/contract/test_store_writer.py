"""Writes: kept as a whole or not at all, whatever fails, whoever leaves."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from functools import partial
from pathlib import Path

import psycopg
import pytest

from syncer.dispatch.ambient import UuidIds
from syncer.domain.errors import (
    RefusedError,
    ShuttingDownError,
    StorageFullError,
    StoreBusyError,
)
from syncer.ports.store import UnitOfWork
from syncer.store import SqlStore, open_store, sqlite, sqlite_url, writer
from syncer.testing import FakeClock
from tests.contract.samples import make_link, note, put_note, record, record_write, until

WRITES = 30


def size(file: Path) -> int:
    return file.stat().st_size


@asynccontextmanager
async def opened(path: Path) -> AsyncIterator[SqlStore]:
    async with open_store(sqlite_url(path), clock=FakeClock(), ids=UuidIds()) as store:
        yield store


async def test_a_write_gives_its_result_after_it_is_kept(store: SqlStore) -> None:
    async def work(unit: UnitOfWork) -> int:
        await unit.notes.put("a", b"1")
        return 7

    assert await store.write(work) == 7
    assert await note(store, "a") == b"1"


async def test_a_failing_write_harms_none_of_those_beside_it(store: SqlStore) -> None:
    async def work(unit: UnitOfWork, number: int) -> int:
        await unit.notes.put(str(number), b"x")
        if number % 3 == 0:
            raise RefusedError(str(number))
        return number

    results = await asyncio.gather(
        *(store.write(partial(work, number=number)) for number in range(WRITES)),
        return_exceptions=True,
    )

    async with store.read() as unit:
        kept = [await unit.notes.get(str(number)) is not None for number in range(WRITES)]
    assert kept == [number % 3 != 0 for number in range(WRITES)]
    assert [isinstance(result, RefusedError) for result in results] == [not one for one in kept]


async def test_a_broken_rule_of_the_database_fails_its_own_write_only(store: SqlStore) -> None:
    row = record_write(record(), claim_file_id="missing")

    results = await asyncio.gather(
        put_note(store, "before", b"1"),
        store.write(lambda unit: unit.records.add([row])),
        put_note(store, "after", b"1"),
        return_exceptions=True,
    )

    assert "foreign key" in str(results[1]).lower()
    assert [await note(store, "before"), await note(store, "after")] == [b"1", b"1"]


async def test_a_cancelled_caller_leaves_no_half_write(store: SqlStore) -> None:
    loop = asyncio.get_running_loop()
    callers: list[asyncio.Task[None]] = []

    async def work(unit: UnitOfWork) -> None:
        await unit.notes.put("first", b"1")
        loop.call_soon_threadsafe(callers[0].cancel)
        await unit.notes.put("second", b"2")

    callers.append(asyncio.create_task(store.write(work)))
    await asyncio.wait(callers)
    await put_note(store, "next", b"3")

    assert callers[0].cancelled()
    assert [await note(store, name) for name in ("first", "second", "next")] == [b"1", b"2", b"3"]


async def test_a_write_that_waits_for_something_else_is_refused(sqlite_path: Path) -> None:
    async def work(unit: UnitOfWork) -> None:
        await unit.notes.put("a", b"1")
        await asyncio.sleep(0)

    async with opened(sqlite_path) as store:
        with pytest.raises(RuntimeError, match="nothing but the store"):
            await store.write(work)

        await put_note(store, "b", b"2")
        assert [await note(store, "a"), await note(store, "b")] == [None, b"2"]


async def test_a_write_that_cancels_itself_is_rolled_back(store: SqlStore) -> None:
    async def work(unit: UnitOfWork) -> None:
        await unit.notes.put("a", b"1")
        raise asyncio.CancelledError

    with pytest.raises(ShuttingDownError):
        await store.write(work)

    await put_note(store, "b", b"2")
    assert [await note(store, "a"), await note(store, "b")] == [None, b"2"]


async def test_a_snapshot_does_not_move_while_it_is_read(store: SqlStore) -> None:
    await put_note(store, "a", b"1")

    async with store.read() as unit:
        before = await unit.notes.get("a")
        await put_note(store, "a", b"2")
        after = await unit.notes.get("a")

    assert (before, after) == (b"1", b"1")
    assert await note(store, "a") == b"2"


async def test_a_cancelled_reader_leaves_its_connection_fit_for_others(store: SqlStore) -> None:
    async def read() -> None:
        async with store.read() as unit:
            await unit.notes.get("a")
            await asyncio.Event().wait()

    for _ in range(12):
        reader = asyncio.create_task(read())
        await asyncio.sleep(0.005)
        reader.cancel()
        await asyncio.wait([reader])

    await put_note(store, "a", b"1")
    assert await note(store, "a") == b"1"


async def test_a_reader_that_is_cancelled_in_a_query_ends_as_cancelled(store: SqlStore) -> None:
    async def read() -> None:
        async with store.read() as unit:
            while True:
                await unit.notes.get("a")

    for steps in range(24):
        reader = asyncio.create_task(read())
        for _ in range(steps):
            await asyncio.sleep(0)
        await asyncio.sleep(steps * 0.0002)
        reader.cancel()
        await asyncio.wait([reader])

        assert reader.cancelled(), reader.exception()


async def test_closing_finishes_the_writes_that_wait(url: str, clock: FakeClock) -> None:
    async with open_store(url, clock=clock, ids=UuidIds()) as store:
        writes = [asyncio.create_task(put_note(store, str(n), b"x")) for n in range(WRITES)]
        await asyncio.sleep(0)

    assert await asyncio.gather(*writes) == [None] * WRITES
    with pytest.raises(ShuttingDownError):
        await store.write(make_link)
    async with open_store(url, clock=clock, ids=UuidIds()) as again:
        assert await note(again, str(WRITES - 1)) == b"x"


async def test_writes_that_wait_together_share_a_commit(sqlite_path: Path) -> None:
    async with opened(sqlite_path) as store:
        log = sqlite_path.with_name("syncer.db-wal")
        alone = size(log)
        for number in range(WRITES):
            await put_note(store, str(number), b"x")
        one_by_one = size(log) - alone
        await asyncio.gather(*(put_note(store, str(number), b"y") for number in range(WRITES)))
        together = size(log) - alone - one_by_one

    assert together < one_by_one / 5


async def test_a_checkpoint_empties_the_log_between_writes(sqlite_path: Path) -> None:
    async with opened(sqlite_path) as store:
        writes = [put_note(store, str(number), b"x") for number in range(WRITES)]
        await asyncio.gather(*writes, store.checkpoint())
        await store.checkpoint()

        assert size(sqlite_path.with_name("syncer.db-wal")) == 0
        assert await note(store, "29") == b"x"


async def test_a_checkpoint_waits_for_no_reader(sqlite_path: Path) -> None:
    async with opened(sqlite_path) as store:
        await put_note(store, "a", b"x")
        with closing(sqlite3.connect(sqlite_path, isolation_level=None)) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM sqlite_schema").fetchall()
            await put_note(store, "b", b"y")

            async with asyncio.timeout(2):
                await store.checkpoint()

        assert await note(store, "b") == b"y"


async def test_an_idle_store_empties_its_log(
    sqlite_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "IDLE_SECONDS", 0.01)
    async with opened(sqlite_path) as store:
        await put_note(store, "a", b"x")
        log = sqlite_path.with_name("syncer.db-wal")

        await until(lambda: not log.stat().st_size)

        await put_note(store, "a", b"y")
        assert await note(store, "a") == b"y"


async def test_a_full_disk_fails_writes_keeps_reads_and_resumes(
    sqlite_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(sqlite_path) as store:
        await put_note(store, "kept", b"1")
    pages = size(sqlite_path) // 4096 + 4
    limited = (*sqlite._WRITER_PRAGMAS, f"max_page_count={pages}")
    monkeypatch.setattr(sqlite, "_WRITER_PRAGMAS", limited)

    async with opened(sqlite_path) as store:
        results = await asyncio.gather(
            put_note(store, "small", b"1"),
            put_note(store, "huge", b"x" * 1_000_000),
            return_exceptions=True,
        )

        assert [type(result) for result in results] == [StorageFullError, StorageFullError]
        assert [await note(store, "kept"), await note(store, "small")] == [b"1", None]
        await put_note(store, "small", b"2")
        assert await note(store, "small") == b"2"
        assert await store.faults() == []


async def test_a_lock_held_from_outside_is_waited_for(sqlite_path: Path) -> None:
    async with opened(sqlite_path) as store:
        with closing(sqlite3.connect(sqlite_path, isolation_level=None)) as outside:
            outside.execute("BEGIN IMMEDIATE")
            write = asyncio.create_task(put_note(store, "a", b"1"))
            await asyncio.sleep(0.2)
            assert not write.done()
            outside.execute("ROLLBACK")

            await write

        assert await note(store, "a") == b"1"


async def test_a_lock_held_too_long_is_told_to_the_caller(
    sqlite_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "BUSY_WAIT_SECONDS", 0.2)
    async with opened(sqlite_path) as store:
        with closing(sqlite3.connect(sqlite_path, isolation_level=None)) as outside:
            outside.execute("BEGIN IMMEDIATE")
            with pytest.raises(StoreBusyError):
                await put_note(store, "a", b"1")
            assert await note(store, "a") is None
            outside.execute("ROLLBACK")

        await put_note(store, "a", b"2")
        assert await note(store, "a") == b"2"


async def test_a_write_is_run_again_when_postgresql_drops_the_connection(
    postgresql_url: str, clock: FakeClock
) -> None:
    runs = 0

    async def work(unit: UnitOfWork) -> None:
        nonlocal runs
        runs += 1
        await unit.notes.put("a", b"%d" % runs)
        if runs == 1:
            await asyncio.to_thread(drop_others, postgresql_url)
        await unit.notes.put("b", b"%d" % runs)

    async with open_store(postgresql_url, clock=clock, ids=UuidIds()) as store:
        await store.write(work)

        assert [await note(store, "a"), await note(store, "b")] == [b"2", b"2"]


async def test_a_write_is_given_up_when_postgresql_keeps_dropping_it(
    postgresql_url: str, clock: FakeClock
) -> None:
    runs = 0

    async def work(unit: UnitOfWork) -> None:
        nonlocal runs
        runs += 1
        await asyncio.to_thread(drop_others, postgresql_url)
        await unit.notes.put("a", b"1")

    async with open_store(postgresql_url, clock=clock, ids=UuidIds()) as store:
        with pytest.raises(StoreBusyError):
            await store.write(work)

        assert runs == 4
        assert await note(store, "a") is None


async def test_a_snapshot_says_so_when_postgresql_drops_it(
    postgresql_url: str, clock: FakeClock
) -> None:
    async def read(store: SqlStore) -> None:
        async with store.read() as unit:
            await asyncio.to_thread(drop_others, postgresql_url)
            await unit.notes.get("a")

    async with open_store(postgresql_url, clock=clock, ids=UuidIds()) as store:
        with pytest.raises(StoreBusyError):
            await read(store)

        assert await note(store, "a") is None


def drop_others(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
