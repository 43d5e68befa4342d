"""The whole host beside the played platform, reached as the planning system reaches it."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from syncer_sinapps.played import PlayedSinapps
from syncer_sinapps.played_world import PlayedAccount

from syncer.bootstrap import running
from syncer.cli.invocation import Invocation
from syncer.vault import create_key_file

REPAIRER = "garage-7"
LINK = f"/v1/repairers/{REPAIRER}/links/sinapps"
SOON_SECONDS = 20.0
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
name = "Habitat Demo"
"""
_CONNECTOR = """
[connectors.sinapps]
enabled = true
base_url = "{base_url}"
allow_insecure = true
queueing = "none"
"""


@dataclass(frozen=True)
class Reply:
    """An answer of the API."""

    status: int
    json: Any


@dataclass
class Office:
    """The planning system's side of the service, and the repairer's account at the platform."""

    http: aiohttp.ClientSession
    partner: PlayedSinapps
    account: PlayedAccount
    keys: Iterator[int] = field(default_factory=count)

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

    async def register(self, **settings: Any) -> None:
        """Activate the link."""
        if settings:
            await self.good("PUT", f"{LINK}/settings", settings)
        credentials = self.partner.credentials(self.account)
        await self.good("PUT", f"{LINK}/credentials", credentials)

    async def pull(self) -> Any:
        """Refresh and wait for the end; gives the pass."""
        body = {"repairer": REPAIRER, "connector": "sinapps"}
        started = await self.good("POST", "/v1/refresh?wait=30", body)
        return await self.good("GET", f"/v1/passes/{started['passes'][0]['id']}")

    async def records(self, kind: str) -> list[Any]:
        """List the records of a kind, oldest first."""
        listed = await self.good("GET", f"/v1/records?kind={kind}&limit=500")
        return list(reversed(listed["items"]))

    async def file(self, mission: str) -> Any:
        """Give the claim file of a mission."""
        listed = await self.good("GET", f"/v1/claim-files?partner_ref={mission}")
        [found] = listed["items"]
        return found

    async def changes(self, type_: str) -> list[Any]:
        """List the feed's entries of a type."""
        listed = await self.good("GET", "/v1/changes?limit=500")
        return [one for one in listed["items"] if one["type"] == type_]

    async def hand_in(self, claim_file: str, name: str) -> str:
        """Hand a document in; gives its id."""
        form = aiohttp.FormData()
        content = f"%PDF-1.4 {name}".encode()
        form.add_field("file", content, filename=name, content_type="application/pdf")
        path = f"/v1/claim-files/{claim_file}/documents"
        async with self.http.post(path, data=form) as answer:
            made = await answer.json()
            assert answer.status == 201, made
            return str(made["id"])

    async def send(
        self,
        claim_file: str,
        operation: str,
        payload: Mapping[str, Any],
        attachments: Sequence[str] = (),
        **more: Any,
    ) -> Reply:
        """Ask for a delivery."""
        body = {
            "claim_file": claim_file,
            "operation": operation,
            "payload": dict(payload),
            **({"attachments": list(attachments)} if attachments else {}),
            **more,
        }
        key = {"Idempotency-Key": f"key-{next(self.keys)}"}
        return await self.ask("POST", "/v1/deliveries", body, headers=key)

    async def sent(
        self,
        claim_file: str,
        operation: str,
        payload: Mapping[str, Any],
        attachments: Sequence[str] = (),
        *,
        ends: str = "delivered",
        **more: Any,
    ) -> Any:
        """Send, and wait until it came to its end; gives the delivery."""
        reply = await self.send(claim_file, operation, payload, attachments, **more)
        assert reply.status == 202, reply.json
        return await self.until(reply.json["id"], ends)

    async def until(self, delivery: str, *states: str) -> Any:
        """Wait until a delivery stands in one of the states; gives it."""
        shown: Any = None
        try:
            async with asyncio.timeout(SOON_SECONDS):
                while True:
                    shown = await self.good("GET", f"/v1/deliveries/{delivery}")
                    if shown["state"] in states:
                        return shown
                    await asyncio.sleep(0.02)
        except TimeoutError:
            raise AssertionError(f"never {states}: {shown}") from None


@pytest.fixture(scope="session")
def blank(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder in which the host ran once: quicker than from nothing."""
    folder = tmp_path_factory.mktemp("sinapps")
    create_key_file(folder / "root.key")

    async def run_once() -> None:
        async with running(_settings(folder, "")):
            pass

    asyncio.run(run_once())
    return folder


@pytest.fixture
def partner() -> PlayedSinapps:
    return PlayedSinapps()


@pytest.fixture
def account(partner: PlayedSinapps) -> PlayedAccount:
    return partner.add_account()


@pytest.fixture
async def office(
    partner: PlayedSinapps, account: PlayedAccount, blank: Path, tmp_path: Path
) -> AsyncIterator[Office]:
    """A running host with one repairer whose link is not registered yet."""
    folder = Path(shutil.copytree(blank, tmp_path / "host"))
    async with partner.serve() as base_url, open_office(folder, partner, base_url) as office:
        yield office


@asynccontextmanager
async def open_office(folder: Path, partner: PlayedSinapps, base_url: str) -> AsyncIterator[Office]:
    """Run the host over a folder."""
    async with running(_settings(folder, _CONNECTOR.format(base_url=base_url))) as host:
        token = host.token_path.read_text(encoding="ascii").strip()
        headers = {"Authorization": f"Bearer {token}"}
        async with aiohttp.ClientSession(host.address, headers=headers) as http:
            yield Office(http, partner, next(iter(partner.accounts.values())))


def _settings(folder: Path, tables: str) -> Any:
    file = folder / "syncer.toml"
    file.write_text(_CONFIGURATION.format(folder=folder) + tables)
    return Invocation(file=file).settings()
