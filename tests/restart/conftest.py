"""The whole host beside a played RESTART portal, reached as the planning system reaches it."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from syncer_restart.played import PlayedRestart
from syncer_restart.played_account import Account

from syncer.bootstrap import running
from syncer.cli.invocation import Invocation
from syncer.vault import create_key_file

REPAIRER = "officina-7"
LINK = f"/v1/repairers/{REPAIRER}/links/restart"
SOON_SECONDS = 20.0
AT_REST = ("delivered", "retrying", "needs_attention", "rejected", "blocked", "cancelled")
MANDATORY = ("denuncia", "mandato", "cessione_credito", "richiesta_danni", "documento_identita")
DATA: Mapping[str, Any] = {
    "client": {"name": "Rossi Mario", "email": "mario@example.org"},
    "vehicle": {"plate": "AB123CD"},
    "loss": {
        "date": "2026-02-21",
        "vehicles": 2,
        "injuries": False,
        "serious_injuries": False,
        "foreign_counterpart": False,
        "collision": True,
    },
    "channel": "RESTART",
    "centre": {"vat_number": "01234567897", "name": "ASP Demo srl"},
}
_CONFIGURATION = """\
data_dir = "{folder}/data"

[server]
port = 0

[vault]
key_file = "{folder}/root.key"

[sync]
interval = "7d"

[connectors.restart]
enabled = true
base_url = "{base_url}"
allow_insecure = true

[connectors.example]
enabled = true
base_url = "{base_url}"
allow_insecure = true

[[repairers]]
id = "officina-7"
name = "Carrozzeria Demo"
"""


@dataclass(frozen=True)
class Reply:
    """An answer of the API."""

    status: int
    json: Any

    @property
    def pointers(self) -> list[str]:
        return [fault["pointer"] for fault in self.json["errors"]]


@dataclass
class Office:
    """The planning system's side of the service, and the portal beside it."""

    http: aiohttp.ClientSession
    portal: PlayedRestart
    account: Account
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

    async def claim_file(self, reference: str = "P-2026-0042", **data: Any) -> str:
        """Make a claim file that is ready for the portal; gives its id."""
        body = {
            "repairer": REPAIRER,
            "connector": "restart",
            "reference": reference,
            "data": {**DATA, **data},
        }
        made = await self.good("POST", "/v1/claim-files", body)
        return str(made["id"])

    async def hand_in(self, claim_file: str, type_: str, content: bytes | None = None) -> str:
        """Hand in a document; gives its id."""
        form = aiohttp.FormData(default_to_multipart=True)
        form.add_field("type", type_)
        pdf = content or f"%PDF-1.4 {type_}".encode()
        form.add_field("file", pdf, filename=f"{type_}.pdf", content_type="application/pdf")
        path = f"/v1/claim-files/{claim_file}/documents"
        async with self.http.post(path, data=form) as answer:
            shown = await answer.json()
            assert answer.status == 201, shown
            return str(shown["id"])

    async def hand_in_all(self, claim_file: str, *, but: str = "") -> dict[str, str]:
        """Hand in the mandatory documents; gives their ids by type."""
        types = [type_ for type_ in MANDATORY if type_ != but]
        return {type_: await self.hand_in(claim_file, type_) for type_ in types}

    async def send(self, claim_file: str, operation: str = "claim_upload", **payload: Any) -> Reply:
        """Ask for a delivery."""
        body = {"claim_file": claim_file, "operation": operation, "payload": payload}
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

    async def sent(self, claim_file: str, operation: str = "claim_upload", **payload: Any) -> Any:
        """Send and wait until nothing moves any more; gives the delivery."""
        reply = await self.send(claim_file, operation, **payload)
        assert reply.status == 202, reply.json
        return await self.until(reply.json["id"], *AT_REST)

    async def pull(self) -> None:
        """Refresh and wait for the end."""
        body = {"repairer": REPAIRER, "connector": "restart"}
        await self.good("POST", "/v1/refresh?wait=30", body)


@pytest.fixture(scope="session")
def blank(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder in which the host ran once: quicker than from nothing."""
    folder = tmp_path_factory.mktemp("restart")
    create_key_file(folder / "root.key")

    async def run_once() -> None:
        async with running(_settings(folder, "http://127.0.0.1:1")):
            pass

    asyncio.run(run_once())
    return folder


@pytest.fixture
async def office(blank: Path, tmp_path: Path) -> AsyncIterator[Office]:
    """A running host with one repairer whose link to the portal is active."""
    folder = Path(shutil.copytree(blank, tmp_path / "host"))
    portal = PlayedRestart()
    account = portal.add_account()
    async with portal.serve() as base_url, open_office(folder, base_url, portal) as opened:
        await opened.good("PUT", f"{LINK}/credentials", account.credentials())
        yield opened


@asynccontextmanager
async def open_office(folder: Path, base_url: str, portal: PlayedRestart) -> AsyncIterator[Office]:
    """Run the host over a folder."""
    async with running(_settings(folder, base_url)) as host:
        token = host.token_path.read_text(encoding="ascii").strip()
        async with aiohttp.ClientSession(
            host.address,
            headers={"Authorization": f"Bearer {token}"},
        ) as http:
            yield Office(http, portal, next(iter(portal.accounts.values())))


def _settings(folder: Path, base_url: str) -> Any:
    file = folder / "syncer.toml"
    file.write_text(_CONFIGURATION.format(folder=folder, base_url=base_url))
    return Invocation(file=file).settings()
