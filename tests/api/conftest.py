"""The whole service behind its HTTP API on loopback: real store, vault and connector."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from syncer_claims360 import Claims360
from syncer_claims360.played import PlayedClaims360

from syncer.api.application import create_application
from syncer.bootstrap.breakers import StoredBreakers
from syncer.bootstrap.wiring import Ports, Wired, wire
from syncer.config import Settings
from syncer.dispatch.ambient import SystemChance, SystemClock, UuidIds
from syncer.domain.links import LinkKey
from syncer.partner import FolderRoots, Partners, Target
from syncer.plugins import Registry
from syncer.ports.plugins import ConnectorState, Installed
from syncer.ports.store import Store
from syncer.sdk import PartnerLimits
from syncer.services.catalog import Services
from syncer.store import FileBlobStore, open_store, sqlite_url
from syncer.vault import create_key_file, open_vault
from syncer.web.serving import listen

TOKEN = "t" * 43
HISTORY = "2020-01-01"
LINK = "/v1/repairers/garage-7/links/claims360"
KEY = LinkKey("garage-7", "claims360")


class MovableClock(SystemClock):
    """The real clock; ``ahead`` lets hours pass in no time."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def now(self) -> datetime:
        return super().now() + self.ahead


class Winformex(Claims360):
    """The predecessor, as far as the API shows it."""

    name = "winformex"
    title = "Winformex II"


@dataclass(frozen=True)
class Reply:
    """An answer; ``json`` fails when the body is none."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        """The problem's code; checks that the body is a problem."""
        assert self.headers["Content-Type"] == "application/problem+json"
        code: str = self.json["code"]
        return code

    @property
    def pointers(self) -> list[str]:
        return [fault["pointer"] for fault in self.json["errors"]]


@dataclass
class House:
    """A running service with one partner."""

    base_url: str
    services: Services
    clock: MovableClock
    partner: PlayedClaims360
    http: aiohttp.ClientSession
    wired: Wired

    async def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        token: str | None = TOKEN,
        headers: Mapping[str, str] | None = None,
        data: bytes | None = None,
    ) -> Reply:
        """Send a request; ``body`` goes as JSON, ``data`` as it is."""
        given = {"Authorization": f"Bearer {token}"} if token else {}
        async with self.http.request(
            method, self.base_url + path, json=body, data=data, headers=given | dict(headers or {})
        ) as answer:
            return Reply(answer.status, answer.headers, await answer.read())

    async def get(self, path: str, **more: Any) -> Reply:
        return await self.ask("GET", path, **more)

    async def post(self, path: str, body: Any = None, **more: Any) -> Reply:
        return await self.ask("POST", path, body, **more)

    async def put(self, path: str, body: Any = None, **more: Any) -> Reply:
        return await self.ask("PUT", path, body, **more)

    async def patch(self, path: str, body: Any = None, **more: Any) -> Reply:
        return await self.ask("PATCH", path, body, **more)

    async def add_repairer(self, repairer: str = "garage-7") -> None:
        """Make a repairer without credentials."""
        reply = await self.put(f"/v1/repairers/{repairer}", {"name": "Carrosserie Demo"})
        assert reply.status in {200, 201}

    async def configure(
        self, repairer: str = "garage-7", *, start_date: str | None = HISTORY
    ) -> dict[str, str]:
        """Make a repairer, choose its history and register good credentials; gives them."""
        await self.add_repairer(repairer)
        credentials = dict(self.partner.add_repairer(repairer))
        path = f"/v1/repairers/{repairer}/links/claims360"
        reply = await self.put(f"{path}/settings", {"start_date": start_date})
        assert reply.status == 200, reply.body
        reply = await self.put(f"{path}/credentials", credentials)
        assert reply.status == 201, reply.body
        return credentials

    async def refresh(self, repairer: str = "garage-7") -> Reply:
        """Pull now and wait for the end."""
        return await self.post("/v1/refresh?wait=30", {"repairer": repairer})

    async def raw(self, request: str) -> tuple[int, str]:
        """Send bytes as they are; ``PORT`` stands for the service's port. Gives status and all."""
        host, port = self.base_url.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        try:
            writer.write(request.replace("PORT", port).encode())
            await writer.drain()
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)
            length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
            body = await asyncio.wait_for(reader.readexactly(int(length or 0)), 10)
        finally:
            writer.close()
            await writer.wait_closed()
        return int(head.split()[1]), (head + body).decode()

    def make_application(self) -> web.Application:
        """Make the application once more, to listen elsewhere."""
        return create_application(self.services, token=TOKEN)

    async def write(self, work: Any) -> Any:
        """Change the store behind the API's back."""
        return await self.services.store.write(work)


def _registry(base_url: str) -> Registry:
    ready = Installed(
        name="claims360",
        enabled=True,
        state=ConnectorState.READY,
        connector=Claims360(),
        base_url=base_url,
        allow_insecure=True,
        settings_group="informex",
        table={},
    )
    superseded = Installed(
        name="winformex",
        enabled=True,
        state=ConnectorState.SUPERSEDED,
        superseded_by="claims360",
        connector=Winformex(),
        base_url=base_url,
        allow_insecure=True,
        settings_group="informex",
        table={},
    )
    disabled = Installed(name="darva", enabled=False, state=ConnectorState.DISABLED, table={})
    return Registry({one.name: one for one in (ready, superseded, disabled)})


@asynccontextmanager
async def open_house(folder: Path, settings: Settings | None = None) -> AsyncIterator[House]:
    """Run a service over a folder; a second one over the same folder plays a restart."""
    settings = settings or Settings(data_dir=folder)
    clock, ids = MovableClock(), UuidIds()
    async with AsyncExitStack() as owned:
        partner = PlayedClaims360()
        partner.has_limits = False
        registry = _registry(await owned.enter_async_context(partner.serve()))
        opened = open_store(sqlite_url(folder / "syncer.db"), clock=clock, ids=ids)
        store = await owned.enter_async_context(opened)
        sessions = await owned.enter_async_context(_partners(registry, store, clock))
        ports = Ports(
            store=store,
            blobs=FileBlobStore(folder / "files"),
            vault=await _vault(folder, store, clock),
            registry=registry,
            sessions=sessions,
            folders=FolderRoots({}, clock=clock),
            clock=clock,
            ids=ids,
        )
        wired = wire(ports, settings, started_at=clock.now())
        await owned.enter_async_context(wired.dispatcher)
        await owned.enter_async_context(wired.outbound.dispatcher)
        app = create_application(wired.services, token=TOKEN, allowed_hosts=["syncer.example"])
        base_url = await owned.enter_async_context(listen(app))
        http = await owned.enter_async_context(aiohttp.ClientSession())
        yield House(base_url, wired.services, clock, partner, http, wired)


def _partners(registry: Registry, store: Store, clock: SystemClock) -> Partners:
    unlimited = PartnerLimits(source="the tests' own partner, whose limits are off")
    targets = {
        one.name: Target(base_url=one.base_url, allow_insecure=True, limits=unlimited)
        for one in registry.all()
        if one.connector is not None
    }
    return Partners(targets, clock=clock, chance=SystemChance(), memory=StoredBreakers(store))


async def _vault(folder: Path, store: Store, clock: SystemClock) -> Any:
    key_file = folder / "root.key"
    if not key_file.exists():
        create_key_file(key_file)
    return await open_vault(store, key_file, clock=clock)


@pytest.fixture(scope="session")
def blank(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which a service ran once, without anybody in it: quicker than from nothing."""
    folder = tmp_path_factory.mktemp("blank")

    async def run_once() -> None:
        async with open_house(folder):
            pass

    asyncio.run(run_once())
    return folder


@pytest.fixture
async def house(blank: Path, tmp_path: Path) -> AsyncIterator[House]:
    """A running service with one partner and nobody in it yet."""
    folder = shutil.copytree(blank, tmp_path / "service")
    async with open_house(folder) as opened:
        yield opened


@pytest.fixture
async def sealed_house(blank: Path, tmp_path: Path) -> AsyncIterator[House]:
    """A running service whose key file is not the one of its store."""
    folder = shutil.copytree(blank, tmp_path / "service")
    (folder / "root.key").unlink()
    async with open_house(folder) as opened:
        yield opened
