"""The mail password is written nowhere, whatever the mail server says back."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.attack.canary import files_of, make_canary, sightings
from tests.e2e.service import Service

MAIL = """
[mail]
host = "127.0.0.1"
port = {port}
security = "none"
from = "garage@example.org"
user = "garage"
password_file = "{folder}/mail-password"
"""
RULES = {"documents": [{"id": "mandat", "label": "Mandat"}]}
NEW = {
    "repairer": "garage-7",
    "connector": "claims360",
    "reference": "R-1",
    "data": {"client": {"email": "anna@client.example"}},
}


@asynccontextmanager
async def echoing_server(*, login: bool) -> AsyncIterator[int]:
    """Say the password back, plain and as it was sent, wherever something is refused."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        said = ""
        writer.write(b"220 hello\r\n")
        while line := (await reader.readline()).decode().strip():
            answer = "250 ok"
            if line.startswith("EHLO"):
                answer = "250-hello\r\n250 AUTH PLAIN LOGIN"
            elif line.startswith("AUTH"):
                sent = line.rpartition(" ")[2]
                said = f"{base64.b64decode(sent).decode()} {sent}".replace("\0", " ")
                answer = "235 welcome" if login else f"535 who is {said}"
            elif line.startswith("RCPT"):
                answer = f"550 not for {said}"
            writer.write(f"{answer}\r\n".encode())
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


@pytest.mark.parametrize("login", [True, False], ids=["refused-mail", "refused-login"])
async def test_mail_password_is_written_nowhere(service: Service, *, login: bool) -> None:
    canary = make_canary()
    (service.folder / "mail-password").write_text(f"{canary}\n")
    async with echoing_server(login=login) as port:
        more = MAIL.format(port=port, folder=service.folder)
        service.configure(service.base_url, more=more)
        text = service.config.read_text().replace("data_dir", 'log_level = "debug"\ndata_dir', 1)
        service.config.write_text(text)
        await service.start()
        await service.good("PUT", "/v1/document-rules/claims360.*", RULES)
        file = await service.good("POST", "/v1/claim-files", NEW)
        reminders = f"/v1/claim-files/{file['id']}/reminders"
        _, mail = await service.ask("POST", reminders, {}, key="k-1")
        shown = await tried(service, mail["id"])
        seen = [
            shown,
            *[await service.good("GET", path) for path in ("/v1/attention", "/v1/mails")],
        ]
        for command in (("check",), ("doctor",)):
            seen += (await service.command(*command))[1:]
        assert await service.stop() == 0

    assert shown["state"] == ("rejected" if login else "retrying")
    places = [*files_of(service.folder, but=["mail-password"]), ("shown", repr(seen).encode())]
    assert list(sightings({"password": canary}, places)) == []


async def tried(service: Service, id_: str) -> Any:
    async with asyncio.timeout(20):
        while True:
            mail = await service.good("GET", f"/v1/mails/{id_}")
            if mail["state"] not in {"queued", "sending"}:
                return mail
            await asyncio.sleep(0.05)
