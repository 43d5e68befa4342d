"""Inbound records, their versions and decisions."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Select, and_, func, or_, select, update

from syncer.domain.instants import from_micros, to_micros
from syncer.domain.intake import IntakeState
from syncer.domain.links import LinkKey
from syncer.domain.records import Kind, RecordKey
from syncer.domain.stored import (
    DecisionWrite,
    KnownRecord,
    RecordFilter,
    RecordVersion,
    RecordWrite,
    StoredRecord,
)
from syncer.store.connection import Cells, Connection, matches
from syncer.store.repositories import record_pages
from syncer.store.repositories.leftovers import IS_INCOMPLETE
from syncer.store.repositories.record_columns import STORED_COLUMNS, stored_from
from syncer.store.repositories.record_filters import conditions
from syncer.store.tables import record as table
from syncer.store.tables import record_version

_VERSION_NAMES = ("version", "status", "status_changed_at", "received_at", "body")
_NOT_EXCLUDED = table.c.intake != IntakeState.EXCLUDED.value


class RecordTable:
    """Implements ``Records``."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def known(
        self, link: LinkKey, keys: Collection[RecordKey]
    ) -> dict[RecordKey, KnownRecord]:
        return await record_pages.known_records(self._connection, link, keys)

    async def add(self, rows: Sequence[RecordWrite]) -> None:
        await record_pages.add_records(self._connection, rows)

    async def replace(self, rows: Sequence[RecordWrite]) -> None:
        await record_pages.replace_records(self._connection, rows)

    async def decide(self, rows: Sequence[DecisionWrite]) -> None:
        await record_pages.decide_records(self._connection, rows)

    async def complete(self, id_: str, body: bytes, *, revision: str, version: int) -> None:
        present = and_(table.c.id == id_, table.c.revision == revision, table.c.version == version)
        completed = update(table).where(present).values(body=body, incomplete=False)
        await self._connection.execute(completed)

    async def withdraw(self, ids: Collection[str]) -> None:
        gone = table.c.id.in_(list(ids))
        await self._connection.execute(update(table).where(gone).values(withdrawn=True))

    async def take_over(self, id_: str, *, version: int, at: datetime) -> None:
        values = {"taken_over_at": to_micros(at), "taken_over_version": version}
        await self._connection.execute(update(table).where(table.c.id == id_).values(**values))

    async def get(self, id_: str) -> StoredRecord | None:
        row = await self._connection.row(select(*STORED_COLUMNS).where(table.c.id == id_))
        return None if row is None else stored_from(row)

    async def find(
        self, wanted: RecordFilter, *, after: tuple[datetime, str] | None, limit: int
    ) -> list[StoredRecord]:
        query = select(*STORED_COLUMNS).where(*conditions(wanted))
        if after is not None:
            changed_at, id_ = to_micros(after[0]), after[1]
            older = table.c.status_changed_at < changed_at
            as_old = and_(table.c.status_changed_at == changed_at, table.c.id > id_)
            query = query.where(or_(older, as_old))
        query = query.order_by(table.c.status_changed_at.desc(), table.c.id).limit(limit)
        return await self._stored(query)

    async def count(self, wanted: RecordFilter) -> int:
        query = select(func.count()).select_from(table).where(*conditions(wanted))
        return int(await self._connection.scalar(query))

    async def history(self, id_: str) -> list[RecordVersion]:
        present = select(*(table.c[name] for name in _VERSION_NAMES)).where(table.c.id == id_)
        earlier = (
            select(*(record_version.c[name] for name in _VERSION_NAMES))
            .where(record_version.c.record_id == id_)
            .order_by(record_version.c.number.desc())
        )
        rows = [*await self._connection.rows(present), *await self._connection.rows(earlier)]
        return [_version(row) for row in rows]

    async def of_link(self, link: LinkKey, *, after: str | None, limit: int) -> list[StoredRecord]:
        query = select(*STORED_COLUMNS).where(matches(table, link._asdict()))
        if after is not None:
            query = query.where(table.c.id > after)
        return await self._stored(query.order_by(table.c.id).limit(limit))

    async def incomplete(self, link: LinkKey, *, limit: int) -> list[StoredRecord]:
        query = select(*STORED_COLUMNS).where(matches(table, link._asdict()))
        query = query.where(IS_INCOMPLETE, _NOT_EXCLUDED)
        return await self._stored(query.order_by(table.c.id).limit(limit))

    async def refs(self, link: LinkKey, kind: Kind, *, but: Collection[str]) -> list[str]:
        query = select(table.c.partner_ref).where(
            matches(table, link._asdict()),
            table.c.kind == kind.value,
            table.c.withdrawn.is_(False),
            table.c.status.not_in(list(but)),
        )
        rows = await self._connection.rows(query.order_by(table.c.partner_ref))
        return [row.partner_ref for row in rows]

    async def of_claim_files(self, ids: Collection[str]) -> dict[str, list[str]]:
        query = (
            select(table.c.claim_file_id, table.c.id)
            .where(table.c.claim_file_id.in_(list(ids)), _NOT_EXCLUDED)
            .order_by(table.c.id)
        )
        found: dict[str, list[str]] = {id_: [] for id_ in ids}
        for row in await self._connection.rows(query):
            found[row.claim_file_id].append(row.id)
        return found

    async def _stored(self, query: Select[Any]) -> list[StoredRecord]:
        return [stored_from(row) for row in await self._connection.rows(query)]


def _version(row: Cells) -> RecordVersion:
    version, status, status_changed_at, received_at, body = row
    return RecordVersion(
        version=version,
        status=status,
        status_changed_at=from_micros(status_changed_at),
        received_at=from_micros(received_at),
        body=bytes(body),
    )
