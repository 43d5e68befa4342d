"""What a pass brings in, by the settings in force, as the API shows it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.api.inbound.conftest import Garage


async def pulled(garage: Garage) -> dict[str, Any]:
    """Pull once more; gives the pass."""
    id_ = (await garage.house.refresh()).json["passes"][0]["id"]
    shown: dict[str, Any] = (await garage.house.get(f"/v1/passes/{id_}")).json
    return shown


@pytest.mark.parametrize(
    ("queueing", "mission", "quote"),
    [
        pytest.param("all", "queued", "queued", id="all"),
        pytest.param("none", "accepted", "accepted", id="none"),
        pytest.param(["mission"], "queued", "accepted", id="missions-wait"),
    ],
)
async def test_queueing_decides_what_waits_for_a_person(
    garage: Garage, queueing: object, mission: str, quote: str
) -> None:
    await garage.settings(queueing=queueing)
    garage.shop.add_mission("M-2")
    garage.shop.add_quote("M-2", "Q-3")

    await garage.pull()

    assert (await garage.one("M-2"))["intake"]["state"] == mission
    assert (await garage.one("Q-3"))["intake"]["state"] == quote


async def test_excluded_item_is_counted_and_shown_with_its_rule(garage: Garage) -> None:
    await garage.settings(excludes=[{"rule": "drafts", "status": "draft"}])
    garage.shop.add_quote("M-1", "Q-3", status="draft")

    pass_ = await pulled(garage)

    assert pass_["counts"]["excluded"] == 1
    [record] = await garage.items("intake=excluded")
    assert (record["partner_ref"], record["intake"]["rule"]) == ("Q-3", "drafts")
    assert (record["lines"], record["attachments"]) == ([], [])


async def test_mere_edit_is_not_imported_and_the_next_status_change_brings_it(
    garage: Garage,
) -> None:
    garage.shop.edit("quote", "Q-1", number="2026/edited")
    await garage.pull()
    after_edit = await garage.one("Q-1")
    garage.shop.change_status("quote", "Q-1", "approved")
    pass_ = await pulled(garage)

    assert after_edit["number"] != "2026/edited"
    assert (await garage.one("Q-1"))["number"] == "2026/edited"
    assert pass_["counts"]["changed"] == 1


async def test_status_event_keeps_the_decision_of_a_person(garage: Garage) -> None:
    await garage.do("Q-1", "accept")

    garage.shop.change_status("quote", "Q-1", "approved")
    await garage.pull()

    intake = (await garage.one("Q-1"))["intake"]
    assert (intake["state"], intake["decided_by"]) == ("accepted", "person")


async def test_status_event_puts_a_dismissed_record_back_in_the_queue(garage: Garage) -> None:
    await garage.do("Q-1", "dismiss")

    garage.shop.change_status("quote", "Q-1", "approved")
    await garage.pull()

    intake = (await garage.one("Q-1"))["intake"]
    assert (intake["state"], intake["rule"]) == ("queued", "status event")


async def test_idle_refresh_changes_no_record(garage: Garage) -> None:
    before = await garage.items()

    pass_ = await pulled(garage)

    assert (pass_["counts"]["new"], pass_["counts"]["changed"]) == (0, 0)
    assert await garage.items() == before


async def test_withdrawn_object_is_marked_and_stays(garage: Garage) -> None:
    garage.shop.change_status("quote", "Q-1", "cancelled")
    garage.shop.add_mission("M-2")
    garage.shop.withdraw("mission", "M-1")
    garage.shop.change_status("quote", "Q-2", "closed")

    await garage.pull()

    assert (await garage.one("M-1"))["withdrawn"] is True
    assert (await garage.one("M-2"))["withdrawn"] is False


async def test_photo_that_came_later_is_stored_on_its_mission(garage: Garage) -> None:
    garage.shop.redeposit("M-1")

    await garage.pull()

    photos = (await garage.one("M-1"))["attachments"]
    assert [photo["state"] for photo in photos] == ["stored", "stored"]


async def test_photo_that_is_no_picture_is_refused_with_its_reason(garage: Garage) -> None:
    garage.shop.add_photo("M-1", b"<html><script>alert(1)</script></html>")
    garage.shop.change_status("mission", "M-1", "in_progress")

    await garage.pull()

    refused = (await garage.one("M-1"))["attachments"][1]
    content = await garage.house.get(f"/v1/attachments/{refused['id']}/content")
    assert refused["state"] == "refused"
    assert refused["reason"]
    assert content.status == 404
