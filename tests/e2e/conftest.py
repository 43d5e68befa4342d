"""The program in a process of its own, beside a played Claims360."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from syncer_claims360.played import PlayedClaims360
from syncer_claims360.played_shop import PlayedShop

from syncer.cli import main
from syncer.vault import create_key_file
from tests.e2e.forked import forked
from tests.e2e.service import Service

LINK = "/v1/repairers/garage-7/links/claims360"


@pytest.fixture
def partner() -> PlayedClaims360:
    return PlayedClaims360()


@pytest.fixture
def shop(partner: PlayedClaims360) -> PlayedShop:
    return partner.add_shop()


@pytest.fixture
async def service(tmp_path: Path, partner: PlayedClaims360) -> AsyncIterator[Service]:
    """The program, configured and with a key, not started yet; forked, it starts fast."""
    async with partner.serve() as base_url, aiohttp.ClientSession() as http:
        service = Service(tmp_path, http, launch=forked(main))
        service.configure(base_url)
        create_key_file(tmp_path / "root.key")
        yield service
        if service.process is not None:
            await service.kill()


@pytest.fixture
async def running(service: Service, shop: PlayedShop) -> Service:
    """The program with its one link configured from the beginning of time."""
    await service.start()
    await service.good("PUT", f"{LINK}/settings", {"start_date": "2020-01-01"})
    await service.good("PUT", f"{LINK}/credentials", dict(shop.credentials()))
    return service
