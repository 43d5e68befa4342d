"""kill -9 around a reminder: it goes once, or a person is told."""

from __future__ import annotations

import asyncio
import signal
from contextlib import suppress
from typing import Any

import pytest

from syncer.testing import Mailbox
from tests.e2e.forked import forked
from tests.e2e.service import Service
from tests.faults import crashing
from tests.faults.town import UNREACHABLE

AT_MAILS = {
    "reminder-kept:1": ("sent", 1),
    "mail-begun:1": ("needs_attention", 0),
    "mail-taken-by-server:1": ("needs_attention", 1),
}
"""Points that a reminder passes; in which state a kill leaves it, and how many mails arrived."""
MAIL = """
[mail]
host = "127.0.0.1"
port = {port}
security = "none"
from = "garage@example.org"
"""
RULES = {"documents": [{"id": "mandat", "label": "Mandat"}]}
NEW = {
    "repairer": "garage-7",
    "connector": "claims360",
    "reference": "R-1",
    "data": {"client": {"email": "anna@client.example"}},
}


@pytest.mark.parametrize("point", AT_MAILS)
async def test_a_reminder_goes_once_or_a_person_is_told(service: Service, point: str) -> None:
    state, arrived = AT_MAILS[point]
    mailbox = Mailbox()
    async with mailbox.serve() as address:
        service.launch = forked(crashing.run)
        service.environment = {"SYNCER_CRASH_AT": point}
        more = MAIL.format(port=address.rpartition(":")[2])
        service.configure(service.base_url, more=more)
        await service.start()
        await service.good("PUT", "/v1/document-rules/claims360.*", RULES)
        file = await service.good("POST", "/v1/claim-files", NEW)
        reminders = f"/v1/claim-files/{file['id']}/reminders"
        with suppress(*UNREACHABLE):
            await service.ask("POST", reminders, {}, key="k-1")
        assert service.process is not None
        async with asyncio.timeout(10):
            assert await service.process.wait() == -signal.SIGKILL

        service.environment = {}
        await service.start()
        status, again = await service.ask("POST", reminders, {}, key="k-1")
        mail = await ended(service, again["id"])
        attention = await service.everything("/v1/attention")

    assert status == 202
    assert mail["state"] == state
    assert len(mailbox.messages) == arrived
    kinds = [entry["kind"] for entry in attention]
    assert kinds.count("mail_needs_attention") == (state == "needs_attention")


async def ended(service: Service, id_: str) -> Any:
    async with asyncio.timeout(20):
        while True:
            mail = await service.good("GET", f"/v1/mails/{id_}")
            if mail["state"] not in {"queued", "sending"}:
                return mail
            await asyncio.sleep(0.05)
