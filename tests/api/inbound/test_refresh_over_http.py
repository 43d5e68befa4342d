"""Refresh now, and passes, over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.api.conftest import House
    from tests.api.inbound.conftest import Garage


async def test_refresh_that_waits_answers_when_its_pass_has_ended(garage: Garage) -> None:
    garage.shop.add_mission("M-2")

    reply = await garage.house.post("/v1/refresh?wait=30", {"repairer": "garage-7"})

    [started] = reply.json["passes"]
    assert reply.status == 200
    assert started == {
        "id": started["id"],
        "repairer": "garage-7",
        "connector": "claims360",
        "state": "succeeded",
        "joined": False,
    }
    assert reply.headers["Location"] == f"/v1/passes/{started['id']}"


async def test_refresh_that_does_not_wait_answers_at_once(garage: Garage) -> None:
    reply = await garage.house.post("/v1/refresh")

    assert reply.status == 202
    assert reply.json["passes"][0]["state"] in {"queued", "running", "succeeded"}


async def test_pass_shows_its_counts_and_times(garage: Garage) -> None:
    garage.shop.add_mission("M-2")
    id_ = (await garage.house.refresh()).json["passes"][0]["id"]

    shown = (await garage.house.get(f"/v1/passes/{id_}")).json

    assert (shown["trigger"], shown["state"], shown["error"]) == ("refresh", "succeeded", None)
    assert (shown["counts"]["new"], shown["counts"]["queued"]) == (1, 1)
    assert shown["created_at"] <= shown["started_at"] <= shown["ended_at"]


async def test_passes_are_listed_newest_first(garage: Garage) -> None:
    ids = [(await garage.house.refresh()).json["passes"][0]["id"] for _ in range(3)]

    first = (await garage.house.get("/v1/passes?limit=2&state=succeeded")).json
    rest = (await garage.house.get(f"/v1/passes?limit=50&after={first['next']}")).json

    assert [one["id"] for one in first["items"]] == [ids[2], ids[1]]
    assert rest["items"][0]["id"] == ids[0]
    assert first["total"] == 4


@pytest.mark.parametrize(
    ("query", "number"),
    [("repairer=garage-7", 1), ("repairer=garage-9", 0), ("state=failed", 0)],
)
async def test_passes_are_filtered(garage: Garage, query: str, number: int) -> None:
    assert (await garage.house.get(f"/v1/passes?{query}")).json["total"] == number


async def test_pass_that_ended_cannot_be_cancelled(garage: Garage) -> None:
    id_ = (await garage.house.refresh()).json["passes"][0]["id"]

    reply = await garage.house.post(f"/v1/passes/{id_}/cancel")

    assert (reply.status, reply.code) == (409, "pass_ended")


async def test_refresh_under_one_key_starts_one_pass(garage: Garage) -> None:
    headers = {"Idempotency-Key": "refresh-1"}
    first = await garage.house.post("/v1/refresh?wait=30", {}, headers=headers)

    again = await garage.house.post("/v1/refresh?wait=30", {}, headers=headers)

    assert (again.status, again.json) == (first.status, first.json)


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        pytest.param({"repairer": "nobody"}, 404, "not_found", id="unknown-repairer"),
        pytest.param({"connector": "nowhere"}, 404, "not_found", id="unknown-connector"),
        pytest.param({"connector": "darva"}, 409, "connector_disabled", id="disabled"),
        pytest.param({"repairer": "Bad Slug"}, 422, "invalid", id="no-slug"),
        pytest.param({"wait": 5}, 422, "invalid", id="unknown-member"),
    ],
)
async def test_refresh_of_what_cannot_run_is_refused(
    house: House, body: dict[str, object], status: int, code: str
) -> None:
    reply = await house.post("/v1/refresh", body)

    assert (reply.status, reply.code) == (status, code)


async def test_refresh_of_an_unconfigured_link_is_refused(house: House) -> None:
    await house.add_repairer()

    named = await house.post("/v1/refresh", {"repairer": "garage-7", "connector": "claims360"})
    all_of_it = await house.post("/v1/refresh", {"repairer": "garage-7"})

    assert (named.status, named.code) == (409, "link_unconfigured")
    assert (all_of_it.status, all_of_it.code) == (409, "link_unconfigured")


async def test_refresh_without_any_active_link_has_nothing_to_do(house: House) -> None:
    reply = await house.post("/v1/refresh?wait=5")

    assert (reply.status, reply.json) == (200, {"passes": []})


@pytest.mark.parametrize("wait", ["61", "-1", "soon"])
async def test_refresh_waits_no_longer_than_a_minute(house: House, wait: str) -> None:
    reply = await house.post(f"/v1/refresh?wait={wait}")

    assert (reply.status, reply.pointers) == (422, ["/wait"])
