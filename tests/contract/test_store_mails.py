"""The queue of mails, and stays of claim files, on both databases."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from syncer.domain.dwells import Dwell
from syncer.domain.lifecycles import Event, Stage, Standing
from syncer.domain.lives import EventOutcome, LifeWrite, LoggedEvent
from syncer.domain.mail import Language
from syncer.domain.mails import RETRYABLE, MailFilter, MailKind, MailState, StoredMail, sent
from syncer.domain.records import ClaimRef
from syncer.domain.stored import ClaimFileRef
from syncer.store import SqlStore
from tests.contract.samples import LINK, NOW, ask

LATER = NOW + timedelta(hours=1)


async def new_file(store: SqlStore, ref: str = "C-1") -> str:
    named = ClaimFileRef(claim=ClaimRef(partner_ref=ref, reference=f"R {ref}"), at=NOW)
    return (await store.write(lambda unit: unit.claim_files.ensure(LINK, [named], at=NOW)))[ref][0]


def mail_of(file: str, id_: str = "m-1", **parts: Any) -> StoredMail:
    fixed: dict[str, Any] = {
        "kind": MailKind.REMINDER,
        "to": "a@b.be",
        "subject": "Sujet é",
        "text": "Texte\n",
        "language": Language.FRENCH,
        "facts": {"missing": ["mandat"]},
        "created_at": NOW,
        "next_attempt_at": NOW,
    }
    return StoredMail(id=id_, link=LINK, claim_file=file, **fixed | parts)


async def test_mail_is_read_back_as_it_was_stored(store: SqlStore) -> None:
    mail = mail_of(await new_file(store))

    await store.write(lambda unit: unit.mails.add(mail))

    assert await ask(store, lambda unit: unit.mails.get("m-1")) == mail
    assert await ask(store, lambda unit: unit.mails.get("m-2")) is None


async def test_second_mail_for_the_same_cause_is_not_stored(store: SqlStore) -> None:
    file = await new_file(store)

    added = [
        await store.write(lambda unit, id_=id_: unit.mails.add(mail_of(file, id_, once="c:1")))  # type: ignore[misc]
        for id_ in ("m-1", "m-2")
    ]

    assert added == [True, False]
    assert await ask(store, lambda unit: unit.mails.count(MailFilter())) == 1


async def test_mail_is_taken_once_and_ended_by_its_lease_only(store: SqlStore) -> None:
    mail = mail_of(await new_file(store))
    await store.write(lambda unit: unit.mails.add(mail))
    done = sent(mail, answer="kept", at=LATER)

    took = [
        await store.write(lambda unit, own=own: unit.mails.begin("m-1", own, until=LATER))  # type: ignore[misc]
        for own in ("lease-a", "lease-b")
    ]
    ended = [
        await store.write(lambda unit, own=own: unit.mails.end(done, own))  # type: ignore[misc]
        for own in ("lease-b", "lease-a")
    ]

    assert took == [True, False]
    assert ended == [False, True]
    assert await ask(store, lambda unit: unit.mails.get("m-1")) == done
    assert await ask(store, lambda unit: unit.mails.next_attempt_at()) is None


async def test_mail_whose_lease_is_over_is_found(store: SqlStore) -> None:
    mail = mail_of(await new_file(store))
    await store.write(lambda unit: unit.mails.add(mail))
    await store.write(lambda unit: unit.mails.begin("m-1", "lease-a", until=LATER))

    early = await ask(store, lambda unit: unit.mails.abandoned(NOW))
    late = await ask(store, lambda unit: unit.mails.abandoned(LATER))

    assert early == []
    assert [(one.id, lease) for one, lease in late] == [("m-1", "lease-a")]


async def test_mails_are_listed_and_filtered(store: SqlStore) -> None:
    file = await new_file(store)
    rows = [
        mail_of(file, "m-1", next_attempt_at=LATER),
        mail_of(file, "m-2", kind=MailKind.STATUS, next_attempt_at=NOW),
        mail_of(file, "m-3", state=MailState.REJECTED, next_attempt_at=None, reason="550 no"),
    ]
    for row in rows:
        await store.write(lambda unit, row=row: unit.mails.add(row))  # type: ignore[misc]

    async def ids(wanted: MailFilter) -> list[str]:
        found = await ask(store, lambda unit: unit.mails.find(wanted, after=None, limit=9))
        return [one.id for one in found]

    assert await ids(MailFilter()) == ["m-3", "m-2", "m-1"]
    assert await ids(MailFilter(states=("rejected",))) == ["m-3"]
    assert await ids(MailFilter(kinds=("status",), claim_file=file)) == ["m-2"]
    assert await ids(MailFilter(repairers=("nobody",))) == []
    due = await ask(store, lambda unit: unit.mails.due(NOW, too_late=LATER, limit=9))
    assert [one.id for one in due] == ["m-2"]
    late = await ask(store, lambda unit: unit.mails.due(NOW, too_late=NOW, limit=9))
    assert [one.id for one in late] == ["m-2", "m-1"]
    assert await ask(store, lambda unit: unit.mails.next_attempt_at()) == NOW
    last = await ask(store, lambda unit: unit.mails.last_reminder(file))
    assert last == rows[0]
    again = replace(rows[2], state=MailState.QUEUED, reason=None, next_attempt_at=NOW)
    moved = [
        await store.write(lambda unit: unit.mails.move(again, before=RETRYABLE)) for _ in range(2)
    ]
    assert moved == [True, False]


async def test_mails_that_have_ended_go_with_the_histories(store: SqlStore) -> None:
    file = await new_file(store)
    for number, (state, ended_at) in enumerate(
        [(MailState.SENT, NOW), (MailState.SENT, LATER), (MailState.REJECTED, None)]
    ):
        mail = mail_of(file, f"m-{number}", state=state, ended_at=ended_at, next_attempt_at=None)
        await store.write(lambda unit, mail=mail: unit.mails.add(mail))  # type: ignore[misc]

    removed = await store.write(
        lambda unit: unit.pruning.prune(passes=NOW, changes=NOW, history=LATER, answers=NOW)
    )

    assert removed["mails"] == 1
    left = await ask(store, lambda unit: unit.mails.find(MailFilter(), after=None, limit=9))
    assert [one.id for one in left] == ["m-2", "m-1"]


async def test_stay_begins_with_the_event_that_brought_the_state(store: SqlStore) -> None:
    file, other = await new_file(store), await new_file(store, "C-2")
    steps = [(None, "received", "ricevuta", 0), ("received", "validated", "validata", 5)]
    steps += [("validated", "validated", "nota", 9)]
    events = [
        LoggedEvent(
            claim_file=file,
            event=Event(name=name, key=name, at=NOW + timedelta(days=days)),
            outcome=EventOutcome.MOVED,
            place=place,
            from_state=before,
            to_state=after,
        )
        for place, (before, after, name, days) in enumerate(steps, 1)
    ]
    await store.write(lambda unit: unit.lives.log(events))
    await store.write(lambda unit: unit.lives.save([life(file), life(other)], at=NOW))

    stays = await ask(store, lambda unit: unit.dwells.stays(LINK, after=None, limit=9))

    assert [(one.claim_file, one.state, one.word, one.since) for one in stays] == [
        (file, "validated", "validata", NOW + timedelta(days=5)),
        (other, "validated", None, NOW),
    ]
    past = Dwell(
        claim_file=file, state="validated", since=stays[0].since, limit_text="10d", told_at=LATER
    )
    await store.write(lambda unit: unit.dwells.save([past]))
    (overdue,) = await ask(store, lambda unit: unit.dwells.overdue(after=None, limit=9))
    assert (overdue.dwelling, overdue.limit_text) == (stays[0], "10d")
    assert await ask(store, lambda unit: unit.dwells.of_link(LINK)) == [past]
    assert await ask(store, lambda unit: unit.dwells.links()) == [LINK]
    await store.write(lambda unit: unit.dwells.save([replace(past, is_past=False)]))
    assert await ask(store, lambda unit: unit.dwells.count_overdue()) == 0
    await store.write(lambda unit: unit.dwells.save([past]))
    await store.write(lambda unit: unit.lives.reach(file, Stage.ARCHIVED, at=LATER))
    assert await ask(store, lambda unit: unit.dwells.count_overdue()) == 0
    await store.write(lambda unit: unit.dwells.remove([file]))
    assert await ask(store, lambda unit: unit.dwells.of_link(LINK)) == []


def life(file: str) -> LifeWrite:
    return LifeWrite(
        claim_file=file,
        standing=Standing(state="validated"),
        selectable=True,
        selectable_reason=None,
        places=3,
    )
