"""The weekly walk: what the log did not tell is found, and a broken listing withdraws nothing."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest
from syncer_sinapps.cursor import Cursor
from syncer_sinapps.played_world import PlayedAccount

from syncer.sdk import Kind
from syncer.testing.reading import Read

from .desk import key_of, of_kind

ReadPass = Callable[..., Awaitable[Read]]


def week_later(cursor: str | None) -> str:
    """Put the last walk a week into the past; the partner's answers name the time of day."""
    at = Cursor.parse(cursor)
    assert at.walked_at is not None
    moved = at.walked_at - timedelta(days=7, seconds=1)
    return Cursor(since=at.since, walked_at=moved, absent=at.absent).text()


async def test_once_a_week_open_missions_are_compared(
    account: PlayedAccount, read: ReadPass, held: list[str]
) -> None:
    missions = [account.assign() for _ in range(20)]
    missions[3].move("Terminee")
    cursor = (await read()).cursor
    silent = account.assign(tells=False)
    held += [one.id for one in missions]

    early = await read(cursor)
    found = await read(week_later(early.cursor))

    listed = [one.partner_ref for one in of_kind(found, Kind.MISSION)]
    assert early.records == []
    assert len(listed) == 21
    assert silent.id in listed
    assert found.withdrawn == []
    assert Cursor.parse(found.cursor).walk is None


async def test_closed_missions_are_read_only_while_they_are_held_as_open(
    account: PlayedAccount, read: ReadPass, held: list[str]
) -> None:
    missions = [account.assign() for _ in range(3)]
    cursor = (await read()).cursor
    for one in missions:
        one.move("Terminee")
    held.append(missions[1].id)

    found = await read(week_later(cursor))

    assert [one.partner_ref for one in of_kind(found, Kind.MISSION)] == [missions[1].id]


async def test_what_two_walks_do_not_find_is_gone(
    account: PlayedAccount, read: ReadPass, held: list[str]
) -> None:
    missions = [account.assign() for _ in range(8)]
    held += [one.id for one in missions]
    cursor = (await read()).cursor
    account.missions.remove(missions[2])

    first = await read(week_later(cursor))
    second = await read(week_later(first.cursor))

    assert first.withdrawn == []
    assert second.withdrawn == [key_of(Kind.MISSION, missions[2].id)]


@pytest.mark.parametrize("left", [0, 5], ids=["none", "too few"])
async def test_nothing_is_withdrawn_when_much_is_missing_at_once(
    account: PlayedAccount, read: ReadPass, held: list[str], left: int
) -> None:
    held += [account.assign().id for _ in range(8)]
    cursor = (await read()).cursor
    del account.missions[left:]

    for _ in range(3):
        found = await read(week_later(cursor))
        cursor = found.cursor
        assert found.withdrawn == []
        assert f"lacks {8 - left} of 8 open missions" in found.unreadable[-1].reason
