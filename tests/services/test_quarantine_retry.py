"""Quarantined items: shown, and asked for again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from syncer.domain.errors import ConflictError, NotFoundError, PartnerUnavailableError
from syncer.domain.links import LinkKey
from syncer.domain.records import Kind, RecordKey
from syncer.domain.stored import QuarantinedItem

if TYPE_CHECKING:
    from tests.services.conftest import House

LINK = LinkKey("garage-7", "paper")


async def an_item(house: House, **parts: Any) -> str:
    values: dict[str, Any] = {
        "id": house.ids.new(),
        "link": LINK,
        "kind": Kind.QUOTE,
        "partner_ref": "Q-1",
        "reason": "totals.net: is no amount",
        "raw": b'{"id": "Q-1"}',
        "at": house.clock.now(),
        "resolved_at": None,
    }
    item = QuarantinedItem(**{**values, **parts})
    await house.store.write(lambda uow: uow.quarantine.add([item]))
    return item.id


async def test_item_is_shown_with_its_bytes(house: House) -> None:
    id_ = await an_item(house)

    assert await house.quarantine.one(id_) == {
        "id": id_,
        "repairer": "garage-7",
        "connector": "paper",
        "kind": "quote",
        "partner_ref": "Q-1",
        "reason": "totals.net: is no amount",
        "raw_base64": "eyJpZCI6ICJRLTEifQ==",
        "at": "2026-03-02T09:15:00Z",
        "resolved_at": None,
    }


async def test_list_filters_by_link_and_walks_newest_first(house: House) -> None:
    ids = [await an_item(house, partner_ref=f"Q-{n}") for n in range(3)]
    await an_item(house, link=LinkKey("garage-8", "paper"))

    first = await house.quarantine.find(repairers=("garage-7",), limit=2)
    second = await house.quarantine.find(repairers=("garage-7",), after=first.last, limit=2)

    assert first.total == 3
    assert [item["id"] for item in first.items + second.items] == ids[::-1]
    assert second.last is None


async def test_retry_asks_for_the_object_and_shows_the_item_resolved(house: House) -> None:
    id_ = await an_item(house)

    item = await house.quarantine.retry(id_)

    assert house.reread == [RecordKey(kind=Kind.QUOTE, partner_ref="Q-1")]
    assert item["resolved_at"] is not None


async def test_retry_of_a_resolved_item_is_refused(house: House) -> None:
    id_ = await an_item(house)
    await house.quarantine.retry(id_)

    with pytest.raises(ConflictError) as caught:
        await house.quarantine.retry(id_)

    assert caught.value.code == "already_resolved"


@pytest.mark.parametrize("parts", [{"partner_ref": None}, {"kind": None}])
async def test_item_that_names_no_object_cannot_be_asked_again(
    house: House, parts: dict[str, Any]
) -> None:
    id_ = await an_item(house, **parts)

    with pytest.raises(ConflictError) as caught:
        await house.quarantine.retry(id_)

    assert caught.value.code == "cannot_be_asked_again"


async def test_partner_without_such_a_request_cannot_be_asked_again(house: House) -> None:
    id_ = await an_item(house)
    house.reread_error = NotFoundError("This partner cannot be asked for a single object.")

    with pytest.raises(ConflictError, match="single object") as caught:
        await house.quarantine.retry(id_)

    assert caught.value.code == "cannot_be_asked_again"


async def test_partner_that_is_away_leaves_the_item_waiting(house: House) -> None:
    id_ = await an_item(house)
    house.reread_error = PartnerUnavailableError("away")

    with pytest.raises(PartnerUnavailableError):
        await house.quarantine.retry(id_)

    assert (await house.quarantine.one(id_))["resolved_at"] is None


async def test_unknown_item_is_not_found(house: House) -> None:
    with pytest.raises(NotFoundError):
        await house.quarantine.retry("none")
