"""One repairer with a mission, two quotes and a photo at the partner, already pulled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from syncer_claims360.played_shop import PlayedShop

    from tests.api.conftest import House, Reply

LINK = "/v1/repairers/garage-7/links/claims360"


@dataclass
class Garage:
    """The repairer's side of the service, and its body shop at the partner."""

    house: House
    shop: PlayedShop

    async def pull(self) -> None:
        """Refresh and wait for the end."""
        reply = await self.house.refresh()
        assert reply.status == 200, reply.body

    async def settings(self, **own: Any) -> None:
        """Replace the link's own settings."""
        reply = await self.house.put(f"{LINK}/settings", own)
        assert reply.status == 200, reply.body

    async def items(self, query: str = "") -> list[dict[str, Any]]:
        """List records."""
        reply = await self.house.get(f"/v1/records?{query}")
        assert reply.status == 200, reply.body
        items: list[dict[str, Any]] = reply.json["items"]
        return items

    async def one(self, ref: str) -> dict[str, Any]:
        """Read the record of one partner reference."""
        states = "queued,accepted,dismissed,excluded"
        [record] = [
            item for item in await self.items(f"intake={states}") if item["partner_ref"] == ref
        ]
        return record

    async def do(self, ref: str, verb: str, headers: Mapping[str, str] | None = None) -> Reply:
        """Post to a record's verb."""
        record = await self.one(ref)
        return await self.house.post(f"/v1/records/{record['id']}/{verb}", headers=headers)


@pytest.fixture
async def garage(house: House) -> Garage:
    await house.add_repairer()
    shop = house.partner.add_shop()
    reply = await house.put(f"{LINK}/credentials", shop.credentials())
    assert reply.status == 201, reply.body
    garage = Garage(house, shop)
    await garage.settings(start_date="2020-01-01")
    shop.add_mission("M-1", status="assigned")
    shop.add_photo("M-1")
    shop.add_quote("M-1", "Q-1", smartExpertise=True)
    shop.add_quote("M-1", "Q-2", status="draft", smartExpertise=False)
    await garage.pull()
    return garage
