"""Passes that are under way: joined, followed, cancelled."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aiohttp import web

    from tests.api.inbound.conftest import Garage


class Gate:
    """Holds the partner's answers back until it is opened."""

    def __init__(self) -> None:
        self.reached = asyncio.Event()
        self.opened = asyncio.Event()

    async def __call__(self, request: web.Request) -> None:
        self.reached.set()
        await asyncio.wait_for(self.opened.wait(), 20)


async def test_refresh_joins_the_pass_that_is_running(garage: Garage) -> None:
    gate = garage.house.partner.before = Gate()
    first = await garage.house.post("/v1/refresh", {"repairer": "garage-7"})
    await asyncio.wait_for(gate.reached.wait(), 10)

    second = await garage.house.post("/v1/refresh", {"repairer": "garage-7"})
    gate.opened.set()

    [started], [joined] = first.json["passes"], second.json["passes"]
    assert (joined["id"], joined["joined"]) == (started["id"], True)


async def test_waiting_refresh_answers_202_while_its_pass_runs(garage: Garage) -> None:
    gate = garage.house.partner.before = Gate()

    reply = await garage.house.post("/v1/refresh?wait=0.2", {"repairer": "garage-7"})
    gate.opened.set()

    assert reply.status == 202
    assert reply.json["passes"][0]["state"] == "running"


async def test_running_pass_is_cancelled_after_the_page_in_hand(garage: Garage) -> None:
    garage.shop.most_per_page = 1
    for number in range(3):
        garage.shop.add_mission(f"M-{20 + number}")
    gate = garage.house.partner.before = Gate()
    started = await garage.house.post("/v1/refresh", {"repairer": "garage-7"})
    await asyncio.wait_for(gate.reached.wait(), 10)
    id_ = started.json["passes"][0]["id"]

    cancelled = await garage.house.post(f"/v1/passes/{id_}/cancel")
    gate.opened.set()
    ended = await garage.house.post("/v1/refresh?wait=30", {"repairer": "garage-7"})

    shown = (await garage.house.get(f"/v1/passes/{id_}")).json
    assert cancelled.status == 200
    assert ended.status == 200
    assert (shown["state"], shown["pages"]) == ("cancelled", 1)


async def test_running_pass_is_listed_as_running(garage: Garage) -> None:
    gate = garage.house.partner.before = Gate()
    await garage.house.post("/v1/refresh", {"repairer": "garage-7"})
    await asyncio.wait_for(gate.reached.wait(), 10)

    listed = (await garage.house.get("/v1/passes?state=running")).json
    gate.opened.set()

    assert listed["total"] == 1
