"""Accepting, dismissing and taking over, one record at a time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pytest

from syncer.domain.errors import ConflictError, NotFoundError, StaleError
from syncer.domain.feed import ChangeType

if TYPE_CHECKING:
    from tests.services.conftest import House


async def test_person_accepts_a_queued_record(house: House) -> None:
    id_ = await house.add()

    record = await house.intake.accept(id_)

    assert record["intake"]["state"] == "accepted"
    assert (record["intake"]["decided_by"], record["intake"]["rule"]) == ("person", None)


async def test_decision_is_told_in_the_feed(house: House) -> None:
    id_ = await house.add()

    await house.intake.dismiss(id_)

    [entry] = await house.told(ChangeType.RECORD_DECIDED)
    assert entry.change.subject_id == id_
    assert entry.change.data == {
        "kind": "quote",
        "status": "submitted",
        "version": 1,
        "intake": "dismissed",
        "partner_ref": "Q-1",
    }


async def test_accepting_an_accepted_record_changes_and_tells_nothing(house: House) -> None:
    id_ = await house.add(state="accepted", rule="queueing = none")

    record = await house.intake.accept(id_)

    assert record["intake"]["rule"] == "queueing = none"
    assert await house.told() == []


async def test_accept_and_dismiss_change_each_other(house: House) -> None:
    id_ = await house.add()

    await house.intake.dismiss(id_)
    accepted = await house.intake.accept(id_)
    dismissed = await house.intake.dismiss(id_)

    assert accepted["intake"]["state"] == "accepted"
    assert dismissed["intake"]["state"] == "dismissed"


@pytest.mark.parametrize("verb", ["accept", "dismiss"])
async def test_excluded_record_cannot_be_decided(house: House, verb: str) -> None:
    id_ = await house.add(state="excluded", rule="no drafts")

    with pytest.raises(ConflictError, match="no drafts") as caught:
        await getattr(house.intake, verb)(id_)

    assert caught.value.code == "excluded"


async def test_taken_over_record_cannot_be_dismissed(house: House) -> None:
    id_ = await house.add(state="accepted", taken_over=True)

    with pytest.raises(ConflictError) as caught:
        await house.intake.dismiss(id_)

    assert caught.value.code == "taken_over"


async def test_taken_over_record_can_still_be_accepted(house: House) -> None:
    id_ = await house.add(state="accepted", taken_over=True)

    record = await house.intake.accept(id_)

    assert record["taken_over_version"] == 1


@pytest.mark.parametrize("state", ["queued", "dismissed", "excluded"])
async def test_only_accepted_records_are_taken_over(house: House, state: str) -> None:
    id_ = await house.add(state=state)

    with pytest.raises(ConflictError) as caught:
        await house.intake.take_over(id_)

    assert caught.value.code == "not_accepted"


async def test_taking_over_marks_the_present_version_once(house: House) -> None:
    id_ = await house.add(state="accepted", version=4)

    await house.intake.take_over(id_)
    record = await house.intake.take_over(id_)

    assert record["taken_over_version"] == 4
    assert record["taken_over_at"] is not None
    assert len(await house.told(ChangeType.RECORD_TAKEN_OVER)) == 1


async def test_taking_over_again_marks_the_new_version(house: House) -> None:
    id_ = await house.add(state="accepted", taken_over=True, version=1)
    await house.new_version(id_, version=2)

    record = await house.intake.take_over(id_)

    assert record["taken_over_version"] == 2


async def test_stale_caller_changes_nothing(house: House) -> None:
    id_ = await house.add()

    def refuse(current: Mapping[str, Any]) -> None:
        assert current["id"] == id_
        raise StaleError("it was changed")

    with pytest.raises(StaleError):
        await house.intake.accept(id_, unless_stale=refuse)

    assert (await house.stored(id_)).decision.state == "queued"


async def test_unknown_record_is_not_found(house: House) -> None:
    with pytest.raises(NotFoundError):
        await house.intake.accept("0193-none")


async def test_condition_sees_the_record_as_the_api_shows_it(house: House) -> None:
    id_ = await house.add()
    seen: list[Mapping[str, Any]] = []
    shown = await house.records.one(id_)

    await house.intake.accept(id_, unless_stale=seen.append)

    assert seen == [shown]
