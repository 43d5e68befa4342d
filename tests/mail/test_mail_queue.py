"""The queue of mails: each goes once, or a person is told."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from syncer.domain.errors import ConflictError, NotFoundError
from syncer.domain.feed import ChangeType
from syncer.domain.mails import MailState
from syncer.services.mail_queue import LEASE
from syncer.services.reminders import Wanted
from tests.mail.desk import Desk


async def reminder(desk: Desk) -> str:
    _, answer = await desk.reminders.send(await desk.file(), Wanted())
    return str(answer["id"])


async def state(desk: Desk) -> MailState:
    (mail,) = await desk.log()
    return mail.state


async def test_refusal_for_now_is_tried_again_later(desk: Desk) -> None:
    await reminder(desk)
    desk.post.data = "451 later"
    await desk.queue.send_due()
    (mail,) = await desk.log()
    assert (mail.state, mail.attempts) == (MailState.RETRYING, 1)
    assert "451 later" in str(mail.reason)
    assert not await desk.queue.send_due()

    desk.post.data = None
    desk.clock.advance(timedelta(minutes=1))
    await desk.queue.send_due()

    assert await state(desk) is MailState.SENT
    assert len({each["Message-ID"] for each in desk.post.taken}) == 1


async def test_refusal_for_good_is_told_with_the_servers_words(desk: Desk) -> None:
    id_ = await reminder(desk)
    desk.post.rcpt_to = "550 5.1.1 no such person"
    await desk.queue.send_due()

    (entry,) = await desk.attention()
    assert entry["kind"] == "mail_rejected"
    assert "550 5.1.1 no such person" in entry["text"]
    assert await desk.told(ChangeType.REMINDER_SENT) == []
    await desk.mails.cancel(id_)
    assert await desk.attention() == []


async def test_reminder_to_another_address_takes_the_place_of_a_refused_one(desk: Desk) -> None:
    file = await desk.file()
    await desk.reminders.send(file, Wanted())
    desk.post.rcpt_to = "550 5.1.1 no such person"
    await desk.queue.send_due()
    desk.post.rcpt_to = None

    status, _ = await desk.reminders.send(file, Wanted(to="right@client.example"))
    await desk.queue.send_due()

    assert status == 202
    assert [mail.state for mail in await desk.log()] == [MailState.SENT, MailState.CANCELLED]
    assert await desk.attention() == []


async def test_lost_answer_is_never_sent_again_by_itself(desk: Desk) -> None:
    id_ = await reminder(desk)
    desk.post.hangs_up = True
    await desk.queue.send_due()
    desk.post.hangs_up = False
    desk.clock.advance(timedelta(days=4))
    await desk.queue.send_due()

    (entry,) = await desk.attention()
    assert entry["kind"] == "mail_needs_attention"
    assert len(desk.post.taken) == 1
    await desk.mails.resolve(id_, "delivered", "she has it")
    assert await desk.attention() == []
    assert await state(desk) is MailState.SENT


async def test_person_has_a_mail_in_doubt_sent_again(desk: Desk) -> None:
    id_ = await reminder(desk)
    desk.post.hangs_up = True
    await desk.queue.send_due()
    desk.post.hangs_up = False

    await desk.mails.resolve(id_, "not_delivered", "nothing came")
    await desk.queue.send_due()

    assert await state(desk) is MailState.SENT
    assert len(desk.post.taken) == 2


async def test_person_is_told_of_what_could_not_be_sent_for_three_days(desk: Desk) -> None:
    await reminder(desk)
    desk.post.data = "451 later"
    for _ in range(11):
        await desk.queue.send_due()
        desk.clock.advance(timedelta(hours=8))

    (entry,) = await desk.attention()
    assert entry["kind"] == "mail_needs_attention"
    assert "72 hours" in entry["text"]


async def test_end_of_the_program_while_sending_leaves_doubt(desk: Desk) -> None:
    id_ = await reminder(desk)
    until = desk.clock.now() + LEASE
    await desk.store.write(lambda uow: uow.mails.begin(id_, "lease", until=until))

    desk.open_again()
    await desk.queue.recover(alone=False)
    assert await state(desk) is MailState.SENDING
    await desk.queue.recover(alone=True)

    assert await state(desk) is MailState.NEEDS_ATTENTION
    await desk.queue.send_due()
    assert desk.post.taken == []


async def test_stop_before_anything_left_puts_the_mail_back(desk: Desk) -> None:
    await reminder(desk)
    held = asyncio.Event()

    async def hold(*_: object) -> str:
        held.set()
        await asyncio.sleep(60)
        return "250 ok"

    desk.post.handle_RCPT = hold  # type: ignore[assignment,method-assign]
    sending = asyncio.create_task(desk.queue.send_due())
    await held.wait()
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending

    assert await state(desk) is MailState.QUEUED


async def test_stop_after_the_message_left_leaves_doubt(desk: Desk) -> None:
    await reminder(desk)
    held = asyncio.Event()

    async def hold(*_: object) -> str:
        held.set()
        await asyncio.sleep(60)
        return "250 ok"

    desk.post.handle_DATA = hold  # type: ignore[assignment,method-assign]
    sending = asyncio.create_task(desk.queue.send_due())
    await held.wait()
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending

    assert await state(desk) is MailState.NEEDS_ATTENTION


async def test_clock_that_was_set_back_holds_no_mail_up(desk: Desk) -> None:
    await reminder(desk)
    desk.clock.jump(timedelta(days=-30))

    await desk.queue.send_due()

    assert await state(desk) is MailState.SENT


async def test_verbs_are_refused_where_the_state_forbids_them(desk: Desk) -> None:
    id_ = await reminder(desk)
    await desk.queue.send_due()

    for move in (desk.mails.retry, desk.mails.cancel):
        with pytest.raises(ConflictError, match="sent"):
            await move(id_)
    with pytest.raises(ConflictError):
        await desk.mails.resolve(id_, "delivered", "")
    with pytest.raises(NotFoundError):
        await desk.mails.retry("no-such-mail")
