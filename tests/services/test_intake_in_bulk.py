"""Deciding many records by a filter."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from syncer.domain.errors import InvalidError
from syncer.domain.feed import ChangeType
from syncer.domain.records import Kind
from syncer.domain.stored import RecordFilter
from syncer.services.intake import BATCH, Action

if TYPE_CHECKING:
    from tests.services.conftest import House

QUOTES = RecordFilter(kinds=("quote",))


async def test_bulk_changes_what_matches_and_leaves_the_rest(house: House) -> None:
    quotes = [await house.add(house.a_record(f"Q-{n}")) for n in range(3)]
    mission = await house.add(house.a_record("M-1", kind=Kind.MISSION))

    done = await house.intake.bulk(Action.ACCEPT, QUOTES)

    assert (done.matched, done.changed, done.skipped) == (3, 3, 0)
    assert {(await house.stored(id_)).decision.state for id_ in quotes} == {"accepted"}
    assert (await house.stored(mission)).decision.state == "queued"


async def test_bulk_skips_what_it_may_not_change(house: House) -> None:
    await house.add(house.a_record("Q-1"))
    taken_over = await house.add(house.a_record("Q-2"), state="accepted", taken_over=True)

    done = await house.intake.bulk(Action.DISMISS, QUOTES)

    assert (done.matched, done.changed, done.skipped) == (2, 1, 1)
    assert (await house.stored(taken_over)).decision.state == "accepted"


async def test_bulk_takes_over_accepted_records_only(house: House) -> None:
    accepted = await house.add(house.a_record("Q-1"), state="accepted")
    await house.add(house.a_record("Q-2"))

    done = await house.intake.bulk(Action.TAKE_OVER, QUOTES)

    assert (done.matched, done.changed, done.skipped) == (2, 1, 1)
    assert (await house.stored(accepted)).taken_over_version == 1


async def test_bulk_leaves_dismissed_records_unless_the_filter_names_them(house: House) -> None:
    dismissed = await house.add(state="dismissed", person=True)

    unnamed = await house.intake.bulk(Action.ACCEPT, QUOTES)
    named = await house.intake.bulk(Action.ACCEPT, RecordFilter(intake=("dismissed",)))

    assert (unnamed.matched, named.changed) == (0, 1)
    assert (await house.stored(dismissed)).decision.state == "accepted"


async def test_bulk_reaches_records_beyond_one_batch(house: House) -> None:
    start = datetime(2026, 3, 2, tzinfo=UTC)
    for number in range(BATCH + 5):
        at = start + timedelta(seconds=number // 2)
        await house.add(house.a_record(f"Q-{number}", status_changed_at=at))

    done = await house.intake.bulk(Action.DISMISS, RecordFilter(intake=("queued",)))

    assert (done.matched, done.changed) == (BATCH + 5, BATCH + 5)


async def test_bulk_tells_every_decision(house: House) -> None:
    ids = {await house.add(house.a_record(f"Q-{n}")) for n in range(3)}

    await house.intake.bulk(Action.ACCEPT, QUOTES)

    told = await house.told(ChangeType.RECORD_DECIDED)
    assert {entry.change.subject_id for entry in told} == ids


async def test_bulk_without_a_filter_is_refused(house: House) -> None:
    id_ = await house.add()

    with pytest.raises(InvalidError) as caught:
        await house.intake.bulk(Action.DISMISS, RecordFilter())

    assert [fault.pointer for fault in caught.value.errors] == ["/filter"]
    assert (await house.stored(id_)).decision.state == "queued"


async def test_bulk_finds_none_that_miss_documents_while_none_are_expected(house: House) -> None:
    await house.add()

    done = await house.intake.bulk(Action.ACCEPT, RecordFilter(missing_documents=True))

    assert done.matched == 0
