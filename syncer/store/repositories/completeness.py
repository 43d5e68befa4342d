"""What is said of expected documents, and the counts of each claim file."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, delete, func, select

from syncer.domain.claim_files import ClaimFile
from syncer.domain.completeness import (
    By,
    Counts,
    Incomplete,
    Mark,
    MarkState,
    MissingFilter,
)
from syncer.domain.instants import from_micros, to_micros
from syncer.domain.lifecycles import Stage
from syncer.store.connection import Connection, any_of, matches, prepared_insert
from syncer.store.repositories.claim_file_pages import FILE_COLUMNS
from syncer.store.repositories.claim_files import file_from
from syncer.store.repositories.record_filters import IS_MISSING
from syncer.store.tables import claim_file, document_mark
from syncer.store.tables import completeness as table

_ADD = prepared_insert(table)
_STAGE: ColumnElement[str] = func.coalesce(claim_file.c.stage, Stage.QUOTE.value)


class CompletenessTable:
    """Implements ``Completeness``."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def marks(self, ids: Collection[str]) -> dict[str, list[Mark]]:
        query = select(document_mark).where(document_mark.c.claim_file_id.in_(list(ids)))
        query = query.order_by(document_mark.c.at, document_mark.c.type)
        found: dict[str, list[Mark]] = {id_: [] for id_ in ids}
        for row in await self._connection.rows(query):
            found[row.claim_file_id].append(_mark(row))
        return found

    async def mark(self, claim_file_id: str, mark: Mark) -> None:
        values = {"state": mark.state.value, "reason": mark.reason, "at": to_micros(mark.at)}
        await self._connection.put(document_mark, _key(claim_file_id, mark.type, mark.by), values)

    async def unmark(self, claim_file_id: str, type_: str, by: By) -> bool:
        said = matches(document_mark, _key(claim_file_id, type_, by))
        return bool(await self._connection.execute(delete(document_mark).where(said)))

    async def counts(self, ids: Collection[str]) -> dict[str, Counts]:
        query = select(table).where(table.c.claim_file_id.in_(list(ids)))
        return {row.claim_file_id: _counts(row) for row in await self._connection.rows(query)}

    async def save_counts(self, counts: Mapping[str, Counts], *, at: datetime) -> None:
        if not counts:
            return
        before = table.c.claim_file_id.in_(list(counts))
        query = select(table.c.claim_file_id, table.c.missing_since).where(before)
        since = {row.claim_file_id: row.missing_since for row in await self._connection.rows(query)}
        await self._connection.execute(delete(table).where(before))
        rows = [
            {
                "claim_file_id": id_,
                "received": one.received,
                "missing": one.missing,
                "waived": one.waived,
                "missing_since": (since.get(id_) or to_micros(at)) if one.missing else None,
            }
            for id_, one in counts.items()
        ]
        await self._connection.run_many(_ADD, rows)

    async def missing(
        self, wanted: MissingFilter, *, after: str | None, limit: int
    ) -> list[Incomplete]:
        query = (
            select(*FILE_COLUMNS, table.c.missing_since)
            .join_from(table, claim_file)
            .where(*_missing(wanted))
            .order_by(claim_file.c.id)
            .limit(limit)
        )
        if after is not None:
            query = query.where(claim_file.c.id > after)
        return [
            Incomplete(claim_file=file_from(row), since=from_micros(row.missing_since))
            for row in await self._connection.rows(query)
        ]

    async def count_missing(self, wanted: MissingFilter) -> int:
        query = select(func.count()).select_from(table.join(claim_file)).where(*_missing(wanted))
        return int(await self._connection.scalar(query))

    async def open_files(
        self, connector: str | None, *, after: str | None, limit: int
    ) -> list[ClaimFile]:
        is_open = _STAGE.not_in([Stage.ARCHIVED.value])
        query = select(*FILE_COLUMNS).where(is_open).order_by(claim_file.c.id).limit(limit)
        if connector is not None:
            query = query.where(claim_file.c.connector == connector)
        if after is not None:
            query = query.where(claim_file.c.id > after)
        return [file_from(row) for row in await self._connection.rows(query)]


def _missing(wanted: MissingFilter) -> list[ColumnElement[bool]]:
    return [
        IS_MISSING,
        *any_of(_STAGE, wanted.stages),
        *any_of(claim_file.c.repairer, wanted.repairers),
        *any_of(claim_file.c.connector, wanted.connectors),
    ]


def _key(claim_file_id: str, type_: str, by: By) -> dict[str, str]:
    return {"claim_file_id": claim_file_id, "type": type_, "said_by": by.value}


def _mark(row: Row[Any]) -> Mark:
    return Mark(
        type=row.type,
        by=By(row.said_by),
        state=MarkState(row.state),
        reason=row.reason,
        at=from_micros(row.at),
    )


def _counts(row: Row[Any]) -> Counts:
    return Counts(received=row.received, missing=row.missing, waived=row.waived)
