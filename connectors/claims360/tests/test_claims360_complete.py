"""What the listing does not hold: lines, photos, and objects that are gone."""

from __future__ import annotations

import asyncio
import hashlib

import pytest
from syncer_claims360 import Claims360, Claims360Credentials, wire
from syncer_claims360.played import PlayedClaims360
from syncer_claims360.played_shop import PlayedShop

from syncer.sdk import (
    CredentialsRejectedError,
    Kind,
    Link,
    NotFoundError,
    PayloadError,
    Record,
    RecordKey,
    RecordWithdrawnError,
    Settings,
    UnexpectedAnswerError,
)
from syncer.testing import FakeClock, Fault, read_pass

OurLink = Link[Claims360Credentials, Settings]
EPOCH = '{"since":"2020-01-01T00:00:00Z"}'


def asked(partner: PlayedClaims360, ending: str) -> int:
    return sum(seen.path.endswith(ending) for seen in partner.seen)


async def listed(connector: Claims360, link: OurLink, ref: str) -> Record:
    read = await read_pass(connector, link, EPOCH)
    return next(record for record in read.records if record.partner_ref == ref)


async def test_a_quote_gets_its_lines(
    connector: Claims360, shop: PlayedShop, link: OurLink
) -> None:
    shop.add_mission("M-1")
    shop.add_quote("M-1", "Q-1")
    quote = await listed(connector, link, "Q-1")

    completed = await connector.complete(link, quote)

    assert quote.lines == []
    assert [line.id for line in completed.record.lines] == [
        line["id"] for line in shop.objects["quote", "Q-1"].lines
    ]


async def test_a_detail_that_is_newer_than_the_list_is_stored_as_what_it_is(
    connector: Claims360, shop: PlayedShop, link: OurLink, clock: FakeClock
) -> None:
    shop.add_quote("M-1", "Q-1")
    quote = await listed(connector, link, "Q-1")
    shop.change_status("quote", "Q-1", "approved", statusChangedAt="2026-03-02T10:00:00Z")

    record = (await connector.complete(link, quote)).record

    assert (record.status, record.version) == ("approved", 2)
    assert record.revision == "2026-03-02T10:00:00.000000000Z"


async def test_a_detail_that_is_older_than_the_list_gives_its_lines_only(
    connector: Claims360, shop: PlayedShop, link: OurLink
) -> None:
    shop.add_quote("M-1", "Q-1", statusChangedAt="2026-03-02T09:10:00Z", status="approved")
    quote = await listed(connector, link, "Q-1")
    shop.edit("quote", "Q-1", statusChangedAt="2026-03-02T09:00:00Z", status="draft")

    record = (await connector.complete(link, quote)).record

    assert (record.status, record.revision) == ("approved", quote.revision)
    assert record.lines


async def test_the_photos_of_a_mission_are_announced(
    connector: Claims360, shop: PlayedShop, link: OurLink
) -> None:
    shop.add_mission("M-1")
    photo = shop.add_photo("M-1")

    completed = await connector.complete(link, await listed(connector, link, "M-1"))

    (attachment,) = completed.attachments
    assert attachment.owner == RecordKey(kind=Kind.MISSION, partner_ref="M-1")
    assert (attachment.partner_ref, attachment.sha256) == (photo["id"], photo["sha256"])
    assert (attachment.kind, attachment.name) == ("photo", photo["fileName"])


async def test_photos_of_a_mission_and_its_quotes_are_asked_for_once(
    connector: Claims360, partner: PlayedClaims360, shop: PlayedShop, link: OurLink
) -> None:
    shop.add_mission("M-1")
    shop.add_quote("M-1", "Q-1")
    shop.add_quote("M-1", "Q-2")
    shop.add_photo("M-1")
    read = await read_pass(connector, link, EPOCH)

    completed = await asyncio.gather(*(connector.complete(link, record) for record in read.records))

    assert asked(partner, "/photos") == 1
    assert all(len(one.attachments) == 1 for one in completed)


@pytest.mark.parametrize(("count", "requests"), [(0, 0), (None, 1), (2, 1)])
async def test_photos_are_asked_for_unless_there_are_none(
    connector: Claims360,
    partner: PlayedClaims360,
    shop: PlayedShop,
    link: OurLink,
    count: int | None,
    requests: int,
) -> None:
    shop.add_mission("M-1", photoCount=count)

    await connector.complete(link, await listed(connector, link, "M-1"))

    assert asked(partner, "/photos") == requests


async def test_photos_are_asked_for_when_the_count_is_absent(
    connector: Claims360, partner: PlayedClaims360, shop: PlayedShop, link: OurLink
) -> None:
    shop.add_mission("M-1").pop("photoCount")

    await connector.complete(link, await listed(connector, link, "M-1"))

    assert asked(partner, "/photos") == 1


async def test_a_quote_without_a_mission_has_no_photos(
    connector: Claims360, partner: PlayedClaims360, shop: PlayedShop, link: OurLink
) -> None:
    shop.add_quote(None, "Q-1", photoCount=3)

    completed = await connector.complete(link, await listed(connector, link, "Q-1"))

    assert completed.attachments == ()
    assert asked(partner, "/photos") == 0


async def test_one_bad_photo_is_set_aside_and_the_others_are_announced(
    connector: Claims360, shop: PlayedShop, link: OurLink
) -> None:
    shop.add_mission("M-1")
    bad = shop.add_photo("M-1", sha256="none")
    good = shop.add_photo("M-1")

    completed = await connector.complete(link, await listed(connector, link, "M-1"))

    assert [one.partner_ref for one in completed.attachments] == [good["id"]]
    assert [one.partner_ref for one in completed.unreadable] == [bad["id"]]
    assert "sha256" in completed.unreadable[0].reason


@pytest.mark.parametrize("type_", ["mission", "quote"])
async def test_a_withdrawn_object_is_reported_as_such(
    connector: Claims360, shop: PlayedShop, link: OurLink, type_: str
) -> None:
    shop.add_mission("M-1", photoCount=None)
    shop.add_quote("M-1", "Q-1")
    ref = {"mission": "M-1", "quote": "Q-1"}[type_]
    record = await listed(connector, link, ref)
    shop.withdraw(type_, ref)

    with pytest.raises(RecordWithdrawnError):
        await connector.complete(link, record)


async def test_a_withdrawn_mission_does_not_take_its_quote_along(
    connector: Claims360, shop: PlayedShop, link: OurLink
) -> None:
    shop.add_mission("M-1")
    shop.add_quote("M-1", "Q-1", photoCount=2)
    quote = await listed(connector, link, "Q-1")
    shop.withdraw("mission", "M-1")

    completed = await connector.complete(link, quote)

    assert completed.record.lines
    assert completed.withdrawn == [RecordKey(kind=Kind.MISSION, partner_ref="M-1")]


async def test_a_quote_of_a_mission_that_is_not_there_is_completed_without_photos(
    connector: Claims360, shop: PlayedShop, link: OurLink
) -> None:
    shop.add_quote("M-9", "Q-1", photoCount=2)

    completed = await connector.complete(link, await listed(connector, link, "Q-1"))

    assert completed.record.lines
    assert completed.attachments == []


async def test_a_listed_quote_without_a_detail_is_set_aside(
    connector: Claims360, shop: PlayedShop, link: OurLink
) -> None:
    shop.add_quote(None, "Q-1")
    quote = await listed(connector, link, "Q-1")
    del shop.objects["quote", "Q-1"]

    with pytest.raises(PayloadError):
        await connector.complete(link, quote)


async def test_a_bad_line_is_named_and_the_bytes_are_kept(
    connector: Claims360, shop: PlayedShop, link: OurLink
) -> None:
    shop.add_quote(None, "Q-1")
    quote = await listed(connector, link, "Q-1")
    shop.objects["quote", "Q-1"].lines[0]["quantity"] = 1.5

    with pytest.raises(PayloadError, match=r"lines\[0\]\.quantity") as caught:
        await connector.complete(link, quote)

    assert b"Q-1" in caught.value.raw


async def test_the_detail_of_another_object_is_refused(
    connector: Claims360, shop: PlayedShop, link: OurLink, partner: PlayedClaims360
) -> None:
    shop.add_quote(None, "Q-1")
    quote = await listed(connector, link, "Q-1")
    other = shop.add_quote(None, "Q-2")
    partner.faults.append(
        Fault(status=200, path="/quotes/", body=shop.objects["quote", other["id"]].detailed())
    )

    with pytest.raises(PayloadError):
        await connector.complete(link, quote)


async def test_keys_that_are_no_longer_good_end_the_completion(
    connector: Claims360, shop: PlayedShop, link: OurLink
) -> None:
    shop.add_quote(None, "Q-1")
    quote = await listed(connector, link, "Q-1")
    shop.planning_key = "another-key-0000000"

    with pytest.raises(CredentialsRejectedError):
        await connector.complete(link, quote)


async def test_a_set_aside_object_can_be_read_again(
    connector: Claims360, shop: PlayedShop, link: OurLink
) -> None:
    shop.add_quote("M-1", "Q-1")

    record = await connector.reread(link, RecordKey(kind=Kind.QUOTE, partner_ref="Q-1"))

    assert record.lines


@pytest.mark.parametrize(
    "key",
    [
        RecordKey(kind=Kind.MISSION, partner_ref="M-404"),
        RecordKey(kind=Kind.INVOICE, partner_ref="I-1"),
        RecordKey(kind=Kind.MISSION, partner_ref="../../M-1"),
    ],
)
async def test_an_object_that_is_not_there_cannot_be_read_again(
    connector: Claims360, shop: PlayedShop, link: OurLink, key: RecordKey
) -> None:
    with pytest.raises(NotFoundError):
        await connector.reread(link, key)


@pytest.mark.parametrize("content_type", ["image/jpeg", "image/png"])
async def test_a_photo_is_fetched_as_it_was_announced(
    connector: Claims360, shop: PlayedShop, link: OurLink, content_type: str
) -> None:
    shop.add_mission("M-1")
    photo = shop.add_photo("M-1", content_type=content_type)
    completed = await connector.complete(link, await listed(connector, link, "M-1"))

    async with connector.fetch(link, completed.attachments[0]) as download:
        content = b"".join([chunk async for chunk in download.chunks()])

    assert hashlib.sha256(content).hexdigest() == photo["sha256"]
    assert download.headers["content-type"] == content_type


@pytest.mark.parametrize(
    ("status", "error"), [(410, RecordWithdrawnError), (404, UnexpectedAnswerError)]
)
async def test_a_photo_that_is_gone_says_why(
    connector: Claims360,
    partner: PlayedClaims360,
    shop: PlayedShop,
    link: OurLink,
    status: int,
    error: type[Exception],
) -> None:
    shop.add_mission("M-1")
    shop.add_photo("M-1")
    completed = await connector.complete(link, await listed(connector, link, "M-1"))
    partner.faults.append(Fault(status=status, path="/content"))

    with pytest.raises(error):
        async with connector.fetch(link, completed.attachments[0]):
            pass


async def test_the_claim_file_gets_what_the_quote_says(
    connector: Claims360, shop: PlayedShop, link: OurLink
) -> None:
    mission = shop.add_mission("M-1")
    shop.add_quote("M-1", "Q-1", totals={"net": "10.00", "currency": "EUR"})

    quote = await listed(connector, link, "Q-1")
    data = connector.claim_data(quote)

    assert data["vehicle"]["plate"] == mission["vehicle"]["plate"]
    assert data["insurer"]["claim_number"] == mission["insurer"]["claimNumber"]
    assert data["contract"]["number"] == mission["insurer"]["policyNumber"]
    assert data["quote"]["net"] == {"amount": "10.00", "currency": "EUR"}
    assert data["quote"]["gross"] is None


async def test_the_claim_file_bears_the_missions_number(
    connector: Claims360, shop: PlayedShop, link: OurLink
) -> None:
    mission = shop.add_mission("M-1")
    shop.add_quote("M-1", "Q-1")
    shop.add_quote(None, "Q-2")

    refs = {
        record.partner_ref: record.claim
        for record in (await read_pass(connector, link, EPOCH)).records
        if record.claim
    }

    assert (refs["M-1"].partner_ref, refs["M-1"].reference) == ("M-1", mission["number"])
    assert (refs["Q-1"].partner_ref, refs["Q-1"].reference) == ("M-1", None)
    assert refs["Q-2"].partner_ref == "quote:Q-2"
    assert connector.reference_max_length == wire.LONGEST_REFERENCE
