"""Links without credentials: active while there is a mail server, for every repairer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from syncer.bootstrap import running
from syncer.config import load
from syncer.testing import Mailbox
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
port = {port}
security = "none"
from = "post@leroy.example"
"""


class Api:
    """The service's API."""

    def __init__(self, http: aiohttp.ClientSession, address: str, token: str) -> None:
        self._http = http
        self._address = address
        self._headers = {"Authorization": f"Bearer {token}"}

    async def ask(
        self, method: str, path: str, body: Any = None, *, data: Any = None, key: str | None = None
    ) -> tuple[int, Any]:
        headers = self._headers | ({"Idempotency-Key": key} if key else {})
        async with self._http.request(
            method, self._address + path, json=body, data=data, headers=headers
        ) as answer:
            return answer.status, await answer.json(content_type=None)

    async def link(self, repairer: str) -> tuple[str, str | None]:
        _, link = await self.ask("GET", f"/v1/repairers/{repairer}/links/claims_mail")
        return link["state"], link["reason"]


@asynccontextmanager
async def service(folder: Path, more: str, *, port: int = 1) -> AsyncIterator[Api]:
    key = folder / "root.key"
    if not key.exists():
        create_key_file(key)
    file = folder / "syncer.toml"
    file.write_text(CONFIGURATION.format(folder=folder) + more.format(port=port))
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


async def ended(api: Api, delivery: str) -> Any:
    async with asyncio.timeout(20):
        while True:
            _, found = await api.ask("GET", f"/v1/deliveries/{delivery}")
            if found["state"] not in {"queued", "sending"}:
                return found
            await asyncio.sleep(0.02)


async def test_dossier_leaves_through_the_outbox(tmp_path: Path) -> None:
    office = Mailbox()
    payload = {"to": "sinistri@compagnia.example", "language": "it"}
    async with (
        office.serve() as address,
        service(tmp_path, MAIL, port=int(address.rpartition(":")[2])) as api,
    ):
        made = {"repairer": "garage-7", "connector": "claims_mail", "reference": "2026/88"}
        _, file = await api.ask("POST", "/v1/claim-files", made)
        form = aiohttp.FormData()
        form.add_field("type", "mandato")
        form.add_field("file", b"%PDF-1.7 mandate", filename="mandato.pdf")
        _, document = await api.ask("POST", f"/v1/claim-files/{file['id']}/documents", data=form)
        wanted = {"claim_file": file["id"], "connector": "claims_mail"}
        wanted |= {"operation": "claim_upload", "payload": payload}
        wanted["attachments"] = [document["id"]]
        status, accepted = await api.ask("POST", "/v1/deliveries", wanted, key="k-1")
        delivery = await ended(api, accepted["id"])
        link = "/v1/repairers/garage-7/links/claims_mail"
        await api.ask("PUT", f"{link}/settings", {"max_bytes": 10})
        too_large = await api.ask("POST", "/v1/deliveries", wanted, key="k-2")

    (mail,) = office.messages
    assert (status, delivery["state"]) == (202, "delivered"), delivery
    assert delivery["receipt"]["raw"]["server"] == "kept as 1"
    assert mail.message["Message-ID"] == f"<{accepted['id']}@leroy.example>"
    assert [part.get_filename() for part in mail.message.iter_attachments()] == ["mandato.pdf"]
    assert too_large[0] == 413
    assert too_large[1]["code"] == "mail_too_large"
    assert too_large[1]["errors"] == [
        {"pointer": "/attachments/0", "message": "mandato.pdf: 16 bytes"}
    ]


async def test_answer_that_is_lost_needs_a_person_and_is_not_sent_again(tmp_path: Path) -> None:
    taken = 0

    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal taken
        writer.write(b"220 hello\r\n")
        while line := await reader.readline():
            if line.startswith(b"DATA"):
                writer.write(b"354 go on\r\n")
                await reader.readuntil(b"\r\n.\r\n")
                taken += 1
                writer.close()
                return
            writer.write(b"250 ok\r\n")

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, service(tmp_path, MAIL, port=port) as api:
        made = {"repairer": "garage-7", "connector": "claims_mail", "reference": "2026/88"}
        _, file = await api.ask("POST", "/v1/claim-files", made)
        wanted = {"claim_file": file["id"], "operation": "claim_upload"}
        wanted["payload"] = {"to": "a@b.be", "language": "fr"}
        _, accepted = await api.ask("POST", "/v1/deliveries", wanted, key="k-1")
        delivery = await ended(api, accepted["id"])

    assert delivery["state"] == "needs_attention"
    assert [each["code"] for each in delivery["attempts"]] == ["answer_lost"]
    assert taken == 1
