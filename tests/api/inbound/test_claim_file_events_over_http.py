"""What the planning system reports of claim files, over HTTP."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from syncer.domain.instants import to_text

if TYPE_CHECKING:
    from tests.api.conftest import Reply
    from tests.api.inbound.conftest import Garage


async def path_of(garage: Garage) -> str:
    """Give the path of the mission's claim file."""
    return f"/v1/claim-files/{(await garage.one('M-1'))['claim_file']}"


async def report(garage: Garage, event: str, **more: Any) -> Reply:
    """Report an event of the mission's claim file."""
    headers = more.pop("headers", None)
    path = f"{await path_of(garage)}/events"
    return await garage.house.post(path, {"event": event, **more}, headers=headers)


async def names(garage: Garage) -> list[str]:
    shown = (await garage.house.get(await path_of(garage))).json
    return [entry["event"] for entry in shown["timeline"]]


async def test_a_stage_is_reported_and_stands_in_the_timeline(garage: Garage) -> None:
    at = "2026-03-02T10:14:05+01:00"

    reply = await report(garage, "converted", sales_document="O-7", at=at)

    assert reply.status == 200
    assert reply.json == (await garage.house.get(await path_of(garage))).json
    [entry] = reply.json["timeline"]
    assert (entry["event"], entry["at"], entry["note"]) == (
        "converted",
        "2026-03-02T09:14:05Z",
        "O-7",
    )
    assert (entry["from"], entry["to"], entry["record"], entry["delivery"]) == (None,) * 4


async def test_a_stage_that_is_reached_is_not_reached_again_nor_left(garage: Garage) -> None:
    await report(garage, "archived")

    again = await report(garage, "archived")
    back = await report(garage, "converted")

    assert (again.status, len(again.json["timeline"])) == (200, 1)
    assert (back.status, back.code) == (409, "transition_refused")
    assert "archived" in back.json["detail"]


async def test_files_without_states_refuse_events_that_move_states(garage: Garage) -> None:
    reply = await report(garage, "linked_to_sales_document", sales_document="F-1")

    assert (reply.status, reply.code) == (409, "transition_refused")
    assert await names(garage) == []


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"event": "sold"}, "/event"),
        ({"event": 3}, "/event"),
        ({}, "/event"),
        ({"event": "converted", "at": "yesterday"}, "/at"),
        ({"event": "converted", "at": "2026-03-02T09:14:05"}, "/at"),
        ({"event": "converted", "at": "0001-01-01T00:00:00+23:59"}, "/at"),
        ({"event": "converted", "sales_document": ""}, "/sales_document"),
        ({"event": "converted", "salesdocument": "x"}, "/salesdocument"),
    ],
    ids=["unknown", "number", "none", "no instant", "naive", "too early", "empty", "other field"],
)
async def test_a_body_that_cannot_be_used_names_the_field(
    garage: Garage, body: dict[str, Any], pointer: str
) -> None:
    reply = await garage.house.post(f"{await path_of(garage)}/events", body)

    assert (reply.status, reply.pointers) == (422, [pointer])


async def test_an_event_may_be_a_little_ahead_and_not_in_the_future(garage: Garage) -> None:
    now = garage.house.clock.now()

    ahead = await report(garage, "converted", at=to_text(now + timedelta(minutes=1)))
    future = await report(garage, "archived", at=to_text(now + timedelta(hours=1)))

    assert ahead.status == 200
    assert (future.status, future.pointers) == (422, ["/at"])


async def test_the_same_key_reports_once(garage: Garage) -> None:
    headers = {"Idempotency-Key": "k-1"}

    first = await report(garage, "converted", headers=headers)
    again = await report(garage, "converted", headers=headers)
    other = await report(garage, "archived", headers=headers)

    assert (first.status, again.json) == (200, first.json)
    assert (other.status, other.code) == (422, "idempotency_mismatch")
    assert await names(garage) == ["converted"]


async def test_a_reader_of_an_older_version_is_told(garage: Garage) -> None:
    tag = (await garage.house.get(await path_of(garage))).headers["ETag"]

    first = await report(garage, "converted", headers={"If-Match": tag})
    stale = await report(garage, "archived", headers={"If-Match": tag})

    assert (first.status, stale.status, stale.code) == (200, 412, "stale")


async def test_a_file_that_is_not_there_is_not_found(garage: Garage) -> None:
    reply = await garage.house.post("/v1/claim-files/none/events", {"event": "converted"})

    assert (reply.status, reply.code) == (404, "not_found")
