"""Connectors that break every rule, beside a good one that must not notice."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping
from typing import Any

from syncer_claims360.played import PlayedClaims360
from syncer_claims360.played_shop import PlayedShop

from tests.e2e.conftest import LINK
from tests.e2e.forked import forked
from tests.e2e.service import Service
from tests.faults import impatient, zoo

LONGEST_DELAY_SECONDS = 8.0
"""Two intervals of the good link, and the rest for a busy machine."""
MISSIONS = 4
CODES = {
    "raises": {"connector_failed"},
    "exits": {"connector_failed"},
    "interrupts": {"connector_failed"},
    "cancels": {"connector_failed"},
    "quits-plainly": {"connector_failed"},
    "hangs": {"timeout"},
    "clings": {"retry_later"},
    "clings-to-details": {"retry_later"},
    "junk": {"connector_failed"},
    "endless": {"page_loop"},
    "circles": {"page_loop"},
}
HUNG = {"clings", "clings-to-details"}


async def open_zoo(
    service: Service, shop: PlayedShop, animals: Mapping[str, str], *, linked: bool = True
) -> None:
    """Start the program with one good connector and some of the zoo, all linked."""
    packages = service.folder / "packages"
    for name, behaviour in animals.items():
        zoo.install(packages, name, behaviour)
    tables = "".join(map(zoo.table, animals))
    service.configure(service.base_url, interval="1s", more=tables)
    service.environment = {"PYTHONPATH": str(packages)}
    service.launch = forked(impatient.main)
    await service.start()
    await service.good("PUT", f"{LINK}/settings", {"start_date": "2020-01-01"})
    await service.good("PUT", f"{LINK}/credentials", dict(shop.credentials()))
    for name in animals if linked else ():
        path = f"/v1/repairers/garage-7/links/{name}/credentials"
        await service.good("PUT", path, {"token": "t"})


async def delays(service: Service, shop: PlayedShop, missions: int = MISSIONS) -> list[float]:
    """Add missions at the good partner one by one; gives how long each took to come to us."""
    found = []
    for _ in range(missions):
        ref = shop.add_mission()["id"]
        began = time.monotonic()
        async with asyncio.timeout(20):
            while ref not in await refs(service):  # noqa: ASYNC110 - over HTTP
                await asyncio.sleep(0.1)
        found.append(time.monotonic() - began)
    return found


async def refs(service: Service) -> dict[str, str]:
    shown = await service.everything("/v1/records?connector=claims360")
    return {record["partner_ref"]: record["status"] for record in shown}


async def errors_of(service: Service, name: str) -> set[str]:
    passes = await service.good("GET", f"/v1/passes?connector={name}&limit=100")
    return {one["error"]["code"] for one in passes["items"] if one["error"]}


def logged(service: Service, event: str) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in service.log().splitlines() if line.startswith("{")]
    return [line for line in lines if line["event"] == event]


async def test_a_zoo_of_bad_connectors_disturbs_nobody_else(
    service: Service, shop: PlayedShop, partner: PlayedClaims360
) -> None:
    await open_zoo(service, shop, zoo.ANIMALS)

    took = await delays(service, shop)

    assert max(took) < LONGEST_DELAY_SECONDS
    assert {name: await errors_of(service, name) for name in CODES} == CODES
    installed = {one["name"]: one for one in await service.everything("/v1/connectors")}
    quarantined = {name for name, one in installed.items() if one["state"] == "quarantined"}
    assert quarantined == HUNG
    assert all("did not end" in installed[name]["reason"] for name in HUNG)
    told = {line["connector"] for line in logged(service, "connector_quarantined")}
    assert told == HUNG
    assert set((await refs(service)).values()) == {"created"}
    assert (await service.ask("GET", "/readyz"))[0] == 200
    began = time.monotonic()
    assert await service.stop() == 0
    assert time.monotonic() - began < 25


async def test_a_connector_that_blocks_everybody_is_named_and_set_aside(
    service: Service, shop: PlayedShop, partner: PlayedClaims360
) -> None:
    await open_zoo(service, shop, {"blocks": zoo.BLOCKER})

    async with asyncio.timeout(20):
        while not logged(service, "connector_quarantined"):  # noqa: ASYNC110 - another process's
            await asyncio.sleep(0.2)
    took = await delays(service, shop, 2)

    blocked = await service.good("GET", "/v1/connectors/blocks")
    assert "blocked the event loop" in blocked["reason"]
    assert {line["connector"] for line in logged(service, "loop_blocked")} == {"blocks"}
    assert max(took) < LONGEST_DELAY_SECONDS
    assert await service.stop() == 0


async def test_credentials_for_a_connector_that_hangs_are_refused_in_time(
    service: Service, shop: PlayedShop
) -> None:
    await open_zoo(service, shop, {"hangs-in-check": zoo.CLINGS_TO_CHECK}, linked=False)
    path = "/v1/repairers/garage-7/links/hangs-in-check/credentials"

    async with asyncio.timeout(10):
        first = await service.ask("PUT", path, {"token": "t"})
        second = await service.ask("PUT", path, {"token": "t"})

    assert (first[0], first[1]["code"]) == (503, "partner_unreachable")
    assert (second[0], second[1]["code"]) == (409, "link_unavailable")
    shown = await service.good("GET", "/v1/connectors/hangs-in-check")
    assert (shown["state"], "did not end" in shown["reason"]) == ("quarantined", True)
    assert await service.stop() == 0
