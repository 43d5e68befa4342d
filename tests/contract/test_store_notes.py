"""What is set aside, noted and pruned, on both databases."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from syncer.domain.passes import Pass, PassState, PassTrigger
from syncer.domain.records import Kind, RecordKey
from syncer.domain.stored import BreakerState, QuarantinedItem, RememberedAnswer
from syncer.ports.store import UnitOfWork
from syncer.store import SqlStore
from tests.contract.samples import IDS, LINK, NOW, add_records, ask, changes, record, record_write

DAY = timedelta(days=1)
EVERYWHERE: Any = {"repairers": None, "connectors": None}
ANSWER = RememberedAnswer(fingerprint=b"f", status=201, headers={"Location": "/x"}, body=b'{"a":1}')


def item(
    ref: str | None = "Q-1", raw: bytes = b"{", *, kind: Kind | None = Kind.QUOTE
) -> QuarantinedItem:
    return QuarantinedItem(
        id=IDS.new(),
        link=LINK,
        kind=kind,
        partner_ref=ref,
        reason="status: missing",
        raw=raw,
        at=NOW,
        resolved_at=None,
    )


async def test_the_same_bytes_wait_only_once_in_quarantine(store: SqlStore) -> None:
    first, other = item(), item(raw=b"other")

    added = await store.write(lambda unit: unit.quarantine.add([first, item(), other]))
    again = await store.write(lambda unit: unit.quarantine.add([item(), item(None, kind=None)]))

    assert [of.raw for of in added] == [b"{", b"other"]
    assert [of.kind for of in again] == [None]
    assert await ask(store, lambda unit: unit.quarantine.get(first.id)) == first


async def test_an_item_is_resolved_by_its_kind_and_ref_and_may_come_back(store: SqlStore) -> None:
    mine, other = item("1"), item("1", kind=Kind.MISSION)
    await store.write(lambda unit: unit.quarantine.add([mine, other]))
    key = RecordKey(kind=Kind.QUOTE, partner_ref="1")

    await store.write(lambda unit: unit.quarantine.resolve(LINK, [key], NOW + DAY))

    async with store.read() as unit:
        waiting = await unit.quarantine.find(
            **EVERYWHERE, unresolved_only=True, after=None, limit=9
        )
        listed = await unit.quarantine.find(**EVERYWHERE, after=None, limit=9)
        resolved = await unit.quarantine.get(mine.id)
    assert [of.id for of in waiting] == [other.id]
    assert [of.id for of in listed] == [other.id, mine.id]
    assert resolved == replace(mine, resolved_at=NOW + DAY)
    assert len(await store.write(lambda unit: unit.quarantine.add([item("1")]))) == 1


async def test_an_item_of_no_kind_is_resolved_by_its_claim(store: SqlStore) -> None:
    mine, other = item("1", kind=None), item("1")
    await store.write(lambda unit: unit.quarantine.add([mine, other]))

    await store.write(lambda unit: unit.quarantine.resolve_claims(LINK, ["1"], NOW + DAY))

    async with store.read() as unit:
        waiting = await unit.quarantine.find(
            **EVERYWHERE, unresolved_only=True, after=None, limit=9
        )
    assert [of.id for of in waiting] == [other.id]


async def test_the_quarantine_is_counted_and_paged(store: SqlStore) -> None:
    items = [item(str(number)) for number in range(3)]
    await store.write(lambda unit: unit.quarantine.add(items))

    async with store.read() as unit:
        count = await unit.quarantine.count(**EVERYWHERE)
        elsewhere = await unit.quarantine.count(repairers=("x",), connectors=None)
        older = await unit.quarantine.find(**EVERYWHERE, after=items[2].id, limit=1)

    assert (count, elsewhere, [of.id for of in older]) == (3, 0, [items[1].id])


async def test_unknown_items_are_kept_once_each(store: SqlStore) -> None:
    for _ in range(2):
        await store.write(
            lambda unit: unit.quarantine.note_unknown(
                LINK, [("chat", "1", b"a"), ("chat", "1", b"b"), ("poll", None, b"c")], at=NOW
            )
        )

    counts = await ask(store, lambda unit: unit.links.counts([LINK]))

    assert counts[LINK]["unknown_items"] == 2


async def test_notes_and_breakers_are_replaced(store: SqlStore) -> None:
    open_ = BreakerState(connector="claims360", open_until=NOW, openings=3)
    closed = BreakerState(connector="claims360", open_until=None, openings=0)

    async def write(unit: UnitOfWork) -> None:
        await unit.notes.put("canary", b"\x00\xff")
        await unit.notes.put("canary", b"\x01")
        await unit.notes.save_breaker(open_)
        await unit.notes.save_breaker(closed)

    await store.write(write)

    async with store.read() as unit:
        assert await unit.notes.get("canary") == b"\x01"
        assert await unit.notes.get("missing") is None
        assert await unit.notes.breakers() == [closed]


async def test_a_taken_idempotency_key_is_not_taken_again(store: SqlStore) -> None:
    running = RememberedAnswer(fingerprint=b"f", status=None, headers={}, body=b"")

    async def remember(answer: RememberedAnswer) -> bool:
        return await store.write(lambda unit: unit.notes.remember("POST /x", "k", answer, at=NOW))

    assert [await remember(running), await remember(running)] == [True, False]
    assert await remember(ANSWER)
    assert not await remember(running)
    assert await ask(store, lambda unit: unit.notes.answer("POST /x", "k")) == ANSWER
    assert await ask(store, lambda unit: unit.notes.answer("POST /y", "k")) is None


async def test_a_forgotten_key_is_free_again(store: SqlStore) -> None:
    await store.write(lambda unit: unit.notes.remember("r", "k", ANSWER, at=NOW))

    await store.write(lambda unit: unit.notes.forget("r", "k"))

    assert await ask(store, lambda unit: unit.notes.answer("r", "k")) is None


async def test_pruning_removes_only_what_is_older(store: SqlStore) -> None:
    row = record_write(record())
    await add_records(store, row)

    async def age(unit: UnitOfWork, at: datetime) -> None:
        ended = Pass(
            id=IDS.new(), link=LINK, trigger=PassTrigger.SCHEDULE, state=PassState.FAILED,
            created_at=at, ended_at=at,
        )  # fmt: skip
        await unit.passes.save(ended)
        await unit.notes.remember("r", str(at), ANSWER, at=at)
        await unit.records.replace([replace(row, received_at=at)])
        unit.feed.append(changes(2), at=at)

    await store.write(lambda unit: age(unit, NOW - DAY))
    await store.write(lambda unit: age(unit, NOW + DAY))

    removed = await store.write(
        lambda unit: unit.pruning.prune(passes=NOW, changes=NOW, history=NOW, answers=NOW)
    )

    assert {name: count for name, count in removed.items() if count} == {
        "passes": 1,
        "changes": 2,
        "history": 1,
        "answers": 1,
    }
    async with store.read() as unit:
        assert (await unit.feed.tail()).seq == 2
        assert len(await unit.feed.read(await unit.feed.tail(), limit=9)) == 2
        assert len(await unit.records.history(row.id)) == 2
        assert await unit.passes.count(repairers=None, connectors=None, states=None) == 1


async def test_pruning_leaves_no_hole_in_the_feed_when_the_clock_went_back(
    store: SqlStore,
) -> None:
    for at in (NOW - DAY, NOW + DAY, NOW - DAY):
        await store.write(partial(append, at=at))

    removed = await store.write(
        lambda unit: unit.pruning.prune(passes=NOW, changes=NOW, history=NOW, answers=NOW)
    )

    assert removed["changes"] == 1
    async with store.read() as unit:
        kept = await unit.feed.read(await unit.feed.tail(), limit=9)
    assert [entry.cursor.seq for entry in kept] == [2, 3]


async def append(unit: UnitOfWork, at: datetime) -> None:
    unit.feed.append(changes(1), at=at)
