"""The whole host beside the played networks, reached as the planning system reaches it."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from syncer_darva.played_folders import PlayedDarva
from syncer_darva.played_mailbox import PlayedIris

from syncer.bootstrap import running
from syncer.cli.invocation import Invocation
from syncer.partner import folders
from syncer.vault import create_key_file

REPAIRER = "garage-7"
SOON_SECONDS = 20.0
INVOICE: Mapping[str, Any] = {
    "number": "F2026-118",
    "date": "2026-03-01",
    "net": {"amount": "1240.50", "currency": "EUR"},
    "vat": {"amount": "248.10", "currency": "EUR"},
    "gross": {"amount": "1488.60", "currency": "EUR"},
}
_CONFIGURATION = """\
data_dir = "{folder}/data"

[server]
port = 0

[vault]
key_file = "{folder}/root.key"

[sync]
interval = "7d"

[[repairers]]
id = "garage-7"
name = "Carrosserie Demo"
"""


@dataclass(frozen=True)
class Reply:
    """An answer of the API."""

    status: int
    json: Any


@dataclass
class Garage:
    """The planning system's side of the service, and the repairer's mailbox at one network."""

    http: aiohttp.ClientSession
    connector: str
    box: Any
    exchange: Callable[[], None]
    keys: Iterator[int] = field(default_factory=count)

    @property
    def link(self) -> str:
        return f"/v1/repairers/{REPAIRER}/links/{self.connector}"

    async def ask(self, method: str, path: str, body: Any = None, **options: Any) -> Reply:
        """Send a request; ``body`` goes as JSON."""
        async with self.http.request(method, path, json=body, **options) as answer:
            content = await answer.read()
            return Reply(answer.status, json.loads(content) if content else None)

    async def good(self, method: str, path: str, body: Any = None, **options: Any) -> Any:
        """Send a request that must go well; gives its answer."""
        reply = await self.ask(method, path, body, **options)
        assert reply.status < 400, reply.json
        return reply.json

    async def pull(self) -> Any:
        """Refresh and wait for the end; gives the pass."""
        body = {"repairer": REPAIRER, "connector": self.connector}
        started = await self.good("POST", "/v1/refresh?wait=30", body)
        return await self.good("GET", f"/v1/passes/{started['passes'][0]['id']}")

    async def records(self, query: str = "") -> list[Any]:
        """List records, oldest first."""
        listed = await self.good("GET", f"/v1/records?{query}")
        return list(reversed(listed["items"]))

    async def files(self, query: str = "") -> list[Any]:
        """List claim files."""
        return list((await self.good("GET", f"/v1/claim-files?{query}"))["items"])

    async def file(self, claim: str) -> Any:
        """Give the claim file of a claim number."""
        [found] = await self.files(f"reference={claim}")
        return found

    async def event(self, claim: str, event: str, document: str | None = None) -> Reply:
        """Report an event of a claim file."""
        id_ = (await self.file(claim))["id"]
        body = {"event": event} | ({"sales_document": document} if document else {})
        return await self.ask("POST", f"/v1/claim-files/{id_}/events", body)

    async def send(self, operation: str, payload: Mapping[str, Any], claim: str = "") -> Reply:
        """Ask for a delivery, from a claim file or, for an opening request, without one."""
        named: dict[str, Any] = {"repairer": REPAIRER, "connector": self.connector}
        if claim:
            named = {"claim_file": (await self.file(claim))["id"]}
        body = {**named, "operation": operation, "payload": dict(payload)}
        key = {"Idempotency-Key": f"key-{next(self.keys)}"}
        return await self.ask("POST", "/v1/deliveries", body, headers=key)

    async def until(self, delivery: str, *states: str) -> Any:
        """Wait until a delivery stands in one of the states; gives it."""
        async with asyncio.timeout(SOON_SECONDS):
            while True:
                shown = await self.good("GET", f"/v1/deliveries/{delivery}")
                if shown["state"] in states:
                    return shown
                await asyncio.sleep(0.02)

    async def sent(self, operation: str, payload: Mapping[str, Any], claim: str = "") -> Any:
        """Send, wait until it is in the network's hands, and let the network take it."""
        reply = await self.send(operation, payload, claim)
        assert reply.status == 202, reply.json
        shown = await self.until(reply.json["id"], "sent", "retrying", "rejected")
        self.exchange()
        return shown

    async def linked(self, claim: str = "C-1") -> None:
        """Bring a claim file as far as linked."""
        self.box.notice(claim, "AS-1")
        await self.pull()
        assert (await self.event(claim, "linked_to_sales_document", "S-1")).status == 200


@dataclass(frozen=True)
class Network:
    """One network: how it is configured, registered and exchanged with."""

    connector: str
    serve: Callable[[], AbstractAsyncContextManager[str]]
    mailbox: Any
    credentials: Mapping[str, str]
    exchange: Callable[[], None]

    def table(self, served: str) -> str:
        path = served.removeprefix("file://")
        key = f"base_url = {json.dumps(served)}\nallow_insecure = true"
        key = key if path == served else f"root = {json.dumps(path)}"
        return f"\n[connectors.{self.connector}]\nenabled = true\n{key}\n"


def nothing_to_do() -> None:
    """A mailbox takes messages by itself."""


def iris() -> Network:
    """The mailbox over HTTP."""
    played = PlayedIris()
    box = played.mailbox()
    return Network("iris", played.serve, box, played.credentials(box), nothing_to_do)


def darva(root: Path) -> Network:
    """The folders."""
    played = PlayedDarva(root)
    box = played.mailbox()
    credentials = {"subscriber_no": box.subscriber, "station_no": box.station}
    return Network("darva", played.serve, box, credentials, played.exchange)


@pytest.fixture(scope="session")
def blank(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder in which the host ran once: quicker than from nothing."""
    folder = tmp_path_factory.mktemp("darva")
    create_key_file(folder / "root.key")

    async def run_once() -> None:
        async with running(_settings(folder, "")):
            pass

    asyncio.run(run_once())
    return folder


@pytest.fixture
def folder(blank: Path, tmp_path: Path) -> Path:
    """The host's own folder."""
    return Path(shutil.copytree(blank, tmp_path / "host"))


@pytest.fixture
def no_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take files at the second look, however soon that is."""
    monkeypatch.setattr(folders, "STABLE_SECONDS", 0.0)


@pytest.fixture(params=["iris", "darva"])
def network(request: pytest.FixtureRequest, tmp_path: Path) -> Network:
    """Each network."""
    return iris() if request.param == "iris" else darva(tmp_path / "folders")


@pytest.fixture
async def garage(network: Network, folder: Path, no_patience: None) -> AsyncIterator[Garage]:
    """A running host with one repairer whose link to the network is active."""
    async with (
        network.serve() as served,
        open_garage(folder, network, network.table(served)) as garage,
    ):
        await garage.good("PUT", f"{garage.link}/credentials", dict(network.credentials))
        yield garage


@asynccontextmanager
async def open_garage(folder: Path, network: Network, tables: str) -> AsyncIterator[Garage]:
    """Run the host over a folder."""
    async with running(_settings(folder, tables)) as host:
        token = host.token_path.read_text(encoding="ascii").strip()
        headers = {"Authorization": f"Bearer {token}"}
        async with aiohttp.ClientSession(host.address, headers=headers) as http:
            yield Garage(http, network.connector, network.mailbox, network.exchange)


def _settings(folder: Path, tables: str) -> Any:
    file = folder / "syncer.toml"
    file.write_text(_CONFIGURATION.format(folder=folder) + tables)
    return Invocation(file=file).settings()
