"""How long claim files stay in their states."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Row, Select, delete, func, insert, select

from syncer.domain.dwells import Dwell, Dwelling, Overdue
from syncer.domain.instants import from_micros, to_micros
from syncer.domain.lifecycles import Stage
from syncer.domain.links import LinkKey
from syncer.store.connection import Connection
from syncer.store.tables import claim_file, claim_file_event
from syncer.store.tables import dwell as table


def _last_move(column: str) -> Any:
    """Give a column of the event that brought a claim file into its present state."""
    moved = claim_file_event.alias("moved")
    return (
        select(moved.c[column])
        .where(moved.c.claim_file_id == claim_file.c.id, moved.c.place.is_not(None))
        .where(moved.c.from_state.is_distinct_from(moved.c.to_state))
        .order_by(moved.c.place.desc())
        .limit(1)
        .correlate(claim_file)
        .scalar_subquery()
    )


_SINCE = func.coalesce(_last_move("at"), claim_file.c.created_at)
_STAY = (
    claim_file.c.id,
    claim_file.c.repairer,
    claim_file.c.connector,
    claim_file.c.reference,
    claim_file.c.state,
    _last_move("name").label("word"),
    _SINCE.label("since"),
)
_IS_OPEN = claim_file.c.stage.is_distinct_from(Stage.ARCHIVED.value)


class DwellTable:
    """Implements ``Dwells``."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def stays(self, link: LinkKey, *, after: str | None, limit: int) -> list[Dwelling]:
        query = (
            select(*_STAY)
            .where(claim_file.c.repairer == link.repairer)
            .where(claim_file.c.connector == link.connector)
            .where(claim_file.c.state.is_not(None), _IS_OPEN)
            .order_by(claim_file.c.id)
            .limit(limit)
        )
        if after is not None:
            query = query.where(claim_file.c.id > after)
        return [_dwelling(row) for row in await self._connection.rows(query)]

    async def of_link(self, link: LinkKey) -> list[Dwell]:
        query = (
            select(table)
            .join(claim_file, claim_file.c.id == table.c.claim_file_id)
            .where(claim_file.c.repairer == link.repairer)
            .where(claim_file.c.connector == link.connector)
        )
        return [_dwell(row) for row in await self._connection.rows(query)]

    async def links(self) -> list[LinkKey]:
        query = (
            select(claim_file.c.repairer, claim_file.c.connector)
            .join(table, claim_file.c.id == table.c.claim_file_id)
            .distinct()
        )
        return [LinkKey(row.repairer, row.connector) for row in await self._connection.rows(query)]

    async def save(self, dwells: Sequence[Dwell]) -> None:
        await self.remove([one.claim_file for one in dwells])
        if dwells:
            await self._connection.execute(insert(table).values([_values(one) for one in dwells]))

    async def remove(self, claim_files: Collection[str]) -> None:
        if claim_files:
            of_files = table.c.claim_file_id.in_(list(claim_files))
            await self._connection.execute(delete(table).where(of_files))

    async def overdue(self, *, after: str | None, limit: int) -> list[Overdue]:
        query = _overdue(*_STAY, table.c.limit_text).order_by(claim_file.c.id).limit(limit)
        if after is not None:
            query = query.where(claim_file.c.id > after)
        rows = await self._connection.rows(query)
        return [Overdue(dwelling=_dwelling(row), limit_text=row.limit_text) for row in rows]

    async def count_overdue(self) -> int:
        return int(await self._connection.scalar(_overdue(func.count())))


def _overdue(*columns: Any) -> Select[Any]:
    """Select what is past its limit and still is in the same state since the same instant."""
    return (
        select(*columns)
        .select_from(claim_file.join(table, claim_file.c.id == table.c.claim_file_id))
        .where(table.c.is_past == True, _IS_OPEN)  # noqa: E712 - SQL's equals
        .where(claim_file.c.state == table.c.state, table.c.since == _SINCE)
    )


def _dwelling(row: Row[Any]) -> Dwelling:
    return Dwelling(
        claim_file=row.id,
        link=LinkKey(row.repairer, row.connector),
        reference=row.reference,
        state=row.state,
        word=row.word,
        since=from_micros(row.since),
    )


def _dwell(row: Row[Any]) -> Dwell:
    return Dwell(
        claim_file=row.claim_file_id,
        state=row.state,
        since=from_micros(row.since),
        limit_text=row.limit_text,
        told_at=from_micros(row.told_at),
        is_past=bool(row.is_past),
    )


def _values(one: Dwell) -> dict[str, Any]:
    return {
        "claim_file_id": one.claim_file,
        "state": one.state,
        "since": to_micros(one.since),
        "limit_text": one.limit_text,
        "told_at": to_micros(one.told_at),
        "is_past": one.is_past,
    }
