"""Reading the statuses: none is lost while rows move, and each says what happened to its file."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st
from syncer_restart import Restart, RestartCredentials
from syncer_restart.cursor import Cursor, Seen
from syncer_restart.played import PlayedRestart
from syncer_restart.played_account import Account

from syncer.sdk import CredentialsRejectedError, Link, PageLoopError, PayloadError, Settings
from syncer.testing import START, FakeClock, Fault, read_pass

OurLink = Link[RestartCredentials, Settings]
OpenLink = Callable[..., OurLink]


def asked(portal: PlayedRestart) -> list[tuple[str | None, str]]:
    return [
        (seen.query.get("modificateDal"), seen.query["pagina"])
        for seen in portal.seen
        if "pagina" in seen.query
    ]


async def numbers(connector: Restart, link: OurLink, cursor: str | None = None) -> set[str]:
    read = await read_pass(connector, link, cursor)
    return {update.claim.partner_ref for update in read.claim_updates}


async def test_check_takes_user_and_password_in_utf_8(connector: Restart, link: OurLink) -> None:
    await connector.check(link)


async def test_check_refuses_a_wrong_password(connector: Restart, open_link: OpenLink) -> None:
    with pytest.raises(CredentialsRejectedError):
        await connector.check(open_link(password="passwort"))


async def test_the_asp_centres_are_the_choices_of_centre(connector: Restart, link: OurLink) -> None:
    assert {"vat_number": "01234567897", "name": "ASP Demo srl"} in await connector.choices(
        link, "centre"
    )


async def test_a_row_says_what_happened_to_its_claim_file(
    connector: Restart, account: Account, link: OurLink
) -> None:
    account.add_claim("P-1", number="D-1", centre={"piva": "01234567897", "ragioneSociale": "ASP"})
    account.move("D-1", "rimborso_parziale", refunded="1200.00")
    account.claims["D-1"].since = "2026-03-02T10:15:00.123456789+01:00"

    [update] = (await read_pass(connector, link, None)).claim_updates

    assert (update.claim.partner_ref, update.claim.reference) == ("D-1", "P-1")
    assert update.at == datetime(2026, 3, 2, 9, 15, 0, 123456, UTC)
    assert update.data == {
        "centre": {"vat_number": "01234567897", "name": "ASP"},
        "extra": {"stato": "rimborso_parziale", "rimborsato": "1200.00", "valuta": "EUR"},
    }
    [event] = update.events
    assert (event.name, event.at, event.note) == ("rimborso_parziale", update.at, "1200.00 EUR")


async def test_the_same_row_again_is_the_same_event(
    connector: Restart, account: Account, link: OurLink
) -> None:
    account.add_claim("P-1", number="D-1", since="2026-03-02T09:15:00Z")
    first = await read_pass(connector, link, None)
    account.claims["D-1"].since = "2026-03-02T10:15:00.000+01:00"

    again = await read_pass(connector, link, first.cursor)

    keys = [update.events[0].key for update in (*first.claim_updates, *again.claim_updates)]
    assert len(keys) == 2
    assert keys[0] == keys[1]


async def test_an_unknown_status_is_kept_and_counted(
    connector: Restart, account: Account, link: OurLink
) -> None:
    account.add_claim(None, "sospesa", number="D-1")

    read = await read_pass(connector, link, None)

    assert read.claim_updates[0].events[0].name == "sospesa"
    assert read.claim_updates[0].claim.reference is None
    assert [(one.type, one.partner_ref) for one in read.unknown] == [("status sospesa", "D-1")]


@pytest.mark.parametrize(
    "row",
    [
        {"numeroDenuncia": "D-2", "stato": "ricevuta", "statoDal": "yesterday"},
        {"numeroDenuncia": "D-2", "stato": "ricevuta", "statoDal": "2026-03-02T09:15:00"},
        {"numeroDenuncia": "D-2", "statoDal": "2026-03-02T09:15:00Z"},
        {"numeroDenuncia": "D-2", "stato": "chiuso", "statoDal": "2026-03-02T09:15:00Z", "x": "\0"},
        {
            "numeroDenuncia": "D-2",
            "stato": "chiuso",
            "statoDal": "2026-03-02T09:15:00Z",
            "rimborsato": 1200.0,
        },
    ],
    ids=repr,
)
async def test_a_bad_row_is_set_aside_and_the_others_go_on(
    connector: Restart, account: Account, link: OurLink, row: dict[str, Any]
) -> None:
    account.add_claim("P-1", number="D-1")
    account.raw.append(json.dumps(row).encode())

    read = await read_pass(connector, link, None)

    assert [update.claim.partner_ref for update in read.claim_updates] == ["D-1"]
    assert [one.partner_ref for one in read.unreadable] == ["D-2"]


async def test_every_page_is_asked_for_by_time(
    connector: Restart, portal: PlayedRestart, account: Account, link: OurLink, clock: FakeClock
) -> None:
    for n in range(250):
        account.add_claim(f"P-{n}", number=f"D-{n:03d}")
        clock.advance(timedelta(seconds=1))

    assert len(await numbers(connector, link)) == 250
    assert asked(portal) == [
        (None, "1"),
        ("2026-03-02T09:16:39Z", "1"),
        ("2026-03-02T09:18:18Z", "1"),
    ]


async def test_the_next_pass_asks_again_for_five_minutes(
    connector: Restart, portal: PlayedRestart, account: Account, link: OurLink, clock: FakeClock
) -> None:
    account.add_claim("P-1")
    first = await read_pass(connector, link, None)
    clock.advance(timedelta(hours=1))

    again = await read_pass(connector, link, first.cursor)

    assert asked(portal)[-1] == ("2026-03-02T09:10:00Z", "1")
    assert again.cursor == first.cursor


async def test_a_start_date_begins_at_midnight_in_italy_and_the_overlap_stays_behind_it(
    connector: Restart, portal: PlayedRestart, account: Account, open_link: OpenLink
) -> None:
    account.add_claim("P-old", since="2026-03-01T22:59:59Z")
    account.add_claim("P-new", number="D-new", since="2026-03-01T23:00:00Z")
    link = open_link(start_date=date(2026, 3, 2))
    cursor = await connector.first_cursor(link)

    read = await read_pass(connector, link, cursor)

    assert [update.claim.partner_ref for update in read.claim_updates] == ["D-new"]
    assert read.cursor == cursor
    assert asked(portal) == [("2026-03-01T23:00:00Z", "1")]


async def test_a_status_in_the_future_does_not_carry_the_cursor_along(
    connector: Restart, account: Account, link: OurLink
) -> None:
    account.add_claim("P-1")
    account.add_claim("P-2", since="2999-01-01T00:00:00Z")

    read = await read_pass(connector, link, None)

    assert len(read.claim_updates) == 2
    assert read.cursor == '{"since":"2026-03-02T09:10:00Z"}'


async def test_rows_that_move_between_two_pages_are_not_lost(
    connector: Restart, portal: PlayedRestart, account: Account, link: OurLink, clock: FakeClock
) -> None:
    for n in range(220):
        account.add_claim(f"P-{n}", number=f"D-{n:03d}")
        clock.advance(timedelta(seconds=1))

    async def move(request: web.Request) -> None:
        for claim in account.listing(request.query.get("modificateDal"))[:7]:
            account.move(claim.number, "validata")
        clock.advance(timedelta(seconds=1))

    portal.before = move
    assert len(await numbers(connector, link)) == 220


async def test_rows_that_share_an_instant_are_not_lost_when_one_leaves_it(
    connector: Restart, portal: PlayedRestart, account: Account, link: OurLink, clock: FakeClock
) -> None:
    for n in range(250):
        account.add_claim(f"P-{n}", number=f"D-{n:03d}")
    later = START + timedelta(hours=1)
    account.add_claim("P-late", number="D-late", since=later)
    moved = iter(["D-000", "D-001"])

    async def move(request: web.Request) -> None:
        clock.jump(later - clock.now())
        if request.query["pagina"] == "2" and (number := next(moved, None)):
            account.move(number, "validata")

    portal.before = move
    assert len(await numbers(connector, link)) == 251


async def test_a_portal_that_pages_in_circles_is_left_alone(
    connector: Restart, portal: PlayedRestart, link: OurLink
) -> None:
    row = '{"numeroDenuncia":"D-1","stato":"ricevuta","statoDal":"2026-03-02T09:15:00Z"}'
    for body in (f'{{"denunce":[{row}],"altre":true}}', '{"denunce":[],"altre":true}'):
        portal.faults = [Fault(status=200, times=50, body=body.encode())]
        with pytest.raises(PageLoopError):
            await read_pass(connector, link, None)


@pytest.mark.parametrize("body", [b"<html>", b"[]", b'{"denunce":[]}', b"\xff", b""])
async def test_a_page_that_is_none_fails_the_pass(
    connector: Restart, portal: PlayedRestart, link: OurLink, body: bytes
) -> None:
    portal.faults = [Fault(status=200, body=body)]

    with pytest.raises(PayloadError):
        await connector.pull(link, None)


@given(
    st.lists(st.tuples(st.integers(0, 4), st.integers(0, 9)), max_size=30),
    st.lists(st.tuples(st.integers(0, 29), st.integers(1, 3)), max_size=12),
    st.integers(1, 4),
)
def test_the_walk_sees_every_row(
    rows: list[tuple[int, int]], moves: list[tuple[int, int]], size: int
) -> None:
    """Rows move on between any two pages of a listing with few instants and tiny pages."""
    at = {f"D-{n:02d}": second for n, (second, _) in enumerate(rows)}
    cursor, seen, steps, moving = Cursor(), set[tuple[str, int]](), 0, list(moves)
    while steps < 500:
        since, page = cursor.query()["modificateDal"], int(str(cursor.query()["pagina"]))
        first = parse(str(since)) if since else 0
        listed = sorted((second, number) for number, second in at.items() if second >= first)
        chunk = listed[(page - 1) * size : page * size]
        seen |= {(number, second) for second, number in chunk}
        found = [Seen(number=number, since=text(second)) for second, number in chunk]
        cursor = cursor.after(found, has_more=len(listed) > page * size, now=None)
        if cursor.walk is None:
            break
        if moving and steps % 5 == 0:
            which, by = moving.pop()
            number = f"D-{which:02d}"
            if number in at:
                at[number] = max(at.values()) + by
        steps += 1

    assert cursor.walk is None
    assert {number for number, _ in seen} >= set(at)


def text(second: int) -> str:
    return (START + timedelta(seconds=second)).isoformat()


def parse(since: str) -> int:
    return int((datetime.fromisoformat(since) - START).total_seconds())
