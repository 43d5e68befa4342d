"""The outbox in the store: lanes, leases, and two workers over one store of either sort."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from syncer.domain.deliveries import (
    DeliveryFile,
    DeliveryFilter,
    DeliveryState,
    Lane,
    LostAnswer,
    Outcome,
    StoredDelivery,
)
from syncer.domain.errors import LeaseLostError
from syncer.domain.outbox import Verdict, settle
from syncer.sdk import Receipt
from syncer.store import SqlStore
from syncer.store.blobs import FileBlobStore
from syncer.testing import FakeClock
from tests.contract.samples import IDS, ask
from tests.outbox.office import LINK, Office, PaperRegistry, Sheet

SECOND = timedelta(seconds=1)


@pytest.fixture
async def office(store: SqlStore, clock: FakeClock, tmp_path: Path) -> Office:
    return Office(store=store, clock=clock, blobs=FileBlobStore(tmp_path / "files"))


@pytest.fixture
def other(office: Office) -> Office:
    """A second process over the same store, with the same connector."""
    registry = PaperRegistry()
    other = Office(store=office.store, clock=office.clock, blobs=office.blobs, registry=registry)
    other.use(office.paper)
    return other


@pytest.fixture
async def file(office: Office) -> str:
    return await office.furnish()


def delivery(file: str, **fields: Any) -> StoredDelivery:
    now = FakeClock().now()
    given: dict[str, Any] = {
        "id": IDS.new(),
        "key": IDS.new(),
        "lane": Lane(file, LINK),
        "operation": "keyed",
        "payload": {"text": "Ä"},
        "lost_answer": LostAnswer.KEY,
        "accepted_at": now,
        "updated_at": now,
        "next_attempt_at": now,
        **fields,
    }
    return StoredDelivery(**given)


async def add(store: Any, *deliveries: StoredDelivery) -> None:
    for one in deliveries:
        await store.write(lambda uow, one=one: uow.deliveries.add(one))


async def due(store: Any, clock: FakeClock) -> list[str]:
    found: list[str] = await ask(
        store, lambda uow: uow.deliveries.due(clock.now(), connector="paper", limit=99)
    )
    return found


async def lease(store: Any, one: StoredDelivery, token: str, clock: FakeClock) -> bool:
    until = clock.now() + timedelta(seconds=60)
    taken: bool = await store.write(
        lambda uow: uow.deliveries.lease(one.id, token, until=until, at=clock.now())
    )
    return taken


async def stored(store: Any, id_: str) -> StoredDelivery:
    found: StoredDelivery | None = await ask(store, lambda uow: uow.deliveries.get(id_))
    assert found is not None
    return found


# -- rows -----------------------------------------------------------------------------------------


async def test_a_delivery_comes_back_as_it_was_stored(office: Office, file: str) -> None:
    attached = DeliveryFile(
        id="a-1", type="mandato", name="Ä.pdf", content_type="application/pdf",
        size_bytes=9, sha256="ab" * 32,
    )  # fmt: skip
    first = delivery(
        file,
        files=(attached, replace(attached, id="a-2")),
        depends_on=frozenset({"x", "y"}),
        receipt={"partner_ref": None},
        reason="…",
        dry_run=True,
    )

    await add(office.store, first)

    found = await stored(office.store, first.id)
    assert found == replace(first, number=found.number)
    held = await ask(office.store, lambda uow: uow.deliveries.referenced(["ab" * 32, "cd" * 32]))
    assert held == {"ab" * 32}


async def test_lists_filter_exactly_and_give_the_newest_first(office: Office, file: str) -> None:
    other_file = await office.claim_file("2026-2")
    rows = [
        delivery(file),
        delivery(file, operation="looked", state=DeliveryState.SENT),
        delivery(other_file, state=DeliveryState.REJECTED),
    ]
    await add(office.store, *rows)

    async def found(**wanted: Any) -> list[str]:
        deliveries = await ask(
            office.store,
            lambda uow: uow.deliveries.find(DeliveryFilter(**wanted), after=None, limit=9),
        )
        count = await ask(office.store, lambda uow: uow.deliveries.count(DeliveryFilter(**wanted)))
        assert count == len(deliveries)
        return [one.id for one in deliveries]

    ids = [row.id for row in rows]
    assert await found() == ids[::-1]
    assert await found(states=("sent", "rejected")) == [ids[2], ids[1]]
    assert await found(operations=("looked",)) == [ids[1]]
    assert await found(claim_files=(other_file,), connectors=("paper",)) == [ids[2]]
    assert await found(repairers=("nobody",)) == []
    of_files = await ask(
        office.store, lambda uow: uow.deliveries.of_claim_files([file, other_file])
    )
    assert of_files == {file: ids[:2], other_file: [ids[2]]}


async def test_a_rejected_one_is_no_longer_pressing_once_a_newer_one_was_accepted(
    office: Office, file: str
) -> None:
    rejected = delivery(file, state=DeliveryState.REJECTED)
    doubted = delivery(file, state=DeliveryState.NEEDS_ATTENTION)
    await add(office.store, rejected)

    async def pressing() -> list[str]:
        found = await ask(office.store, lambda uow: uow.deliveries.parked(after=None, limit=9))
        assert len(found) == await ask(office.store, lambda uow: uow.deliveries.count_parked())
        return [one.id for one in found]

    assert await pressing() == [rejected.id]
    await add(office.store, doubted)
    assert await pressing() == [doubted.id]
    await add(office.store, delivery(file))
    assert await pressing() == [doubted.id]


# -- lanes and leases -----------------------------------------------------------------------------


async def test_only_the_first_of_each_lane_is_due(
    office: Office, file: str, clock: FakeClock
) -> None:
    beside = await office.claim_file("2026-2")
    first, second, elsewhere = delivery(file), delivery(file), delivery(beside)
    await add(office.store, first, second, elsewhere)

    assert await due(office.store, clock) == [first.id, elsewhere.id]
    assert await lease(office.store, first, "token", clock)
    assert await due(office.store, clock) == [elsewhere.id]
    held = await stored(office.store, first.id)
    done = settle(held, Verdict(outcome=Outcome.DONE, receipt={}), now=clock.now(), jitter=0)
    assert await office.store.write(lambda uow: uow.deliveries.save(done, lease="token"))
    assert await due(office.store, clock) == [second.id, elsewhere.id]


async def test_what_waits_for_a_parked_one_lets_the_others_pass(
    office: Office, file: str, clock: FakeClock
) -> None:
    parked = delivery(file, state=DeliveryState.BLOCKED)
    dependent, after = delivery(file), delivery(file)
    await add(office.store, parked, dependent, after)
    await office.store.write(lambda uow: uow.deliveries.hold_up({dependent.id: parked.id}))

    assert await due(office.store, clock) == [after.id]

    await office.store.write(lambda uow: uow.deliveries.hold_up({dependent.id: None}))
    assert await due(office.store, clock) == [dependent.id]


async def test_nothing_is_due_before_its_time_or_while_its_link_is_held(
    office: Office, file: str, clock: FakeClock
) -> None:
    await add(office.store, delivery(file, next_attempt_at=clock.now() + SECOND))
    assert await due(office.store, clock) == []

    clock.advance(SECOND)

    assert len(await due(office.store, clock)) == 1


async def test_every_write_needs_the_lease_that_is_on_the_row(
    office: Office, file: str, clock: FakeClock
) -> None:
    one = delivery(file, in_doubt=True)
    await add(office.store, one)
    assert await lease(office.store, one, "mine", clock)
    assert not await lease(office.store, one, "theirs", clock)
    held = await stored(office.store, one.id)
    over = clock.now() + timedelta(seconds=61)

    async def write(token: str) -> tuple[bool, bool, set[str]]:
        async def work(uow: Any) -> tuple[bool, bool, set[str]]:
            noted = await uow.deliveries.note(one.id, token, "step", {"n": 1})
            lost = await uow.deliveries.renew({one.id: token}, until=over)
            return noted, await uow.deliveries.save(held, lease=token), lost

        result: tuple[bool, bool, set[str]] = await office.store.write(work)
        return result

    assert await write("theirs") == (False, False, {one.id})
    assert (await stored(office.store, one.id)).notes == {}
    assert await write("mine") == (True, True, set())
    assert (await stored(office.store, one.id)).notes == {"step": {"n": 1}}
    expired = await ask(office.store, lambda uow: uow.deliveries.expired(clock.now(), limit=9))
    assert expired == []


# -- two workers ----------------------------------------------------------------------------------


async def test_two_workers_share_the_work_and_double_nothing(
    office: Office, other: Office, file: str
) -> None:
    ids = [await office.ask(file) for _ in range(4)]
    for number in range(6):
        lane = await office.claim_file(f"2026-b{number}")
        ids += [await office.ask(lane, "blind"), await office.ask(lane, "looked")]

    while await office.count(DeliveryFilter(states=("queued", "sending"))):
        await asyncio.gather(office.work(), other.work())

    sent = Counter(one.id for one in office.paper.delivered)
    assert sent == dict.fromkeys(ids, 1)
    assert [await office.state(id_) for id_ in ids] == ["delivered"] * len(ids)


async def test_a_worker_that_was_stopped_past_its_lease_changes_nothing_any_more(
    office: Office, other: Office, file: str, clock: FakeClock
) -> None:
    went_on, was_told = asyncio.Event(), asyncio.Event()

    async def stopped(sheet: Sheet) -> Receipt:
        mark = sheet.send()
        sheet.refuse(mark)
        await went_on.wait()
        with pytest.raises(LeaseLostError):
            sheet.send()
        with pytest.raises(LeaseLostError):
            await sheet.delivery.note("step", 1)
        was_told.set()
        return Receipt(raw={"by": "the stopped one"})

    office.paper.acts = [stopped]
    id_ = await office.ask(file)
    working = asyncio.ensure_future(office.work())
    await office.until(lambda: office.paper.delivered)

    clock.advance(timedelta(seconds=61))  # SIGSTOP: nobody renews the lease
    await other.outbox.sweep()
    assert await other.state(id_) == "retrying"
    clock.advance(timedelta(minutes=1))
    await other.work()
    went_on.set()
    await working

    shown = await office.shown(id_)
    assert shown["state"] == "delivered"
    assert [attempt["outcome"] for attempt in shown["attempts"]] == ["ambiguous", "done"]
    assert "by" not in shown["receipt"]["raw"]
    assert was_told.is_set()


async def test_a_worker_does_not_judge_what_it_is_still_doing(
    office: Office, file: str, clock: FakeClock
) -> None:
    went_on = asyncio.Event()

    async def stopped(sheet: Sheet) -> Receipt:
        sheet.send()
        await went_on.wait()
        return Receipt()

    office.paper.acts = [stopped]
    id_ = await office.ask(file, "blind")
    working = asyncio.ensure_future(office.work())
    await office.until(lambda: office.paper.delivered)
    clock.advance(timedelta(seconds=61))
    await office.outbox.rescue(clock.now())
    await office.leases.renew()
    went_on.set()
    await working

    assert await office.state(id_) == "delivered"


async def test_a_start_judges_what_a_dead_process_was_sending(
    office: Office, other: Office, file: str, clock: FakeClock
) -> None:
    one, two = delivery(file), delivery(await office.claim_file("2026-2"))
    blind = replace(two, operation="blind", lost_answer=LostAnswer.NEITHER)
    await add(office.store, one, blind)
    for each in (one, blind):
        assert await lease(office.store, each, "of the dead", clock)

    await other.outbox.recover(alone=False)
    assert [await office.state(each.id) for each in (one, blind)] == ["sending"] * 2
    await other.outbox.recover(alone=True)

    assert await office.state(one.id) == "retrying"
    assert await office.state(blind.id) == "needs_attention"
    assert (await stored(office.store, one.id)).in_doubt


async def test_an_attempt_gets_the_notes_of_earlier_ones(
    office: Office, file: str, clock: FakeClock
) -> None:
    one = delivery(file)
    await add(office.store, one)
    assert await lease(office.store, one, "mine", clock)
    await office.store.write(lambda uow: uow.deliveries.note(one.id, "mine", "step", {"n": 1}))

    found = await ask(office.store, lambda uow: uow.deliveries.to_send(one.id))

    assert found is not None
    assert found.notes == {"step": {"n": 1}}
