"""What is expected and how it stands, as the platform lists it."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from syncer_assur3d import Assur3d
from syncer_assur3d.cursor import Cursor
from syncer_assur3d.played import PlayedAssur3d
from syncer_assur3d.played_office import Office

from syncer.sdk import (
    CredentialsRejectedError,
    MarkState,
    PageLoopError,
    PayloadError,
    Stage,
)
from syncer.testing import FakeClock, Fault


async def read_all(
    connector: Assur3d, link: Any, cursor: str | None = None
) -> tuple[list[Any], str]:
    """Read a pass; gives its pages and where the next one starts."""
    pages = []
    while True:
        page = await connector.pull(link, cursor)
        pages.append(page)
        cursor = page.next_cursor
        if not page.has_more:
            assert cursor is not None
            return pages, cursor


def refs(pages: list[Any]) -> list[str]:
    return [update.claim.partner_ref for page in pages for update in page.claim_updates]


async def test_check_takes_the_right_token_for_the_right_office_only(
    connector: Assur3d, open_link: Any, platform: PlayedAssur3d
) -> None:
    platform.add_office("O-8", "another-token")
    await connector.check(open_link())

    for wrong in ({"api_token": "wrong"}, {"office_id": "O-8"}, {"office_id": "O-9"}):
        with pytest.raises(CredentialsRejectedError):
            await connector.check(open_link(**wrong))


async def test_follow_up_becomes_a_claim_file_with_its_pieces(
    connector: Assur3d, link: Any, office: Office
) -> None:
    one = office.add("F-31")
    for type_, status in (("dt-permis", "received"), ("dt-kbis", "waived")):
        office.put(one, type_, status)

    (page,), _ = await read_all(connector, link)

    (update,) = page.claim_updates
    assert (update.claim.partner_ref, update.claim.reference) == ("F-31", "PR-F-31")
    assert update.claim.claim_type == "auto"
    assert update.stage is Stage.QUOTE
    assert {piece.type: piece.state for piece in update.pieces} == {
        "dt-permis": MarkState.RECEIVED,
        "dt-rib": None,
        "dt-kbis": MarkState.WAIVED,
    }
    assert update.data["client"] == {
        "name": "Dupont",
        "email": "f-31@client.example",
        "profile": "private",
    }
    assert update.data["extra"]["complete"] is False


async def test_conversion_keeps_the_id_and_names_the_contract(
    connector: Assur3d, link: Any, office: Office
) -> None:
    office.convert(office.add("F-1"))

    (page,), _ = await read_all(connector, link)

    (update,) = page.claim_updates
    assert (update.claim.partner_ref, update.stage) == ("F-1", Stage.CONVERTED)
    assert update.data["contract"] == {"type": "auto", "number": "C-F-1"}


async def test_rule_sets_come_once_and_again_when_they_change(
    connector: Assur3d, link: Any, office: Office, platform: PlayedAssur3d
) -> None:
    (first,), cursor = await read_all(connector, link)
    (second,), cursor = await read_all(connector, link, cursor)
    office.types["auto"][0] = ("dt-permis", "Permis (recto verso)", True)
    (third,), _ = await read_all(connector, link, cursor)

    assert {code: [d.id for d in some] for code, some in first.rule_sets.items()} == {
        "auto": ["dt-permis", "dt-rib", "dt-kbis"],
        "habitation": ["dt-bail", "dt-rib"],
    }
    assert [d.required for d in first.rule_sets["auto"]] == [True, True, False]
    assert second.rule_sets == {}
    renamed = third.rule_sets["auto"][0]
    assert (renamed.id, renamed.label) == ("dt-permis", "Permis (recto verso)")
    assert third.rule_sets.keys() == {"auto"}
    asked = [seen for seen in platform.seen if seen.path.endswith("/expected-documents")]
    assert ["If-None-Match" in seen.headers for seen in asked] == [False] * 2 + [True] * 4


async def test_pages_are_read_to_the_end_and_the_next_pass_overlaps(
    connector: Assur3d, link: Any, office: Office, clock: FakeClock, platform: PlayedAssur3d
) -> None:
    for number in range(205):
        office.add(f"F-{number:03}", updated_at=clock.now() + timedelta(milliseconds=number))
    clock.advance(timedelta(hours=1))

    pages, cursor = await read_all(connector, link)
    office.touch(office.follow_ups["F-000"])
    again, _ = await read_all(connector, link, cursor)

    assert len(pages) == 2
    assert set(refs(pages)) == set(office.follow_ups)
    assert refs(again)[-1] == "F-000"
    queries = [seen.query for seen in platform.seen if seen.path.endswith("/followups")]
    assert queries[0]["updatedSince"] == "1970-01-01T00:00:00Z"
    assert queries[1]["updatedSince"].startswith("2026-03-02T09:15:00.199")
    assert queries[2]["updatedSince"].startswith("2026-03-02T09:10:00.204")


async def test_nothing_is_lost_when_a_row_moves_between_pages(
    connector: Assur3d, link: Any, office: Office, clock: FakeClock
) -> None:
    for number in range(405):
        office.add(f"F-{number:03}", updated_at=clock.now() + timedelta(milliseconds=number))
    clock.advance(timedelta(hours=1))
    seen: set[str] = set()
    cursor, has_more = None, True

    while has_more:
        page = await connector.pull(link, cursor)
        seen |= set(refs([page]))
        cursor, has_more = page.next_cursor, page.has_more
        office.touch(office.follow_ups["F-005"])
        office.positions.clear()

    assert seen == set(office.follow_ups)


async def test_follow_ups_of_one_instant_are_read_by_position(
    connector: Assur3d, link: Any, office: Office, platform: PlayedAssur3d
) -> None:
    for number in range(405):
        office.add(f"F-{number:03}")

    pages, _ = await read_all(connector, link)

    assert set(refs(pages)) == set(office.follow_ups)
    queries = [seen.query for seen in platform.seen if seen.path.endswith("/followups")]
    assert ["cursor" in query for query in queries] == [False, False, True, True]


async def test_position_of_the_day_before_begins_again_and_is_given_up_after_a_while(
    connector: Assur3d, link: Any, office: Office, clock: FakeClock, platform: PlayedAssur3d
) -> None:
    for number in range(205):
        office.add(f"F-{number:03}")
    first = await connector.pull(link, None)
    second = await connector.pull(link, first.next_cursor)
    clock.advance(timedelta(hours=24))

    gone = await connector.pull(link, second.next_cursor)
    office.touch(office.follow_ups["F-003"])
    pages, _ = await read_all(connector, link, gone.next_cursor)

    assert gone.has_more
    assert gone.claim_updates == ()
    assert set(refs(pages)) == set(office.follow_ups)
    asked = [seen.query for seen in platform.seen if seen.path.endswith("/followups")][2:4]
    assert [sorted(query) for query in asked] == [["cursor", "limit"], ["limit", "updatedSince"]]
    assert asked[1]["updatedSince"] == "2026-03-02T09:15:00Z"
    cursor = Cursor(position="p-none", restarts=3).text()
    with pytest.raises(PageLoopError):
        await connector.pull(link, cursor)


async def test_start_date_leaves_history_out(
    connector: Assur3d, open_link: Any, office: Office, clock: FakeClock
) -> None:
    office.add("F-old", updated_at=clock.now() - timedelta(days=3))
    office.add("F-new")
    link = open_link(start_date=date(2026, 3, 1))

    pages, _ = await read_all(connector, link, await connector.first_cursor(link))

    assert refs(pages) == ["F-new"]
    assert await connector.first_cursor(open_link()) is None


async def test_one_bad_follow_up_is_set_aside_and_unknown_words_are_kept(
    connector: Assur3d, link: Any, office: Office
) -> None:
    office.add("F-bad", extra={"updatedAt": "yesterday"})
    office.add("F-nul", extra={"stage": "a\0b"})
    odd = office.add("F-odd", stage="frozen", extra={"colour": "blue"})
    office.put(odd, "dt-rib", "lost")

    (page,), _ = await read_all(connector, link)

    assert {(one.partner_ref, one.reason) for one in page.unreadable} == {
        ("F-bad", "updatedAt: is no instant with an offset"),
        ("F-nul", "holds a NUL character"),
    }
    (update,) = page.claim_updates
    assert (update.stage, update.data["extra"]["colour"]) == (None, "blue")
    assert {piece.type: piece.state for piece in update.pieces}["dt-rib"] is None
    assert {one.type for one in page.unknown} == {"stage frozen", "piece lost"}


async def test_rule_set_that_cannot_be_read_is_set_aside_and_all_else_goes_on(
    connector: Assur3d, link: Any, office: Office, platform: PlayedAssur3d
) -> None:
    office.types["auto"].append(("other", "Autre", True))
    office.types["habitation"][0] = ("dt-bail", "", True)
    office.types |= {"": [], "gone": []}
    office.add("F-1")
    platform.faults.append(Fault(status=404, path="/gone/expected-documents"))

    (page,), cursor = await read_all(connector, link)

    assert {(one.partner_ref, one.reason.partition(":")[0]) for one in page.unreadable} == {
        ("auto", "other"),
        (None, "code"),
    }
    assert {code: [d.label for d in some] for code, some in page.rule_sets.items()} == {
        "habitation": ["dt-bail", "RIB"]
    }
    assert refs([page]) == ["F-1"]
    assert Cursor.parse(cursor).etags.keys() == {"habitation"}


async def test_what_has_no_place_of_its_own_is_kept_where_it_stood(
    connector: Assur3d, link: Any, office: Office
) -> None:
    one = office.add("F-1")
    one.client["phone"] = "0612"
    one.pieces[0]["documentId"] = "d-1"

    (page,), _ = await read_all(connector, link)

    extra = page.claim_updates[0].data["extra"]
    assert extra["client"] == {"phone": "0612"}
    assert extra["pieces"] == one.pieces


async def test_change_from_the_future_does_not_move_the_start(
    connector: Assur3d, link: Any, office: Office, clock: FakeClock
) -> None:
    office.add("F-1")
    office.add("F-2", updated_at=clock.now() + timedelta(days=36500))

    pages, cursor = await read_all(connector, link)

    assert refs(pages) == ["F-1", "F-2"]
    assert Cursor.parse(cursor).since == clock.now() - timedelta(minutes=5)


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b"<html>", b'{"items": 1}'])
async def test_junk_is_a_payload_error(
    connector: Assur3d, link: Any, platform: PlayedAssur3d, body: bytes
) -> None:
    platform.faults.append(Fault(status=200, path="/followups", body=body))

    with pytest.raises(PayloadError):
        await connector.pull(link, None)


def test_cursor_that_is_none_of_ours_is_refused() -> None:
    with pytest.raises(PayloadError):
        Cursor.parse("yesterday")
