"""Dwell limits: told once, shown until the file moves, whatever the clock does."""

from __future__ import annotations

from datetime import timedelta

import pytest

from syncer.domain.feed import ChangeType
from syncer.domain.lifecycles import Stage
from tests.mail.desk import Desk

DAY = timedelta(days=1)


async def look(desk: Desk) -> tuple[list[str], int]:
    """Look once; gives the files that are shown, and how often any was told about."""
    await desk.dwell.look()
    shown = [entry["subject"]["id"] for entry in await desk.attention()]
    return shown, len(await desk.told(ChangeType.DWELL_EXCEEDED))


@pytest.mark.parametrize(
    "named", ["open", "Notice", "Aperto"], ids=["our-state", "partners-word", "another-word"]
)
async def test_file_past_its_limit_is_told_once_and_shown_until_it_moves(
    desk: Desk, named: str
) -> None:
    await desk.settings(dwell_limits={named: "10d"})
    file = await desk.file()
    await desk.happen(file, "notice")
    desk.clock.advance(10 * DAY)
    assert await look(desk) == ([], 0)

    desk.clock.advance(timedelta(seconds=1))
    assert await look(desk) == ([file], 1)
    desk.open_again()
    desk.clock.advance(DAY)
    await desk.happen(file, "note")
    assert await look(desk) == ([file], 1)
    (entry,) = await desk.attention()
    assert entry["kind"] == "dwell_exceeded"
    assert "2026/1 has been open (notice) for more than 10d" in entry["text"]
    assert entry["since"] == "2026-03-02T09:15:00Z"

    await desk.happen(file, "close")
    assert await desk.attention() == []
    assert await look(desk) == ([], 1)
    await desk.happen(file, "notice")
    desk.clock.advance(11 * DAY)
    assert await look(desk) == ([file], 2)


async def test_stay_is_measured_from_the_partners_instant(desk: Desk) -> None:
    await desk.settings(dwell_limits={"open": "10d"})
    file = await desk.file()
    await desk.happen(file, "notice", ago=11 * DAY)

    assert await look(desk) == ([file], 1)


async def test_clock_jumps_take_the_entry_away_and_bring_it_back_untold(desk: Desk) -> None:
    await desk.settings(dwell_limits={"open": "10d"})
    file = await desk.file()
    await desk.happen(file, "notice")

    desk.clock.jump(30 * DAY)
    assert await look(desk) == ([file], 1)
    desk.clock.jump(-30 * DAY)
    assert await look(desk) == ([], 1)
    desk.clock.jump(-365 * DAY)
    assert await look(desk) == ([], 1)
    desk.clock.jump(376 * DAY)
    assert await look(desk) == ([file], 1)


async def test_limits_may_change_while_files_are_past_them(desk: Desk) -> None:
    await desk.settings(dwell_limits={"open": "10d"})
    file = await desk.file()
    await desk.happen(file, "notice")
    desk.clock.advance(11 * DAY)
    assert await look(desk) == ([file], 1)

    await desk.settings(dwell_limits={"open": "12d"})
    assert await look(desk) == ([], 1)
    await desk.settings(dwell_limits={"open": "5d"})
    assert await look(desk) == ([file], 1)
    await desk.settings()
    assert await look(desk) == ([], 1)


async def test_archived_files_are_left_alone(desk: Desk) -> None:
    await desk.settings(dwell_limits={"open": "10d"})
    file = await desk.file()
    await desk.happen(file, "notice")
    desk.clock.advance(11 * DAY)
    assert await look(desk) == ([file], 1)

    now = desk.clock.now()
    await desk.store.write(lambda uow: uow.lives.reach(file, Stage.ARCHIVED, at=now))

    assert await desk.attention() == []
    assert await look(desk) == ([], 1)
