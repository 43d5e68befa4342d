"""Reminders: prefilled, sent once, and never more often than allowed."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from syncer.domain.completeness import By, Mark, MarkState
from syncer.domain.errors import (
    ConflictError,
    InvalidError,
    MailNotConfiguredError,
    NotFoundError,
)
from syncer.domain.feed import ChangeType
from syncer.domain.mail import Language
from syncer.domain.mails import MailState
from syncer.mail import Room
from syncer.services.reminders import Wanted
from tests.mail.desk import Desk
from tests.services.lives import seen

AS_IT_IS = Wanted()


async def waive(desk: Desk, file: str, *types: str) -> None:
    for type_ in types:
        mark = Mark(
            type=type_, by=By.PERSON, state=MarkState.WAIVED, reason="-", at=desk.clock.now()
        )
        await desk.store.write(lambda uow, mark=mark: uow.completeness.mark(file, mark))  # type: ignore[misc]


async def test_preview_is_prefilled_in_the_clients_language(desk: Desk) -> None:
    preview = await desk.reminders.preview(await desk.file(), AS_IT_IS)

    assert preview["to"] == "anna@client.example"
    assert preview["language"] == "fr"
    assert preview["missing"] == ["mandat", "devis"]
    assert preview["subject"] == "Documents manquants pour votre dossier 2026/1"
    assert "Bonjour Anna," in preview["text"]
    assert "- Mandat\n- Devis\n" in preview["text"]
    assert await desk.log() == []


async def test_preview_follows_what_is_edited_and_the_links_language(desk: Desk) -> None:
    await desk.settings(mail_language="nl")
    file = await desk.file(language=None, email=None)

    usual = await desk.reminders.preview(file, AS_IT_IS)
    edited = await desk.reminders.preview(
        file, Wanted(to="a@b.be", text="Mine", language=Language.ITALIAN)
    )

    assert (usual["to"], usual["language"]) == (None, "nl")
    assert (edited["to"], edited["text"], edited["language"]) == ("a@b.be", "Mine", "it")
    assert edited["subject"].startswith("Documenti mancanti")


async def test_document_that_is_optional_for_the_client_is_not_asked_for(desk: Desk) -> None:
    preview = await desk.reminders.preview(await desk.file(profile="Company"), AS_IT_IS)

    assert preview["missing"] == ["mandat"]


async def test_reminder_is_sent_and_noted(desk: Desk) -> None:
    file = await desk.file()
    status, answer = await desk.reminders.send(file, AS_IT_IS)

    await desk.queue.send_due()

    (taken,) = desk.post.taken
    (mail,) = await desk.log()
    assert status == 202
    assert (taken["To"], taken["Subject"]) == (answer["to"], answer["subject"])
    assert taken["From"] == "Garage Leroy <garage@example.org>"
    assert taken["Message-ID"] == f"<{mail.id}@example.org>"
    assert (mail.state, mail.id) == (MailState.SENT, answer["id"])
    (told,) = await desk.told(ChangeType.REMINDER_SENT)
    assert told.change.subject_id == file
    assert told.change.data["missing"] == ["mandat", "devis"]
    (entry,) = (await seen(desk.store, file)).log
    assert (entry.event.name, entry.event.note) == (
        "reminder",
        "asked anna@client.example for Mandat, Devis",
    )


async def test_pressed_twice_goes_once(desk: Desk) -> None:
    file = await desk.file()

    first, second = await asyncio.gather(
        desk.reminders.send(file, AS_IT_IS), desk.reminders.send(file, AS_IT_IS)
    )
    await desk.queue.send_due()
    desk.clock.advance(timedelta(minutes=9))
    third = await desk.reminders.send(file, AS_IT_IS)
    await desk.queue.send_due()

    assert sorted([first[0], second[0]]) == [200, 202]
    assert (third[0], first[1]) == (200, second[1])
    assert third[1] == first[1]
    assert len(desk.post.taken) == 1


@pytest.mark.parametrize(
    "change", [{"subject": "Another"}, {"text": "Another"}, {"to": "other@client.example"}]
)
async def test_another_reminder_has_to_wait(desk: Desk, change: dict[str, Any]) -> None:
    file = await desk.file()
    await desk.reminders.send(file, AS_IT_IS)

    with pytest.raises(ConflictError) as refused:
        await desk.reminders.send(file, Wanted(**change))

    assert refused.value.code == "reminded_recently"


async def test_least_time_between_reminders_is_the_links(desk: Desk) -> None:
    await desk.settings(reminder_min_interval="2h")
    file = await desk.file()
    await desk.reminders.send(file, AS_IT_IS)
    desk.clock.advance(timedelta(minutes=119))
    with pytest.raises(ConflictError, match="2h"):
        await desk.reminders.send(file, AS_IT_IS)

    desk.clock.advance(timedelta(minutes=1))
    status, _ = await desk.reminders.send(file, AS_IT_IS)

    assert status == 202
    assert len(await desk.log()) == 2


async def test_clock_that_was_set_back_by_a_year_does_not_silence_reminders(desk: Desk) -> None:
    file = await desk.file()
    await desk.reminders.send(file, AS_IT_IS)
    desk.clock.jump(timedelta(days=-365))

    status, _ = await desk.reminders.send(file, AS_IT_IS)

    assert status == 202


async def test_nothing_missing_nothing_sent(desk: Desk) -> None:
    file = await desk.file()
    await waive(desk, file, "mandat", "devis")

    for ask in (desk.reminders.preview, desk.reminders.send):
        with pytest.raises(ConflictError) as refused:
            await ask(file, AS_IT_IS)
        assert refused.value.code == "nothing_missing"


async def test_reminder_needs_an_address_a_file_and_a_server(desk: Desk) -> None:
    nameless = await desk.file(email="nobody")

    with pytest.raises(InvalidError) as refused:
        await desk.reminders.send(nameless, AS_IT_IS)
    with pytest.raises(NotFoundError):
        await desk.reminders.send("no-such-file", AS_IT_IS)
    desk.room = Room(None, clock=desk.clock)
    desk.open_again()
    with pytest.raises(MailNotConfiguredError):
        await desk.reminders.send(nameless, AS_IT_IS)

    assert [fault.pointer for fault in refused.value.errors] == ["/to"]
    assert await desk.log() == []
