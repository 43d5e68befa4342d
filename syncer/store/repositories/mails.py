"""Mails to people: the queue and its log."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, func, insert, or_, select, update

from syncer.domain.instants import from_micros, to_micros
from syncer.domain.links import LinkKey
from syncer.domain.mail import Language
from syncer.domain.mails import WAITING, MailFilter, MailKind, MailState, StoredMail
from syncer.store.connection import Connection, any_of, from_json, json_text
from syncer.store.repositories.instants import instant, micros
from syncer.store.tables import mail as table

_WAITING = table.c.state.in_(sorted(state.value for state in WAITING))
_SENDING = table.c.state == MailState.SENDING.value


class MailTable:
    """Implements ``Mails``."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def add(self, mail: StoredMail) -> bool:
        if mail.once is not None:
            known = select(table.c.id).where(table.c.once == mail.once)
            if await self._connection.scalar(known) is not None:
                return False
        fixed = {
            "id": mail.id,
            "repairer": mail.link.repairer,
            "connector": mail.link.connector,
            "claim_file_id": mail.claim_file,
            "kind": mail.kind.value,
            "once": mail.once,
            "recipient": mail.to,
            "language": mail.language.value,
            "subject": mail.subject,
            "body": mail.text,
            "facts": json_text(mail.facts),
        }
        await self._connection.execute(insert(table).values(**fixed, **_moving(mail)))
        return True

    async def get(self, id_: str) -> StoredMail | None:
        row = await self._connection.row(select(table).where(table.c.id == id_))
        return None if row is None else _mail(row)

    async def find(self, wanted: MailFilter, *, after: str | None, limit: int) -> list[StoredMail]:
        query = select(table).where(*_wanted(wanted)).order_by(table.c.id.desc()).limit(limit)
        if after is not None:
            query = query.where(table.c.id < after)
        return [_mail(row) for row in await self._connection.rows(query)]

    async def count(self, wanted: MailFilter) -> int:
        query = select(func.count()).select_from(table).where(*_wanted(wanted))
        return int(await self._connection.scalar(query))

    async def due(self, now: datetime, *, too_late: datetime, limit: int) -> list[StoredMail]:
        next_at = table.c.next_attempt_at
        query = (
            select(table)
            .where(_WAITING)
            .where(or_(next_at <= to_micros(now), next_at > to_micros(too_late)))
            .order_by(next_at, table.c.id)
            .limit(limit)
        )
        return [_mail(row) for row in await self._connection.rows(query)]

    async def next_attempt_at(self) -> datetime | None:
        query = select(func.min(table.c.next_attempt_at)).where(_WAITING)
        return instant(await self._connection.scalar(query))

    async def begin(self, id_: str, lease: str, *, until: datetime) -> bool:
        taken = update(table).where(table.c.id == id_, _WAITING)
        values = {
            "state": MailState.SENDING.value,
            "lease": lease,
            "lease_until": to_micros(until),
        }
        return await self._connection.execute(taken.values(**values)) == 1

    async def end(self, mail: StoredMail, lease: str) -> bool:
        ours = update(table).where(table.c.id == mail.id, table.c.lease == lease)
        done = ours.values(**_moving(mail), lease=None, lease_until=None)
        return await self._connection.execute(done) == 1

    async def abandoned(self, now: datetime) -> list[tuple[StoredMail, str]]:
        query = select(table).where(_SENDING, table.c.lease_until <= to_micros(now))
        rows = await self._connection.rows(query.order_by(table.c.id))
        return [(_mail(row), row.lease) for row in rows]

    async def move(self, mail: StoredMail, *, before: Collection[MailState]) -> bool:
        states = sorted(state.value for state in before)
        moved = update(table).where(table.c.id == mail.id, table.c.state.in_(states))
        done = moved.values(**_moving(mail), lease=None, lease_until=None)
        return await self._connection.execute(done) == 1

    async def last_reminder(self, claim_file: str) -> StoredMail | None:
        query = (
            select(table)
            .where(table.c.claim_file_id == claim_file, table.c.kind == MailKind.REMINDER.value)
            .where(table.c.state.not_in([MailState.CANCELLED.value, MailState.REJECTED.value]))
            .order_by(table.c.id.desc())
            .limit(1)
        )
        row = await self._connection.row(query)
        return None if row is None else _mail(row)


def _wanted(wanted: MailFilter) -> list[ColumnElement[bool]]:
    terms = [
        *any_of(table.c.repairer, wanted.repairers),
        *any_of(table.c.connector, wanted.connectors),
        *any_of(table.c.state, wanted.states),
        *any_of(table.c.kind, wanted.kinds),
    ]
    if wanted.claim_file is not None:
        terms.append(table.c.claim_file_id == wanted.claim_file)
    return terms


def _moving(mail: StoredMail) -> dict[str, Any]:
    return {
        "state": mail.state.value,
        "attempts": mail.attempts,
        "reason": mail.reason,
        "created_at": to_micros(mail.created_at),
        "next_attempt_at": micros(mail.next_attempt_at),
        "ended_at": micros(mail.ended_at),
    }


def _mail(row: Row[Any]) -> StoredMail:
    return StoredMail(
        id=row.id,
        kind=MailKind(row.kind),
        link=LinkKey(row.repairer, row.connector),
        claim_file=row.claim_file_id,
        to=row.recipient,
        subject=row.subject,
        text=row.body,
        language=Language(row.language),
        facts=from_json(row.facts),
        once=row.once,
        state=MailState(row.state),
        attempts=row.attempts,
        reason=row.reason,
        created_at=from_micros(row.created_at),
        next_attempt_at=instant(row.next_attempt_at),
        ended_at=instant(row.ended_at),
    )
