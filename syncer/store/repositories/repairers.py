"""Repairers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Row, func, select, update

from syncer.domain.instants import from_micros, to_micros
from syncer.domain.stored import Repairer
from syncer.ports.ambient import Clock
from syncer.store.connection import Connection, from_json, json_text
from syncer.store.tables import repairer as table


class RepairerTable:
    """Implements ``Repairers``."""

    def __init__(self, connection: Connection, clock: Clock) -> None:
        self._connection = connection
        self._clock = clock

    async def get(self, repairer: str) -> Repairer | None:
        row = await self._connection.row(select(table).where(table.c.id == repairer))
        return None if row is None else _repairer(row)

    async def find(self, *, after: str | None, limit: int) -> list[Repairer]:
        query = select(table).order_by(table.c.id).limit(limit)
        if after is not None:
            query = query.where(table.c.id > after)
        return [_repairer(row) for row in await self._connection.rows(query)]

    async def count(self) -> int:
        return int(await self._connection.scalar(select(func.count()).select_from(table)))

    async def put(self, repairer: Repairer) -> bool:
        known = await self.get(repairer.id)
        made_at = known.created_at if known else repairer.created_at
        values = {
            "name": repairer.name,
            "sites": json_text(repairer.sites),
            "prefilled": json_text(repairer.prefilled),
            "origin": repairer.origin,
            "created_at": to_micros(made_at or self._clock.now()),
        }
        return await self._connection.put(table, {"id": repairer.id}, values)

    async def keep_from_file(self, repairers: Sequence[Repairer]) -> None:
        for repairer in repairers:
            await self.put(replace(repairer, origin="file"))
        gone = table.c.id.not_in([repairer.id for repairer in repairers])
        statement = update(table).where(table.c.origin == "file", gone).values(origin="api")
        await self._connection.execute(statement)


def _repairer(row: Row[Any]) -> Repairer:
    return Repairer(
        id=row.id,
        name=row.name,
        sites=tuple(from_json(row.sites)),
        prefilled=from_json(row.prefilled),
        origin=row.origin,
        created_at=from_micros(row.created_at),
    )
