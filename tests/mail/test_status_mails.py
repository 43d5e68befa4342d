"""Status mails: off by default, once for each change, to those who are named."""

from __future__ import annotations

from datetime import timedelta

import pytest

from syncer.domain.mails import MailKind, MailState
from syncer.services.status_mails import OLD_NEWS
from tests.mail.desk import Desk


async def subjects(desk: Desk) -> list[tuple[str, str]]:
    return [(mail.to, mail.subject) for mail in reversed(await desk.log())]


async def test_nobody_is_told_unless_asked_for(desk: Desk) -> None:
    await desk.status_mails.follow()
    await desk.happen(await desk.file(), "notice")

    await desk.status_mails.follow()

    assert await desk.log() == []


@pytest.mark.parametrize(
    "named", ["open", "NOTICE", "Aperto"], ids=["our-state", "partners-word", "another-word"]
)
async def test_client_is_told_once_of_a_change(desk: Desk, named: str) -> None:
    await desk.settings(notify={named: ["client"]})
    await desk.status_mails.follow()
    await desk.happen(await desk.file(), "notice", "note")

    for _ in range(2):
        await desk.status_mails.follow()
        desk.open_again()
    await desk.queue.send_due()

    (mail,) = await desk.log()
    assert (mail.kind, mail.state, mail.to) == (
        MailKind.STATUS,
        MailState.SENT,
        "anna@client.example",
    )
    assert desk.post.taken[0]["Subject"] == "Votre dossier 2026/1 : open"


async def test_each_change_is_told_to_each_party_in_order(desk: Desk) -> None:
    office = "office@garage.example"
    await desk.settings(notify={"open": ["client", office, office], "closed": [office]})
    await desk.status_mails.follow()
    await desk.happen(await desk.file(), "notice", "close", "notice")

    await desk.status_mails.follow()

    opened, closed = "Votre dossier 2026/1 : open", "Votre dossier 2026/1 : clôturé"
    client = "anna@client.example"
    assert await subjects(desk) == [
        (client, opened),
        (office, opened),
        (office, closed),
        (client, opened),
        (office, opened),
    ]


async def test_client_without_an_address_is_passed_by(desk: Desk) -> None:
    await desk.settings(notify={"open": ["client", "office@garage.example"]})
    await desk.status_mails.follow()
    await desk.happen(await desk.file(email=None), "notice")

    await desk.status_mails.follow()

    assert [to for to, _ in await subjects(desk)] == ["office@garage.example"]


async def test_history_is_told_to_nobody(desk: Desk) -> None:
    await desk.settings(notify={"open": ["client"]})
    await desk.status_mails.follow()
    old, new = await desk.file("2025/1"), await desk.file("2026/2")
    await desk.happen(old, "notice", ago=OLD_NEWS + timedelta(hours=1))
    await desk.happen(new, "notice", ago=OLD_NEWS - timedelta(hours=1))

    await desk.status_mails.follow()

    assert [mail.claim_file for mail in await desk.log()] == [new]


async def test_what_changed_while_the_program_was_down_is_told(desk: Desk) -> None:
    await desk.settings(notify={"open": ["client"]})
    await desk.status_mails.follow()
    desk.open_again()
    await desk.happen(await desk.file(), "notice")

    await desk.status_mails.follow()

    assert len(await desk.log()) == 1
