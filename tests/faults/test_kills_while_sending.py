"""kill -9 before, during and after each send: the portal has each claim once, with its files."""

from __future__ import annotations

import asyncio
import random  # noqa: TID251 - the moment of a kill is meant to be any
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count, cycle
from typing import Any

import pytest
from aiohttp import web
from syncer_restart.played import PlayedRestart
from syncer_restart.played_account import Account

from tests.campaign import COUNTS, IS_CAMPAIGN
from tests.e2e.service import Service
from tests.faults.town import UNREACHABLE

REPAIRER = "garage-7"
SOON_SECONDS = 30.0
LONGEST_LIFE_SECONDS = 0.3
MANDATORY = ("denuncia", "mandato", "cessione_credito", "richiesta_danni", "documento_identita")
KILLS = (
    ("claim_upload", "arriving"),
    ("claim_upload", "applied"),
    ("claim_follow_up", "applied"),
    *(
        (("claim_upload", "any"), ("claim_follow_up", "any"), ("claim_follow_up", "arriving"))
        if IS_CAMPAIGN
        else ()
    ),
)
"""What is sent, and when the program is killed: as the portal gets it, or before it answers."""
CONFIGURATION = """
[connectors.restart]
enabled = true
base_url = "{base_url}"
allow_insecure = true
"""


@dataclass
class Shop:
    """A repairer that sends to the portal through a program that is killed again and again."""

    service: Service
    portal: PlayedRestart
    account: Account
    keys: count[int] = field(default_factory=count)

    async def claim_file(self) -> str:
        """Make a claim file with all that the portal wants; gives its id."""
        body = {
            "repairer": REPAIRER,
            "connector": "restart",
            "reference": f"P-{next(self.keys)}",
            "data": {
                "channel": "RESTART",
                "centre": {"vat_number": "01234567897", "name": "ASP Demo srl"},
            },
        }
        made = await self.service.good("POST", "/v1/claim-files", body)
        for type_ in MANDATORY:
            await self.hand_in(made["id"], type_)
        return str(made["id"])

    async def hand_in(self, claim_file: str, type_: str) -> None:
        """Hand in a document."""
        content = f"%PDF-1.4 {type_} {claim_file}".encode()
        await self.service.hand_in(f"/v1/claim-files/{claim_file}/documents", content, type_)

    async def send_and_die(self, claim_file: str, operation: str, moment: str) -> Any:
        """Have a delivery accepted, and be killed at a moment of its sending; gives it."""
        self.portal.before = self._kill if moment == "arriving" else None
        self.portal.after = self._kill if moment == "applied" else None
        body = {"claim_file": claim_file, "operation": operation, "payload": {}}
        key = f"key-{next(self.keys)}"
        status, accepted = await self.service.ask("POST", "/v1/deliveries", body, key=key)
        assert status == 202, accepted
        if moment == "any":
            await asyncio.sleep(random.uniform(0, LONGEST_LIFE_SECONDS))
        else:
            assert self.service.process is not None
            await asyncio.wait_for(self.service.process.wait(), SOON_SECONDS)
        await self.service.kill()
        self.portal.before = self.portal.after = None
        await self.service.start()
        return accepted

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

    async def check(self, claim_file: str, number: str) -> None:
        """Compare a claim file with what the portal has of it: one claim with these files."""
        shown = await self.service.good("GET", f"/v1/claim-files/{claim_file}")
        known = [one for one in self.account.claims.values() if one.reference == shown["reference"]]
        assert [one.number for one in known] == [shown["partner_ref"]] == [number]
        rows = await self.service.good("GET", f"/v1/claim-files/{claim_file}/documents")
        ids = {document["id"] for row in rows["items"] for document in row["documents"]}
        assert known[0].attachments.keys() == ids
        operations = [
            (await self.service.good("GET", f"/v1/deliveries/{id_}"))["operation"]
            for id_ in shown["deliveries"]
        ]
        assert [each["event"] for each in shown["timeline"]] == operations

    async def _kill(self, request: web.Request) -> None:
        if request.method == "POST":
            await self.service.kill()


@pytest.fixture
async def shop(service: Service) -> AsyncIterator[Shop]:
    portal = PlayedRestart()
    account = portal.add_account()
    async with portal.serve() as base_url:
        service.configure(
            service.base_url, interval="7d", more=CONFIGURATION.format(base_url=base_url)
        )
        await service.start()
        link = f"/v1/repairers/{REPAIRER}/links/restart/credentials"
        await service.good("PUT", link, account.credentials())
        yield Shop(service, portal, account)


@pytest.mark.timeout(1_200)
async def test_a_claim_is_at_the_portal_once_whenever_the_program_is_killed(
    shop: Shop, record_property: Callable[[str, object], None]
) -> None:
    kills = max(COUNTS.kills, len(KILLS))
    claim_file, first = "", ""
    for _, (operation, moment) in zip(range(kills), cycle(KILLS), strict=False):
        if operation == "claim_upload":
            claim_file = await shop.claim_file()
        else:
            await shop.hand_in(claim_file, "preventivo")
        sent = await shop.send_and_die(claim_file, operation, moment)
        delivery = await shop.through(sent["id"])
        if operation == "claim_upload":
            first = delivery["receipt"]["partner_ref"]
        await shop.check(claim_file, first)
    record_property("kills while sending", kills)
