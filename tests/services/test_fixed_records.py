"""Records that never change at the partner: what contradicts what is known is set aside."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from syncer.domain.errors import ConnectorFailedError
from syncer.domain.passes import PassCounts
from syncer.domain.records import Kind, Record
from syncer.sdk import Credentials, Link, Page, Settings
from syncer.services.fixed_records import CONTRADICTS
from syncer.services.page import PageStorer
from tests.services.lives import LINK, NOON, ShelfConnector

if TYPE_CHECKING:
    from tests.services.conftest import House


class MessageConnector(ShelfConnector):
    """Its records are messages."""

    fixed_records = True
    lifecycle = None


def message(revision: str = "a", kind: Kind = Kind.NOTICE, ref: str = "M-1") -> Record:
    return Record(
        kind=kind,
        partner_ref=ref,
        revision=revision,
        status="sent",
        status_changed_at=NOON,
        extra={"says": []},
    )


async def take(house: House, *records: Record) -> PassCounts:
    await house.store.write(lambda uow: uow.links.ensure(["shelf"]))
    link = Link(
        repairer=LINK.repairer, credentials=Credentials(), settings=Settings(), start_date=None
    )
    page = Page(records=records, originals=[f"bytes {one.revision}".encode() for one in records])
    storer = PageStorer(store=house.store, clock=house.clock, ids=house.ids)
    return await storer.take(LINK, MessageConnector(), link, page)


async def aside(house: House) -> list[dict[str, Any]]:
    return list((await house.quarantine.find(repairers=(LINK.repairer,))).items)


async def test_the_same_message_again_changes_nothing(house: House) -> None:
    await take(house, message())

    counts = await take(house, message(), message())

    assert (counts.unchanged, counts.new, counts.quarantined) == (2, 0, 0)


@pytest.mark.parametrize("kind", [Kind.NOTICE, Kind.FOLLOW_UP])
async def test_other_content_under_a_known_reference_is_set_aside_with_its_bytes(
    house: House, kind: Kind
) -> None:
    await take(house, message())

    counts = await take(house, message("b", kind), message(ref="M-2"))
    again = await take(house, message("b", kind))

    [item] = await aside(house)
    assert (counts.new, counts.quarantined) == (1, 1)
    assert again.quarantined == 0
    assert (item["kind"], item["partner_ref"], item["reason"]) == (kind, "M-1", CONTRADICTS)
    assert item["raw_base64"] == "Ynl0ZXMgYg=="


async def test_of_two_contents_on_one_page_the_first_is_kept(house: House) -> None:
    counts = await take(house, message("a"), message("b"), message("a"))

    assert (counts.new, counts.quarantined) == (1, 1)
    async with house.store.read() as uow:
        known = await uow.records.known(LINK, [message().key])
    assert known[message().key].revision == "a"


async def test_a_page_without_the_originals_is_refused(house: House) -> None:
    link = Link(
        repairer=LINK.repairer, credentials=Credentials(), settings=Settings(), start_date=None
    )
    storer = PageStorer(store=house.store, clock=house.clock, ids=house.ids)

    with pytest.raises(ConnectorFailedError, match="original"):
        await storer.take(LINK, MessageConnector(), link, Page(records=[message()]))
