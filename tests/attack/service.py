"""The whole host, built as `syncer run` builds it, with the real connector, driven over HTTP."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from syncer.bootstrap import Host, running
from syncer.config import load
from syncer.vault import create_key_file

LINK = "/v1/repairers/garage-7/links/claims360"
HISTORY = "2020-01-01"

CONFIGURATION = """\
data_dir = "{folder}/data"

[server]
port = 0

[vault]
key_file = "{folder}/root.key"

[sync]
interval = "7d"

[connectors.claims360]
enabled = true
base_url = "{base_url}"
allow_insecure = true

[[repairers]]
id = "garage-7"
name = "Carrosserie Demo"
"""


@dataclass(frozen=True)
class Reply:
    """An answer of the local API."""

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


@dataclass
class Service:
    """A running host and a client of its API. ``said`` keeps every answer it gave."""

    host: Host
    http: aiohttp.ClientSession
    folder: Path
    token: str
    said: list[Reply] = field(default_factory=list)

    async def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
    ) -> Reply:
        given = {"Authorization": f"Bearer {self.token}", **(headers or {})}
        url = self.host.address + path
        asking = self.http.request(method, url, json=body, headers=given, params=params)
        async with asking as answer:
            reply = Reply(answer.status, answer.headers, await answer.read())
        self.said.append(reply)
        return reply

    async def good(self, method: str, path: str, body: Any = None) -> Any:
        reply = await self.ask(method, path, body)
        assert reply.status < 300, (method, path, reply.status, reply.body)
        return reply.json if reply.body else None

    async def configure(
        self, credentials: Mapping[str, str], *, start_date: str | None = HISTORY, **settings: Any
    ) -> None:
        """Choose the history and register credentials."""
        wanted = {"start_date": start_date, **settings}
        await self.good("PUT", f"{LINK}/settings", {k: v for k, v in wanted.items() if v})
        await self.good("PUT", f"{LINK}/credentials", dict(credentials))

    async def refresh(self, seconds: int = 60) -> Any:
        """Pull now; gives the pass as it ended."""
        answer = await self.good("POST", f"/v1/refresh?wait={seconds}", {"repairer": "garage-7"})
        return await self.good("GET", f"/v1/passes/{answer['passes'][0]['id']}")

    async def everything(self, path: str) -> list[Any]:
        """Walk a list to its end."""
        joint, items, after = "&" if "?" in path else "?", [], ""
        while True:
            page = await self.good("GET", f"{path}{joint}limit=500{after}")
            items += page["items"]
            if page["next"] is None:
                assert len(items) == page["total"]
                return items
            after = f"&after={page['next']}"

    async def records(self, query: str = "") -> dict[str, Any]:
        """Give all records by the partner's reference."""
        states = "intake=queued,accepted,dismissed,excluded"
        found = await self.everything(f"/v1/records?{states}{query}")
        by_ref = {record["partner_ref"]: record for record in found}
        assert len(by_ref) == len(found)
        return by_ref

    async def feed(self) -> list[Any]:
        """Read the change feed from its beginning to its end."""
        entries: list[Any] = []
        cursor = ""
        while True:
            page = await self.good("GET", f"/v1/changes?limit=500{cursor}")
            if not page["items"]:
                return entries
            entries += page["items"]
            cursor = f"&after={page['next']}"


@asynccontextmanager
async def serving(folder: Path, base_url: str, more: str = "") -> AsyncIterator[Service]:
    """Run the host over a folder, against a partner; the folder may be used again."""
    file = folder / "syncer.toml"
    file.write_text(CONFIGURATION.format(folder=folder, base_url=base_url) + more)
    if not (folder / "root.key").exists():
        create_key_file(folder / "root.key")
    async with running(load(file, environ={})) as host, aiohttp.ClientSession() as http:
        yield Service(host, http, folder, host.token_path.read_text().strip())
