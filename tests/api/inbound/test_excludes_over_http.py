"""Exclude rules over HTTP: tried, applied, taken back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.api.conftest import House
    from tests.api.inbound.conftest import Garage

EXCLUDES = "/v1/repairers/garage-7/links/claims360/excludes"
NO_DRAFTS = [{"rule": "drafts", "status": "draft"}]


async def test_preview_says_what_would_change_and_changes_nothing(garage: Garage) -> None:
    record = await garage.one("Q-2")

    reply = await garage.house.post(f"{EXCLUDES}/preview", {"excludes": NO_DRAFTS})

    assert reply.json == {
        "items": [
            {
                "record": record["id"],
                "kind": "quote",
                "partner_ref": "Q-2",
                "current": {"state": "queued", "rule": "queueing = all"},
                "would_be": {"state": "excluded", "rule": "drafts"},
                "kept": False,
            }
        ]
    }
    assert await garage.one("Q-2") == record


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        pytest.param({}, "/excludes", id="no-rules"),
        pytest.param({"excludes": [{"colour": "red"}]}, "/excludes/0/colour", id="unknown-field"),
        pytest.param({"excludes": [{}]}, "/excludes/0", id="empty-rule"),
        pytest.param({"excludes": ["draft"]}, "/excludes/0", id="no-object"),
    ],
)
async def test_rules_that_cannot_be_read_are_named(
    house: House, body: dict[str, object], pointer: str
) -> None:
    await house.add_repairer()

    reply = await house.post(f"{EXCLUDES}/preview", body)

    assert (reply.status, reply.pointers) == (422, [pointer])


async def test_apply_excludes_by_the_rules_in_force(garage: Garage) -> None:
    await garage.settings(excludes=NO_DRAFTS)

    reply = await garage.house.post(f"{EXCLUDES}/apply")

    assert reply.json == {"matched": 3, "changed": 1}
    excluded = await garage.one("Q-2")
    assert (excluded["intake"]["state"], excluded["intake"]["rule"]) == ("excluded", "drafts")
    assert excluded["lines"] == []


async def test_excluded_record_cannot_be_accepted(garage: Garage) -> None:
    await garage.settings(excludes=NO_DRAFTS)
    await garage.house.post(f"{EXCLUDES}/apply")

    reply = await garage.do("Q-2", "accept")

    assert (reply.status, reply.code) == (409, "excluded")


async def test_record_that_was_never_completed_gets_its_lines_when_it_comes_back(
    garage: Garage,
) -> None:
    await garage.settings(excludes=[{"rule": "new ones", "status": "submitted"}])
    garage.shop.add_quote("M-1", "Q-3")
    await garage.pull()
    bare = await garage.one("Q-3")
    await garage.settings(excludes=[])

    await garage.house.post(f"{EXCLUDES}/apply")
    await garage.pull()

    back = await garage.one("Q-3")
    assert (bare["lines"], bare["claim_file"]) == ([], None)
    assert back["intake"]["state"] == "queued"
    assert back["lines"]
    assert back["claim_file"] == (await garage.one("M-1"))["claim_file"]


@pytest.mark.parametrize(
    ("path", "code"),
    [
        pytest.param("/v1/repairers/nobody/links/claims360", "not_found", id="repairer"),
        pytest.param("/v1/repairers/garage-7/links/nowhere", "not_found", id="connector"),
        pytest.param("/v1/repairers/garage-7/links/darva", "connector_disabled", id="disabled"),
    ],
)
async def test_link_that_is_not_there_is_refused(house: House, path: str, code: str) -> None:
    await house.add_repairer()

    previewed = await house.post(f"{path}/excludes/preview", {"excludes": []})
    applied = await house.post(f"{path}/excludes/apply")

    assert (previewed.code, applied.code) == (code, code)
