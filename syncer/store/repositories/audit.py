"""The append-only audit chain."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row, select

from syncer.domain.instants import from_micros, to_micros
from syncer.domain.stored import AuditEntry
from syncer.store.connection import Connection, from_json, json_text, prepared_insert
from syncer.store.tables import audit as table

_APPEND = prepared_insert(table)


class AuditTable:
    """Implements ``Audit``."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def last(self) -> AuditEntry | None:
        row = await self._connection.row(select(table).order_by(table.c.seq.desc()).limit(1))
        return None if row is None else _entry(row)

    async def append(self, entry: AuditEntry) -> None:
        values = {
            "seq": entry.seq,
            "chain": entry.chain,
            "at": to_micros(entry.at),
            "action": entry.action,
            "actor": entry.actor,
            "repairer": entry.repairer,
            "connector": entry.connector,
            "detail": json_text(entry.detail),
            "mac": entry.mac,
        }
        await self._connection.run_many(_APPEND, [values])

    async def walk(self, *, after: int, limit: int) -> list[AuditEntry]:
        query = select(table).where(table.c.seq > after).order_by(table.c.seq).limit(limit)
        return [_entry(row) for row in await self._connection.rows(query)]


def _entry(row: Row[Any]) -> AuditEntry:
    return AuditEntry(
        seq=row.seq,
        chain=row.chain,
        at=from_micros(row.at),
        action=row.action,
        actor=row.actor,
        repairer=row.repairer,
        connector=row.connector,
        detail=from_json(row.detail),
        mac=bytes(row.mac),
    )
