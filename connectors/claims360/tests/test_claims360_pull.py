"""Reading the list of changes: where it starts, how it goes on, and what it costs when idle."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date, timedelta

import pytest
from syncer_claims360 import Claims360, Claims360Credentials
from syncer_claims360.played import PlayedClaims360
from syncer_claims360.played_shop import PlayedShop

from syncer.sdk import (
    CredentialsRejectedError,
    Link,
    PageLoopError,
    PayloadError,
    Settings,
    UnexpectedAnswerError,
)
from syncer.testing import FakeClock, Fault, read_pass

OurLink = Link[Claims360Credentials, Settings]
OpenLink = Callable[..., OurLink]
EPOCH = '{"since":"2020-01-01T00:00:00Z"}'


def listings(partner: PlayedClaims360) -> list[dict[str, str]]:
    return [dict(seen.query) for seen in partner.seen if seen.path.endswith("/changes")]


async def test_check_accepts_the_keys_of_the_body_shop(connector: Claims360, link: OurLink) -> None:
    await connector.check(link)


@pytest.mark.parametrize("field", ["bodyshop_api_key", "planning_api_key"])
async def test_check_refuses_a_wrong_key(
    connector: Claims360, open_link: OpenLink, field: str
) -> None:
    with pytest.raises(CredentialsRejectedError):
        await connector.check(open_link(**{field: "x" * 16}))


async def test_check_refuses_the_keys_of_another_body_shop(
    connector: Claims360, partner: PlayedClaims360, open_link: OpenLink
) -> None:
    other = partner.add_shop("123")

    with pytest.raises(CredentialsRejectedError):
        await connector.check(open_link(bodyshop_id=other.bodyshop_id))


async def test_check_refuses_an_answer_about_another_body_shop(
    connector: Claims360, partner: PlayedClaims360, link: OurLink
) -> None:
    partner.faults.append(Fault(status=200, body=b'{"id":"999"}'))

    with pytest.raises(CredentialsRejectedError):
        await connector.check(link)


async def test_first_cursor_starts_at_the_partners_time(
    connector: Claims360,
    partner: PlayedClaims360,
    shop: PlayedShop,
    link: OurLink,
    clock: FakeClock,
) -> None:
    shop.add_mission("M-old")
    clock.advance(timedelta(milliseconds=1))
    cursor = await connector.first_cursor(link)
    shop.add_mission("M-new")

    read = await read_pass(connector, link, cursor)

    assert [record.partner_ref for record in read.records] == ["M-new"]
    assert listings(partner)[0] == {"limit": "1"}


async def test_first_cursor_starts_at_midnight_in_belgium_when_a_start_date_was_chosen(
    connector: Claims360, partner: PlayedClaims360, open_link: OpenLink
) -> None:
    cursor = await connector.first_cursor(open_link(start_date=date(2026, 2, 1)))
    await connector.pull(open_link(), cursor)

    assert listings(partner)[0]["statusChangedSince"] == "2026-01-31T23:00:00Z"
    assert len(partner.seen) == 1


async def test_the_overlap_never_reaches_before_the_activation(
    connector: Claims360, shop: PlayedShop, link: OurLink, clock: FakeClock
) -> None:
    shop.add_mission("M-history")
    clock.advance(timedelta(seconds=10))
    cursor: str | None = await connector.first_cursor(link)
    for n in range(3):
        clock.advance(timedelta(seconds=20))
        shop.add_mission(f"M-{n}")
        read = await read_pass(connector, link, cursor)
        cursor = read.cursor

        assert "M-history" not in [record.partner_ref for record in read.records]


async def test_every_page_is_read_once(
    connector: Claims360, shop: PlayedShop, link: OurLink, clock: FakeClock
) -> None:
    for n in range(450):
        shop.add_mission(f"M-{n:03d}")
        clock.advance(timedelta(milliseconds=n % 2))

    read = await read_pass(connector, link, EPOCH)

    assert [record.partner_ref for record in read.records] == [f"M-{n:03d}" for n in range(450)]
    assert read.pages == 3


async def test_the_next_pass_asks_again_for_five_minutes(
    connector: Claims360,
    partner: PlayedClaims360,
    shop: PlayedShop,
    link: OurLink,
    clock: FakeClock,
) -> None:
    shop.add_mission("M-early")
    clock.advance(timedelta(minutes=10))
    shop.add_mission("M-1")
    first = await read_pass(connector, link, EPOCH)
    clock.advance(timedelta(hours=1))

    await read_pass(connector, link, first.cursor)

    assert listings(partner)[-1]["statusChangedSince"] == "2026-03-02T09:20:00Z"


async def test_an_event_that_claims_to_be_in_the_future_does_not_move_the_cursor(
    connector: Claims360, partner: PlayedClaims360, shop: PlayedShop, link: OurLink
) -> None:
    shop.add_mission("M-now")
    shop.add_mission("M-future", statusChangedAt="2031-01-01T00:00:00Z")

    read = await read_pass(connector, link, EPOCH)
    await read_pass(connector, link, read.cursor)

    assert len(read.records) == 2
    assert listings(partner)[-1]["statusChangedSince"] == "2026-03-02T09:10:00Z"


async def test_an_idle_pass_costs_one_request_and_no_body(
    connector: Claims360, partner: PlayedClaims360, shop: PlayedShop, link: OurLink
) -> None:
    shop.add_mission("M-1")
    cursor = (await read_pass(connector, link, EPOCH)).cursor
    cursor = (await read_pass(connector, link, cursor)).cursor

    idle = await read_pass(connector, link, cursor)

    assert idle.records == []
    assert idle.cursor == cursor
    assert "If-None-Match" in partner.seen[-1].headers


async def test_an_etag_is_kept_only_when_the_whole_listing_was_read(
    connector: Claims360,
    partner: PlayedClaims360,
    shop: PlayedShop,
    link: OurLink,
    clock: FakeClock,
) -> None:
    for n in range(201):
        shop.add_mission(f"M-{n}", statusChangedAt="2026-03-02T09:00:00Z")
    start = '{"since":"2026-03-02T09:00:00Z"}'

    first = await connector.pull(link, start)
    last = await connector.pull(link, first.next_cursor)

    assert json.loads(first.next_cursor or "").get("etag") is None
    assert json.loads(last.next_cursor or "")["etag"]


async def test_an_expired_position_begins_the_listing_again(
    shop: PlayedShop, link: OurLink, connector: Claims360
) -> None:
    for n in range(250):
        shop.add_mission(f"M-{n:03d}")
    first = await connector.pull(link, EPOCH)
    shop.expire_cursors()

    rest = await read_pass(connector, link, first.next_cursor)

    assert len(rest.records) == 250
    assert rest.cursor != first.next_cursor


async def test_a_position_that_always_expires_ends_the_pass(
    connector: Claims360, shop: PlayedShop, link: OurLink, partner: PlayedClaims360
) -> None:
    for n in range(250):
        shop.add_mission(f"M-{n:03d}")

    async def expire(request: object) -> None:
        shop.expire_cursors()

    partner.before = expire

    with pytest.raises(UnexpectedAnswerError):
        await read_pass(connector, link, EPOCH)


async def test_a_page_that_leads_to_itself_is_a_loop(
    connector: Claims360, partner: PlayedClaims360, link: OurLink
) -> None:
    body = b'{"items":[],"hasMore":true,"nextCursor":"again","serverTime":"2026-03-02T09:15:00Z"}'
    partner.faults.append(Fault(status=200, body=body, times=2))
    first = await connector.pull(link, EPOCH)

    with pytest.raises(PageLoopError):
        await connector.pull(link, first.next_cursor)


async def test_a_listing_that_goes_in_circles_is_a_loop(
    connector: Claims360, partner: PlayedClaims360, link: OurLink
) -> None:
    for n in range(20):
        page = {
            "items": [
                {
                    "type": "mission",
                    "id": f"M-{n % 3}",
                    "status": "created",
                    "version": 1,
                    "statusChangedAt": f"2026-03-02T09:0{n % 3}:00Z",
                }
            ],
            "hasMore": True,
            "nextCursor": "abc"[n % 3],
            "serverTime": "2026-03-02T09:15:00Z",
        }
        partner.faults.append(Fault(status=200, body=json.dumps(page).encode()))

    with pytest.raises(PageLoopError):
        await read_pass(connector, link, EPOCH)

    assert len(partner.seen) <= 7


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[]",
        b"{}",
        b'{"items":{},"hasMore":false}',
        b'{"items":[],"hasMore":false}',
        b'{"items":[],"hasMore":false,"serverTime":"yesterday"}',
        b'{"items":[],"hasMore":true,"serverTime":"2026-03-02T09:15:00Z"}',
        b'{"items":[NaN',
    ],
)
async def test_a_page_that_is_not_what_the_contract_says_fails_the_pass(
    connector: Claims360, partner: PlayedClaims360, link: OurLink, body: bytes
) -> None:
    partner.faults.append(Fault(status=200, body=body))

    with pytest.raises(PayloadError):
        await connector.pull(link, EPOCH)


@pytest.mark.parametrize("text", ["", "{}", "no json", '{"since":"2026-03-02T09:00:00"}'])
async def test_a_cursor_that_is_none_of_ours_is_refused(
    connector: Claims360, link: OurLink, text: str
) -> None:
    with pytest.raises(PayloadError):
        await connector.pull(link, text)


async def test_one_bad_item_is_set_aside_and_the_others_go_on(
    connector: Claims360, shop: PlayedShop, link: OurLink
) -> None:
    shop.add_mission("M-1")
    shop.add_mission("M-2")
    shop.objects["mission", "M-1"].raw = b'{"type":"mission","id":"M-1","status":NaN}'

    read = await read_pass(connector, link, EPOCH)

    assert [record.partner_ref for record in read.records] == ["M-2"]
    assert [(item.partner_ref, item.raw) for item in read.unreadable] == [
        ("M-1", shop.objects["mission", "M-1"].raw)
    ]


async def test_an_item_of_an_unknown_type_is_kept_and_counted(
    connector: Claims360, shop: PlayedShop, link: OurLink
) -> None:
    shop.add_mission("M-1")
    shop.objects["mission", "M-1"].raw = b'{"type":"survey","id":"S-1"}'

    read = await read_pass(connector, link, EPOCH)

    assert [item.type for item in read.unknown] == ["survey"]
    assert (read.unreadable, read.records) == ([], [])
