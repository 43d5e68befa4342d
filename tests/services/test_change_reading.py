"""Reading the change feed: in order, from a cursor, waiting, following."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from syncer.domain.errors import FeedResetError, InvalidError

if TYPE_CHECKING:
    from tests.services.conftest import House


async def test_feed_reads_in_order_from_cursor_to_cursor(house: House) -> None:
    ids = [await house.add(house.a_record(f"Q-{n}")) for n in range(5)]
    for id_ in ids:
        await house.intake.accept(id_)

    first, after = await house.changes.read(None, limit=3)
    second, _ = await house.changes.read(after, limit=3)

    assert [entry["subject"]["id"] for entry in first + second] == ids


async def test_entry_is_shown_in_its_documented_shape(house: House) -> None:
    id_ = await house.add()
    await house.intake.accept(id_)

    [entry], after = await house.changes.read(None)

    assert entry == {
        "cursor": after,
        "at": "2026-03-02T09:15:00Z",
        "type": "record.decided",
        "repairer": "garage-7",
        "connector": "paper",
        "subject": {"type": "record", "id": id_},
        "data": {
            "kind": "quote",
            "status": "submitted",
            "version": 1,
            "intake": "accepted",
            "partner_ref": "Q-1",
        },
    }


async def test_nothing_new_gives_a_cursor_to_go_on_from(house: House) -> None:
    _, start = await house.changes.read(None)

    items, after = await house.changes.read(start)

    assert (items, after) == ([], start)


async def test_malformed_cursor_is_refused(house: House) -> None:
    with pytest.raises(InvalidError) as caught:
        await house.changes.read("nonsense")

    assert caught.value.code == "cursor_invalid"


async def test_cursor_of_another_life_of_the_database_is_refused(house: House) -> None:
    with pytest.raises(FeedResetError):
        await house.changes.read("0123456789abcdef:0")


async def test_cursor_beyond_the_head_is_refused(house: House) -> None:
    _, head = await house.changes.read(None)
    epoch, _, _ = head.partition(":")

    with pytest.raises(FeedResetError):
        await house.changes.read(f"{epoch}:99")


async def test_waiting_reader_gets_what_comes(house: House) -> None:
    id_ = await house.add()
    _, head = await house.changes.read(None)
    reader = asyncio.create_task(house.changes.read(head, wait_seconds=30))
    await asyncio.sleep(0)

    await house.intake.accept(id_)
    items, _ = await asyncio.wait_for(reader, 5)

    assert [entry["type"] for entry in items] == ["record.decided"]


async def test_waiting_reader_gets_nothing_when_the_time_is_over(house: House) -> None:
    _, head = await house.changes.read(None)
    reader = asyncio.create_task(house.changes.read(head, wait_seconds=30))
    while not house.clock.sleepers:  # noqa: ASYNC110  # a clock tells nobody that someone waits
        await asyncio.sleep(0.001)

    house.clock.advance(timedelta(seconds=31))

    assert await asyncio.wait_for(reader, 5) == ([], head)


async def test_follower_gets_the_past_first_and_then_what_comes(house: House) -> None:
    past, to_come = [await house.add(house.a_record(f"Q-{n}")) for n in range(2)]
    await house.intake.accept(past)
    lists = house.changes.follow(None)

    first = await anext(lists)
    following = asyncio.ensure_future(anext(lists))
    await house.intake.accept(to_come)
    second = await asyncio.wait_for(following, 5)

    assert [entry["subject"]["id"] for entry in first + second] == [past, to_come]


async def test_follower_knows_at_once_that_its_cursor_is_bad(house: House) -> None:
    with pytest.raises(InvalidError):
        await anext(house.changes.follow("nonsense"))
