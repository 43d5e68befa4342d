"""Claim files."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, func, insert, or_, select, update

from syncer.domain.claim_files import ClaimFile, Origin
from syncer.domain.instants import from_micros, to_micros
from syncer.domain.lifecycles import Stage, Standing
from syncer.domain.links import LinkKey
from syncer.domain.records import ClaimRef
from syncer.domain.stored import ClaimFileFilter, ClaimFileRef
from syncer.ports.ambient import Ids
from syncer.store.connection import Connection, any_of, from_json, json_text, matches
from syncer.store.repositories.claim_file_joins import name_claim_file
from syncer.store.repositories.claim_file_pages import (
    FILE_COLUMNS,
    ensure_claim_files,
    folded_values,
    unbegun,
)
from syncer.store.repositories.lives import standing_of
from syncer.store.repositories.record_filters import contains, misses_documents
from syncer.store.tables import claim_file as table
from syncer.store.tables import claim_file_alias as alias

_TEXTS = ("claim_number", "reference", "partner_ref")


class ClaimFileTable:
    """Implements ``ClaimFiles``."""

    def __init__(self, connection: Connection, ids: Ids) -> None:
        self._connection = connection
        self._ids = ids

    async def ensure(
        self, link: LinkKey, refs: Sequence[ClaimFileRef], *, at: datetime
    ) -> dict[str, tuple[str, bool | None]]:
        return await ensure_claim_files(self._connection, self._ids, link, refs, at)

    async def make(self, claim_file: ClaimFile) -> str | None:
        same = {**claim_file.link._asdict(), "reference": claim_file.reference}
        if claim_file.reference is not None:
            query = select(table.c.id).where(matches(table, same)).order_by(table.c.id)
            known = await self._connection.row(query.limit(1))
            if known is not None:
                return str(known.id)
        await self._connection.execute(insert(table).values(**_values(claim_file)))
        return None

    async def save_person_data(
        self, id_: str, data: Mapping[str, Any], set_at: Mapping[str, str], *, at: datetime
    ) -> None:
        values = {
            "person_data": json_text(data),
            "person_set_at": json_text(set_at),
            "updated_at": to_micros(at),
        }
        await self._connection.execute(update(table).where(table.c.id == id_).values(**values))

    async def named(self, link: LinkKey, claim: ClaimRef) -> ClaimFile | None:
        for name in ("partner_ref", "reference"):
            value = getattr(claim, name)
            if value is not None:
                same = matches(table, {**link._asdict(), name: value})
                query = select(*FILE_COLUMNS).where(same).order_by(table.c.id).limit(1)
                row = await self._connection.row(query)
                if row is not None:
                    return file_from(row)
        known = {**link._asdict(), "partner_ref": claim.partner_ref}
        id_ = await self._connection.scalar(
            select(alias.c.claim_file_id).where(matches(alias, known))
        )
        return None if id_ is None else await self.get(id_)

    async def name(self, id_: str, partner_ref: str, *, at: datetime) -> str | None:
        return await name_claim_file(self._connection, id_, partner_ref, at)

    async def get(self, id_: str) -> ClaimFile | None:
        row = await self._connection.row(select(*FILE_COLUMNS).where(table.c.id == id_))
        return None if row is None else file_from(row)

    async def some(self, ids: Collection[str]) -> list[ClaimFile]:
        query = select(*FILE_COLUMNS).where(table.c.id.in_(list(ids))).order_by(table.c.id)
        return [file_from(row) for row in await self._connection.rows(query)]

    async def find(
        self, wanted: ClaimFileFilter, *, after: tuple[datetime, str] | None, limit: int
    ) -> list[ClaimFile]:
        query = select(*FILE_COLUMNS).where(*_conditions(wanted))
        if after is not None:
            updated_at, id_ = to_micros(after[0]), after[1]
            as_old = and_(table.c.updated_at == updated_at, table.c.id > id_)
            query = query.where(or_(table.c.updated_at < updated_at, as_old))
        query = query.order_by(table.c.updated_at.desc(), table.c.id).limit(limit)
        return [file_from(row) for row in await self._connection.rows(query)]

    async def count(self, wanted: ClaimFileFilter) -> int:
        query = select(func.count()).select_from(table).where(*_conditions(wanted))
        return int(await self._connection.scalar(query))


def _conditions(wanted: ClaimFileFilter) -> list[ColumnElement[bool]]:
    found = [
        *any_of(table.c.repairer, wanted.repairers),
        *any_of(table.c.connector, wanted.connectors),
        *any_of(table.c.state, wanted.states),
    ]
    found += [
        contains(table.c[f"folded_{name}"], text)
        for name in _TEXTS
        if (text := getattr(wanted, name)) is not None
    ]
    if wanted.q is not None:
        found.append(or_(*(contains(table.c[f"folded_{name}"], wanted.q) for name in _TEXTS)))
    if wanted.selectable is not None:
        found.append(table.c.selectable == wanted.selectable)
    return [*found, *misses_documents(table.c.id, wanted=wanted.missing_documents)]


def _values(claim_file: ClaimFile) -> dict[str, Any]:
    return {
        "id": claim_file.id,
        **claim_file.link._asdict(),
        "origin": claim_file.origin.value,
        "reference": claim_file.reference,
        "partner_ref": claim_file.partner_ref,
        "claim_number": claim_file.claim_number,
        "claim_type": claim_file.claim_type,
        **unbegun(claim_file.stage),
        "partner_data": json_text(claim_file.partner_data),
        "person_data": json_text(claim_file.person_data),
        "person_set_at": json_text(claim_file.person_set_at),
        "contributed_at": None,
        "created_at": to_micros(claim_file.created_at),
        "updated_at": to_micros(claim_file.updated_at),
        **folded_values(claim_file.reference, claim_file.partner_ref, claim_file.claim_number),
    }


def file_from(row: Any) -> ClaimFile:
    """Read a claim file from the ``FILE_COLUMNS``."""
    return ClaimFile(
        id=row.id,
        link=LinkKey(row.repairer, row.connector),
        origin=Origin(row.origin),
        reference=row.reference,
        partner_ref=row.partner_ref,
        claim_number=row.claim_number,
        claim_type=row.claim_type,
        standing=standing_of(row.state, row.life) or Standing(),
        selectable=None if row.selectable is None else bool(row.selectable),
        selectable_reason=row.selectable_reason,
        stage=Stage(row.stage or Stage.QUOTE),
        partner_data=from_json(row.partner_data),
        person_data=from_json(row.person_data),
        person_set_at=from_json(row.person_set_at),
        created_at=from_micros(row.created_at),
        updated_at=from_micros(row.updated_at),
    )
