"""Passes that are kept."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Row, func, select

from syncer.domain.instants import from_micros, to_micros
from syncer.domain.links import LinkKey
from syncer.domain.passes import Pass, PassCounts, PassError, PassState, PassTrigger
from syncer.store.connection import Connection, any_of, from_json, json_text
from syncer.store.repositories.instants import instant, micros
from syncer.store.tables import kept_pass as table

Words = tuple[str, ...] | None
_UNENDED = [state.value for state in PassState if not state.has_ended]


class PassTable:
    """Implements ``Passes``."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def save(self, pass_: Pass) -> None:
        error = pass_.error
        values = {
            **pass_.link._asdict(),
            "trigger": pass_.trigger.value,
            "state": pass_.state.value,
            "pages": pass_.pages,
            "counts": json_text(pass_.counts),
            "error_code": error.code if error else None,
            "error_text": error.text if error else None,
            "retry_at": micros(error.retry_at) if error else None,
            "created_at": to_micros(pass_.created_at),
            "started_at": micros(pass_.started_at),
            "ended_at": micros(pass_.ended_at),
        }
        await self._connection.put(table, {"id": pass_.id}, values)

    async def get(self, id_: str) -> Pass | None:
        row = await self._connection.row(select(table).where(table.c.id == id_))
        return None if row is None else _pass(row)

    async def find(
        self,
        *,
        repairers: Words,
        connectors: Words,
        states: Words,
        after: str | None,
        limit: int,
    ) -> list[Pass]:
        query = select(table).where(*_wanted(repairers, connectors, states))
        if after is not None:
            query = query.where(table.c.id < after)
        query = query.order_by(table.c.id.desc()).limit(limit)
        return [_pass(row) for row in await self._connection.rows(query)]

    async def count(self, *, repairers: Words, connectors: Words, states: Words) -> int:
        query = select(func.count()).select_from(table)
        query = query.where(*_wanted(repairers, connectors, states))
        return int(await self._connection.scalar(query))

    async def unended(self) -> list[Pass]:
        query = select(table).where(table.c.state.in_(_UNENDED)).order_by(table.c.id)
        return [_pass(row) for row in await self._connection.rows(query)]


def _wanted(repairers: Words, connectors: Words, states: Words) -> list[ColumnElement[bool]]:
    return [
        *any_of(table.c.repairer, repairers),
        *any_of(table.c.connector, connectors),
        *any_of(table.c.state, states),
    ]


def _pass(row: Row[Any]) -> Pass:
    error = None
    if row.error_code is not None:
        error = PassError(code=row.error_code, text=row.error_text, retry_at=instant(row.retry_at))
    return Pass(
        id=row.id,
        link=LinkKey(row.repairer, row.connector),
        trigger=PassTrigger(row.trigger),
        state=PassState(row.state),
        pages=row.pages,
        counts=PassCounts(**from_json(row.counts)),
        error=error,
        created_at=from_micros(row.created_at),
        started_at=instant(row.started_at),
        ended_at=instant(row.ended_at),
    )
