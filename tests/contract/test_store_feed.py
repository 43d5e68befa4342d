"""The change feed on both databases: every entry once, in order, whoever writes."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from functools import partial

import pytest

from syncer.dispatch.ambient import SystemClock, UuidIds
from syncer.domain.errors import FeedResetError, RefusedError
from syncer.domain.feed import FeedCursor, FeedEntry
from syncer.ports.store import UnitOfWork
from syncer.store import SqlStore, open_store
from syncer.testing import FakeClock
from tests.contract.samples import NOW, ask, changes, put_note, until

WRITERS = 8
WRITES = 12


async def append(store: SqlStore, count: int, *, of: str = "a") -> None:
    async def work(unit: UnitOfWork) -> None:
        unit.feed.append(changes(count, of=of), at=NOW)

    await store.write(work)


async def read_after(cursor: FeedCursor, unit: UnitOfWork) -> list[FeedEntry]:
    return await unit.feed.read(cursor, limit=7)


async def head(store: SqlStore) -> FeedCursor:
    return await ask(store, lambda unit: unit.feed.head())


async def test_entries_read_back_in_their_order(store: SqlStore) -> None:
    start = await head(store)
    await append(store, 2)
    await append(store, 1, of="b")

    read = await ask(store, lambda unit: unit.feed.read(start, limit=9))

    assert [entry.cursor.seq for entry in read] == [1, 2, 3]
    assert [entry.change for entry in read] == [*changes(2), *changes(1, of="b")]
    assert read[0].at == NOW
    assert await head(store) == read[-1].cursor


async def test_a_failed_write_leaves_no_gap(store: SqlStore) -> None:
    async def fail(unit: UnitOfWork) -> None:
        unit.feed.append(changes(3), at=NOW)
        raise RefusedError("no")

    with pytest.raises(RefusedError):
        await store.write(fail)
    await append(store, 1)

    assert (await head(store)).seq == 1


@pytest.mark.parametrize("seq", [-1, 1])
async def test_a_cursor_beyond_the_ends_is_refused(store: SqlStore, seq: int) -> None:
    epoch = (await head(store)).epoch

    with pytest.raises(FeedResetError):
        await ask(store, lambda unit: unit.feed.read(FeedCursor(epoch=epoch, seq=seq), limit=1))


async def test_a_cursor_of_another_epoch_is_refused(store: SqlStore) -> None:
    with pytest.raises(FeedResetError):
        await ask(store, lambda unit: unit.feed.read(FeedCursor(epoch="other", seq=0), limit=1))


async def test_the_epoch_stays_when_the_store_is_opened_again(url: str, clock: FakeClock) -> None:
    epochs = []
    for _ in range(2):
        async with open_store(url, clock=clock, ids=UuidIds()) as store:
            epochs.append((await head(store)).epoch)

    assert epochs[0] == epochs[1]


async def test_a_tailing_reader_sees_every_entry_once_and_in_order(url: str) -> None:
    async def write(store: SqlStore, name: int) -> None:
        for number in range(WRITES):
            await append(store, 1 + number % 3, of=str(name))

    total = WRITERS * sum(1 + number % 3 for number in range(WRITES))
    async with open_store(url, clock=SystemClock(), ids=UuidIds()) as store:
        cursor, seen = await head(store), list[int]()
        async with asyncio.TaskGroup() as writers:
            for name in range(WRITERS):
                writers.create_task(write(store, name))
            while len(seen) < total:
                assert await store.changed(cursor, timeout_seconds=20)
                entries = await ask(store, partial(read_after, cursor))
                seen += [entry.cursor.seq for entry in entries]
                cursor = entries[-1].cursor

    assert seen == list(range(1, total + 1))


async def test_a_waiting_reader_is_woken_by_the_next_entry(
    store: SqlStore, clock: FakeClock
) -> None:
    waiting = asyncio.create_task(store.changed(await head(store), timeout_seconds=60))
    await until(lambda: clock.sleepers)

    await append(store, 1)

    assert await waiting


async def test_a_waiting_reader_gives_up_at_its_time(store: SqlStore, clock: FakeClock) -> None:
    waiting = asyncio.create_task(store.changed(await head(store), timeout_seconds=3))

    while not waiting.done():
        if clock.sleepers:
            clock.advance(timedelta(seconds=1))
        await asyncio.sleep(0)

    assert not await waiting


async def test_a_write_without_entries_wakes_nobody(store: SqlStore, clock: FakeClock) -> None:
    waiting = asyncio.create_task(store.changed(await head(store), timeout_seconds=60))
    await until(lambda: clock.sleepers)

    await put_note(store, "a")

    assert not waiting.done()
    waiting.cancel()


async def test_a_reader_of_another_epoch_does_not_wait(store: SqlStore) -> None:
    assert await store.changed(FeedCursor(epoch="other", seq=0), timeout_seconds=60)


async def test_two_processes_on_one_postgresql_share_one_gapless_feed(postgresql_url: str) -> None:
    async def write(store: SqlStore, name: str) -> None:
        for _ in range(WRITES):
            await append(store, 2, of=name)

    async with (
        open_store(postgresql_url, clock=SystemClock(), ids=UuidIds()) as one,
        open_store(postgresql_url, clock=SystemClock(), ids=UuidIds()) as other,
    ):
        start = await head(one)
        await asyncio.gather(write(one, "one"), write(other, "other"))
        read = await ask(one, lambda unit: unit.feed.read(start, limit=99))

    assert [entry.cursor.seq for entry in read] == list(range(1, 4 * WRITES + 1))


async def test_a_reader_learns_of_entries_of_another_process_within_a_second(
    postgresql_url: str, clock: FakeClock
) -> None:
    async with (
        open_store(postgresql_url, clock=clock, ids=UuidIds()) as one,
        open_store(postgresql_url, clock=SystemClock(), ids=UuidIds()) as other,
    ):
        waiting = asyncio.create_task(one.changed(await head(one), timeout_seconds=60))
        await until(lambda: clock.sleepers)
        await append(other, 1)

        clock.advance(timedelta(seconds=1))

        assert await waiting
