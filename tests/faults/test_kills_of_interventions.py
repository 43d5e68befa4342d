"""kill -9 between the steps of a quote: its file and the quote itself are at the platform once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import cycle
from typing import Any

import pytest
from syncer_sinapps import wire
from syncer_sinapps.played import PlayedSinapps
from syncer_sinapps.played_world import PlayedAccount, PlayedMission

from tests.campaign import COUNTS, IS_CAMPAIGN
from tests.e2e.service import Service
from tests.faults.town import UNREACHABLE

REPAIRER = "garage-7"
SOON_SECONDS = 30.0
QUOTE = {
    "net": {"amount": "1240.50", "currency": "EUR"},
    "gross": {"amount": "1488.60", "currency": "EUR"},
    "validation": "insurer",
}
KILLS = (
    (wire.ADD_FILES, "applied"),
    (wire.DEPOSIT_QUOTE, "applied"),
    *(
        ((wire.ADD_FILES, "arriving"), (wire.DEPOSIT_QUOTE, "arriving"), ("documents", "any"))
        if IS_CAMPAIGN
        else ()
    ),
)
"""At which command the program is killed: as the platform gets it, or before it answers."""
CONFIGURATION = """
[connectors.sinapps]
enabled = true
base_url = "{base_url}"
allow_insecure = true
"""


@dataclass
class Office:
    """A repairer that deposits quotes through a program that is killed again and again."""

    service: Service
    partner: PlayedSinapps
    account: PlayedAccount
    quotes: int = 0

    async def mission(self) -> tuple[PlayedMission, str]:
        """Have a mission assigned whose appointment is made; gives it with its claim file."""
        mission = self.account.assign()
        mission.services[0].move("RendezVousPris")
        body = {"repairer": REPAIRER, "connector": "sinapps"}
        await self.service.good("POST", "/v1/refresh?wait=30", body)
        path = f"/v1/claim-files?partner_ref={mission.id}"
        [file] = (await self.service.good("GET", path))["items"]
        return mission, str(file["id"])

    async def deposit_and_die(self, claim_file: str, command: str, moment: str) -> str:
        """Have a quote accepted, and be killed at a moment of its sending; gives the delivery."""
        content = f"%PDF-1.4 {claim_file}".encode()
        path = f"/v1/claim-files/{claim_file}/documents"
        paper = await self.service.hand_in(path, content, "quote_pdf")

        async def kill(method: str, view: str, name: str) -> None:
            if command in {view, name} and (method == "PUT" or moment == "any"):
                await self.service.kill()

        self.partner.after = kill if moment == "applied" else None
        self.partner.before = None if moment == "applied" else kill
        body = {
            "claim_file": claim_file,
            "operation": "quote",
            "payload": QUOTE,
            "attachments": [paper["id"]],
        }
        key = f"quote-{self.quotes}"
        self.quotes += 1
        status, accepted = await self.service.ask("POST", "/v1/deliveries", body, key=key)
        assert status == 202, accepted
        assert self.service.process is not None
        await asyncio.wait_for(self.service.process.wait(), SOON_SECONDS)
        await self.service.kill()
        self.partner.before = self.partner.after = None
        await self.service.start()
        return str(accepted["id"])

    async def through(self, delivery: str) -> Any:
        """Wait until a delivery is through; what waits is asked to go on."""
        path = f"/v1/deliveries/{delivery}"
        async with asyncio.timeout(SOON_SECONDS):
            while True:
                shown = await self.service.good("GET", path)
                if shown["state"] == "delivered":
                    return shown
                assert shown["state"] in {"queued", "sending", "retrying"}, shown
                if shown["state"] == "retrying":
                    with suppress(*UNREACHABLE):
                        await self.service.ask("POST", f"{path}/retry")
                await asyncio.sleep(0.02)

    def told(self, mission: PlayedMission, name: str) -> int:
        """Count what the platform's log tells of a mission."""
        items = [item for event in self.account.log for item in event.items]
        return sum(item.name == name and item.mission is mission for item in items)


@pytest.fixture
async def office(service: Service) -> AsyncIterator[Office]:
    partner = PlayedSinapps()
    account = partner.add_account()
    async with partner.serve() as base_url:
        service.configure(
            service.base_url, interval="7d", more=CONFIGURATION.format(base_url=base_url)
        )
        await service.start()
        link = f"/v1/repairers/{REPAIRER}/links/sinapps/credentials"
        await service.good("PUT", link, partner.credentials(account))
        yield Office(service, partner, account)


@pytest.mark.timeout(1_200)
async def test_a_quote_and_its_file_are_deposited_once_whenever_the_program_is_killed(
    office: Office,
) -> None:
    kills = max(COUNTS.kills if IS_CAMPAIGN else 0, len(KILLS))
    for _, (command, moment) in zip(range(kills), cycle(KILLS), strict=False):
        mission, claim_file = await office.mission()

        delivery = await office.deposit_and_die(claim_file, command, moment)
        await office.through(delivery)

        assert [one.properties["cle"] for one in mission.documents] == [f"{delivery}-1"]
        assert office.told(mission, wire.QUOTE_DEPOSITED) == 1
        file = await office.service.good("GET", f"/v1/claim-files/{claim_file}")
        assert file["state"] == "quote_pending"
