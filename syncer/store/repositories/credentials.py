"""Sealed credentials; the database itself refuses a second one for a link."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from syncer.domain.errors import ConflictError
from syncer.domain.instants import from_micros, to_micros
from syncer.domain.links import LinkKey
from syncer.domain.stored import SealedCredential
from syncer.store.connection import Cells, Connection, from_json, json_text, matches
from syncer.store.tables import credential, credential_key, credential_reset

SEALED_COLUMNS = (*credential.columns, credential_key.c.kid, credential_key.c.wrapped_key)
_BOTH = credential.join(
    credential_key, credential_key.c.credential_id == credential.c.credential_id
)


class CredentialTable:
    """Implements ``CredentialSlots``."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def get(self, link: LinkKey) -> SealedCredential | None:
        query = select(*SEALED_COLUMNS).select_from(_BOTH)
        row = await self._connection.row(query.where(matches(credential, link._asdict())))
        return None if row is None else sealed_from(row)

    async def add(self, sealed: SealedCredential) -> None:
        try:
            async with self._connection.savepoint():
                await self._insert(sealed)
        except IntegrityError:
            if await self.get(sealed.link) is None:
                raise
            raise ConflictError(
                "credentials_already_set", "The link has credentials; they are written once."
            ) from None

    async def _insert(self, sealed: SealedCredential) -> None:
        written = insert(credential).values(
            credential_id=sealed.id,
            repairer=sealed.link.repairer,
            connector=sealed.link.connector,
            generation=sealed.generation,
            schema=sealed.schema,
            fields=json_text(sealed.fields),
            payload=sealed.payload,
            created_at=to_micros(sealed.created_at),
        )
        await self._connection.execute(written)
        wrapped = insert(credential_key).values(
            credential_id=sealed.id, kid=sealed.kid, wrapped_key=sealed.wrapped_key
        )
        await self._connection.execute(wrapped)

    async def reset(self, link: LinkKey, *, ticket: str, actor: str, at: datetime) -> bool:
        of_link = matches(credential, link._asdict())
        id_ = await self._connection.scalar(select(credential.c.credential_id).where(of_link))
        if id_ is None:
            return False
        values = {"credential_id": id_, "ticket": ticket, "actor": actor, "at": to_micros(at)}
        await self._connection.execute(insert(credential_reset).values(**values))
        for table in (credential_key, credential):
            await self._connection.execute(delete(table).where(table.c.credential_id == id_))
        return True

    async def exist(self) -> bool:
        return await self._connection.row(select(credential.c.credential_id).limit(1)) is not None

    async def with_kid(
        self, kid: bytes, *, after: bytes = b"", limit: int
    ) -> list[SealedCredential]:
        query = select(*SEALED_COLUMNS).select_from(_BOTH).where(credential_key.c.kid == kid)
        query = query.where(credential.c.credential_id > after)
        query = query.order_by(credential.c.credential_id).limit(limit)
        return [sealed_from(row) for row in await self._connection.rows(query)]

    async def rewrap(self, id_: bytes, *, old_kid: bytes, new_kid: bytes, wrapped: bytes) -> bool:
        statement = (
            update(credential_key)
            .where(credential_key.c.credential_id == id_, credential_key.c.kid == old_kid)
            .values(kid=new_kid, wrapped_key=wrapped)
        )
        return await self._connection.execute(statement) == 1

    async def kids(self) -> dict[bytes, int]:
        counted = func.count().label("rows")
        query = select(credential_key.c.kid, counted).group_by(credential_key.c.kid)
        return {bytes(row.kid): row.rows for row in await self._connection.rows(query)}


def sealed_from(row: Cells) -> SealedCredential:
    """Read a sealed credential from the ``SEALED_COLUMNS``."""
    id_, repairer, connector, generation, schema, fields, payload, created_at, kid, wrapped = row
    return SealedCredential(
        id=bytes(id_),
        link=LinkKey(repairer, connector),
        generation=generation,
        schema=schema,
        fields=tuple(from_json(fields)),
        payload=bytes(payload),
        kid=bytes(kid),
        wrapped_key=bytes(wrapped),
        created_at=from_micros(created_at),
    )
