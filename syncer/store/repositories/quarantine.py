"""Items that could not be read, and those of unknown type."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Row,
    Text,
    bindparam,
    delete,
    func,
    select,
    update,
)

from syncer.domain.instants import from_micros, to_micros
from syncer.domain.links import LinkKey
from syncer.domain.records import Kind, RecordKey
from syncer.domain.stored import QuarantinedItem
from syncer.store.connection import (
    Connection,
    Prepared,
    any_of,
    json_text,
    prepared_insert,
    texts_of,
)
from syncer.store.repositories.instants import instant, micros
from syncer.store.tables import quarantined as table
from syncer.store.tables import unknown_item

Words = tuple[str, ...] | None
_WAITING = table.c.resolved_at.is_(None)
_ADD = prepared_insert(table)
_WAITING_OF = Prepared(
    select(table.c.id, table.c.kind, table.c.partner_ref)
    .where(table.c.repairer == bindparam("repairer", type_=Text()))
    .where(table.c.connector == bindparam("connector", type_=Text()))
    .where(table.c.partner_ref.in_(texts_of("refs")), _WAITING)
)
_RESOLVE = Prepared(
    update(table)
    .where(table.c.id == bindparam("of_id", type_=Text()))
    .values(resolved_at=bindparam("at", type_=BigInteger()))
)
_FORGET_UNKNOWN = Prepared(
    delete(unknown_item).where(
        *(
            unknown_item.c[name] == bindparam(name, type_=Text())
            for name in ("repairer", "connector", "type", "partner_ref")
        )
    )
)
_NOTE_UNKNOWN = prepared_insert(unknown_item)


class QuarantineTable:
    """Implements ``Quarantine``."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def add(self, items: Sequence[QuarantinedItem]) -> list[QuarantinedItem]:
        by_mark = {_mark(item): item for item in reversed(items)}
        for waiting in await self._same_bytes(items):
            by_mark.pop(waiting, None)
        new = list(reversed(by_mark.values()))
        await self._connection.run_many(_ADD, [_values(item) for item in new])
        return new

    async def _same_bytes(self, items: Sequence[QuarantinedItem]) -> list[tuple[Any, ...]]:
        hashes = [_hash(item.raw) for item in items]
        names = ("repairer", "connector", "kind", "partner_ref", "raw_hash")
        query = select(*(table.c[name] for name in names)).where(
            _WAITING, table.c.raw_hash.in_(hashes)
        )
        return [(*row[:4], bytes(row.raw_hash)) for row in await self._connection.rows(query)]

    async def get(self, id_: str) -> QuarantinedItem | None:
        row = await self._connection.row(select(table).where(table.c.id == id_))
        return None if row is None else _item(row)

    async def find(
        self,
        *,
        repairers: Words,
        connectors: Words,
        unresolved_only: bool = False,
        after: str | None,
        limit: int,
    ) -> list[QuarantinedItem]:
        wanted = _wanted(repairers, connectors, unresolved_only=unresolved_only)
        query = select(table).where(*wanted).order_by(table.c.id.desc()).limit(limit)
        if after is not None:
            query = query.where(table.c.id < after)
        return [_item(row) for row in await self._connection.rows(query)]

    async def count(
        self, *, repairers: Words, connectors: Words, unresolved_only: bool = False
    ) -> int:
        wanted = _wanted(repairers, connectors, unresolved_only=unresolved_only)
        query = select(func.count()).select_from(table).where(*wanted)
        return int(await self._connection.scalar(query))

    async def resolve(self, link: LinkKey, keys: Collection[RecordKey], at: datetime) -> None:
        await self._resolve(link, {(key.kind.value, key.partner_ref) for key in keys}, at)

    async def resolve_claims(self, link: LinkKey, refs: Collection[str], at: datetime) -> None:
        await self._resolve(link, {(None, ref) for ref in refs}, at)

    async def _resolve(
        self, link: LinkKey, read_well: Collection[tuple[str | None, str]], at: datetime
    ) -> None:
        refs = json_text(sorted({ref for _, ref in read_well}))
        rows = await self._connection.fetch(
            _WAITING_OF, repairer=link.repairer, connector=link.connector, refs=refs
        )
        stamp = to_micros(at)
        done = [{"of_id": id_, "at": stamp} for id_, *key in rows if tuple(key) in read_well]
        await self._connection.run_many(_RESOLVE, done)

    async def note_unknown(
        self, link: LinkKey, items: Sequence[tuple[str, str | None, bytes]], *, at: datetime
    ) -> None:
        newest = {(type_, ref or ""): raw for type_, ref, raw in items}
        rows = [
            {**link._asdict(), "type": type_, "partner_ref": ref, "at": to_micros(at), "raw": raw}
            for (type_, ref), raw in newest.items()
        ]
        await self._connection.run_many(_FORGET_UNKNOWN, rows)
        await self._connection.run_many(_NOTE_UNKNOWN, rows)


def _wanted(
    repairers: Words, connectors: Words, *, unresolved_only: bool
) -> list[ColumnElement[bool]]:
    return [
        *any_of(table.c.repairer, repairers),
        *any_of(table.c.connector, connectors),
        *([_WAITING] if unresolved_only else []),
    ]


def _hash(raw: bytes) -> bytes:
    return hashlib.sha256(raw).digest()


def _mark(item: QuarantinedItem) -> tuple[Any, ...]:
    return (*item.link, item.kind and item.kind.value, item.partner_ref, _hash(item.raw))


def _values(item: QuarantinedItem) -> dict[str, Any]:
    return {
        "id": item.id,
        **item.link._asdict(),
        "kind": item.kind and item.kind.value,
        "partner_ref": item.partner_ref,
        "reason": item.reason,
        "raw_hash": _hash(item.raw),
        "at": to_micros(item.at),
        "resolved_at": micros(item.resolved_at),
        "raw": item.raw,
    }


def _item(row: Row[Any]) -> QuarantinedItem:
    return QuarantinedItem(
        id=row.id,
        link=LinkKey(row.repairer, row.connector),
        kind=Kind(row.kind) if row.kind else None,
        partner_ref=row.partner_ref,
        reason=row.reason,
        raw=bytes(row.raw),
        at=from_micros(row.at),
        resolved_at=instant(row.resolved_at),
    )
