"""The logs of claim files on both databases."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from syncer.domain.lifecycles import ClaimWarning, Event, Stage, Standing
from syncer.domain.lives import EventOutcome, LifeWrite, LoggedEvent
from syncer.domain.records import ClaimRef
from syncer.domain.stored import ClaimFileFilter, ClaimFileRef
from syncer.store import SqlStore
from tests.contract.samples import LINK, NOW, ask

LATER = NOW + timedelta(hours=1)
STANDING = Standing(
    state="open",
    in_sales_document=True,
    unassigned=True,
    warnings=(ClaimWarning(text="SD 12 é", since=NOW),),
    facts={"note": "A-1", "seqs": [1, 2]},
)


async def new_file(store: SqlStore, ref: str = "C-1") -> str:
    named = ClaimFileRef(claim=ClaimRef(partner_ref=ref, reference=f"R {ref}"), at=NOW)
    return (await store.write(lambda unit: unit.claim_files.ensure(LINK, [named], at=NOW)))[ref][0]


def logged(file: str, key: str, *, place: int | None = 1, **parts: Any) -> LoggedEvent:
    event = Event(name="SD 12", key=key, at=NOW, order=7, note="so", data={"code": "12"})
    outcome = EventOutcome.WAITING if place is None else EventOutcome.MOVED
    return LoggedEvent(claim_file=file, event=event, outcome=outcome, place=place, **parts)


def write_of(file: str, *, selectable: bool | None = True) -> LifeWrite:
    reason = None if selectable else "The file is open."
    return LifeWrite(
        claim_file=file,
        standing=STANDING,
        selectable=selectable,
        selectable_reason=reason,
        places=3,
    )


async def test_a_life_begins_when_it_is_first_saved(store: SqlStore) -> None:
    file = await new_file(store)
    before = (await ask(store, lambda unit: unit.lives.of([file])))[file]

    await store.write(lambda unit: unit.lives.save([write_of(file)], at=LATER))

    after = (await ask(store, lambda unit: unit.lives.of([file, "unknown"])))[file]
    read = await ask(store, lambda unit: unit.claim_files.get(file))
    assert (before.standing, before.places) == (None, 0)
    assert (after.standing, after.places) == (STANDING, 3)
    assert (after.link, after.reference, after.partner_ref) == (LINK, "R C-1", "C-1")
    assert read is not None
    assert (read.standing, read.selectable, read.updated_at) == (STANDING, True, LATER)


async def test_a_log_is_given_in_order_of_place_with_what_waits_last(store: SqlStore) -> None:
    file, other = await new_file(store), await new_file(store, "C-2")
    rows = [
        logged(file, "w", place=None),
        logged(file, "b", place=2, from_state="a", to_state="b", reason="no", delivery="d"),
        logged(file, "a", place=1),
        logged(other, "a"),
    ]

    await store.write(lambda unit: unit.lives.log(rows))

    logs = await ask(store, lambda unit: unit.lives.log_of([file, other]))
    assert logs == {file: [rows[2], rows[1], rows[0]], other: [rows[3]]}
    assert await ask(store, lambda unit: unit.lives.waiting([file, other])) == {file: [rows[0]]}
    keys = {file: ["a", "x"], other: ["b"]}
    assert await ask(store, lambda unit: unit.lives.known(keys)) == {(file, "a")}


async def test_what_waited_gets_its_place(store: SqlStore) -> None:
    file = await new_file(store)
    await store.write(lambda unit: unit.lives.log([logged(file, "w", place=None)]))
    placed = logged(file, "w", place=4, from_state="none", to_state="open")

    await store.write(lambda unit: unit.lives.place([placed]))

    assert await ask(store, lambda unit: unit.lives.log_of([file])) == {file: [placed]}
    assert await ask(store, lambda unit: unit.lives.waiting([file])) == {}


async def test_a_key_stands_once_in_the_log_of_a_file(store: SqlStore) -> None:
    file = await new_file(store)
    await store.write(lambda unit: unit.lives.log([logged(file, "a")]))

    with pytest.raises(Exception, match=r"(?i)unique"):
        await store.write(lambda unit: unit.lives.log([logged(file, "a", place=2)]))


async def test_files_are_found_by_whether_they_may_be_used(store: SqlStore) -> None:
    free, bound, plain = [await new_file(store, ref) for ref in ("C-1", "C-2", "C-3")]
    writes = [write_of(free), write_of(bound, selectable=False), write_of(plain, selectable=None)]
    await store.write(lambda unit: unit.lives.save(writes, at=NOW))

    async def found(**wanted: Any) -> list[str]:
        filter_ = ClaimFileFilter(**wanted)
        files = await ask(store, lambda unit: unit.claim_files.find(filter_, after=None, limit=10))
        assert await ask(store, lambda unit: unit.claim_files.count(filter_)) == len(files)
        return [file.id for file in files]

    assert await found(selectable=True) == [free]
    assert await found(selectable=False) == [bound]
    assert await found(states=("open",)) == sorted([free, bound, plain])


async def test_a_stage_is_kept(store: SqlStore) -> None:
    file = await new_file(store)

    await store.write(lambda unit: unit.lives.reach(file, Stage.CONVERTED, at=LATER))

    read = await ask(store, lambda unit: unit.claim_files.get(file))
    assert read is not None
    assert (read.stage, read.updated_at) == (Stage.CONVERTED, LATER)
