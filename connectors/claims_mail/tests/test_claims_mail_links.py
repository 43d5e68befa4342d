"""Links without credentials: active while there is a mail server, for every repairer."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from syncer.bootstrap import running
from syncer.config import load
from syncer.vault import create_key_file

CONFIGURATION = """
data_dir = "{folder}/data"
[server]
port = 0
[vault]
key_file = "{folder}/root.key"
[connectors.claims_mail]
enabled = true
[[repairers]]
id = "garage-7"
name = "Garage"
"""
MAIL = """
[mail]
host = "127.0.0.1"
port = 1
security = "none"
from = "post@leroy.example"
"""


class Api:
    """The service's API."""

    def __init__(self, http: aiohttp.ClientSession, address: str, token: str) -> None:
        self._http = http
        self._address = address
        self._headers = {"Authorization": f"Bearer {token}"}

    async def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        async with self._http.request(
            method, self._address + path, json=body, headers=self._headers
        ) as answer:
            return answer.status, await answer.json(content_type=None)

    async def link(self, repairer: str) -> tuple[str, str | None]:
        _, link = await self.ask("GET", f"/v1/repairers/{repairer}/links/claims_mail")
        return link["state"], link["reason"]


@asynccontextmanager
async def service(folder: Path, more: str) -> AsyncIterator[Api]:
    key = folder / "root.key"
    if not key.exists():
        create_key_file(key)
    file = folder / "syncer.toml"
    file.write_text(CONFIGURATION.format(folder=folder) + more)
    async with (
        running(load(file, environ={})) as host,
        aiohttp.ClientSession() as http,
    ):
        yield Api(http, host.address.rstrip("/"), host.token_path.read_text().strip())


async def test_link_is_active_while_there_is_a_mail_server(tmp_path: Path) -> None:
    async with service(tmp_path, MAIL) as api:
        await api.ask("PUT", "/v1/repairers/garage-8", {"name": "Another"})
        assert await api.link("garage-7") == ("active", None)
        assert await api.link("garage-8") == ("active", None)
        await api.ask("POST", "/v1/repairers/garage-8/links/claims_mail/pause")

    async with service(tmp_path, "") as api:
        assert await api.link("garage-7") == ("unconfigured", "mail_not_configured")
        status, problem = await api.ask("POST", "/v1/repairers/garage-7/links/claims_mail/pause")
        assert (status, problem["code"]) == (409, "link_unconfigured")
        assert "[mail]" in problem["detail"]

    async with service(tmp_path, MAIL) as api:
        assert await api.link("garage-7") == ("active", None)
        assert await api.link("garage-8") == ("paused", None)


async def test_there_is_nothing_to_register_and_nothing_to_refresh(tmp_path: Path) -> None:
    link = "/v1/repairers/garage-7/links/claims_mail"
    async with service(tmp_path, MAIL) as api:
        status, problem = await api.ask("PUT", f"{link}/credentials", {})
        assert (status, problem["code"]) == (409, "no_credentials")
        _, described = await api.ask("GET", f"{link}/credentials")
        assert (described["configured"], described["fields"]) == (True, [])
        status, problem = await api.ask("POST", "/v1/refresh", {"connector": "claims_mail"})
        assert (status, problem["code"]) == (409, "link_unavailable")
        status, problem = await api.ask("POST", "/v1/refresh", {"repairer": "garage-7"})
        assert (status, problem["code"]) == (409, "link_unconfigured")
        await api.ask("POST", f"{link}/pause")
        _, resumed = await api.ask("POST", f"{link}/resume")
        assert (resumed["state"], resumed["next_due_at"]) == ("active", None)


@pytest.mark.parametrize("value", [0, 52_428_801])
async def test_size_limit_has_bounds(tmp_path: Path, value: int) -> None:
    async with service(tmp_path, MAIL) as api:
        status, problem = await api.ask(
            "PUT", "/v1/repairers/garage-7/links/claims_mail/settings", {"max_bytes": value}
        )

    assert status == 422
    assert [fault["pointer"] for fault in problem["errors"]] == ["/max_bytes"]
