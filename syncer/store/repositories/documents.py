"""Documents of claim files; their content is in the blob store."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import Row, delete, insert, select, update

from syncer.domain.documents import Document
from syncer.domain.filenames import safe_name
from syncer.domain.instants import from_micros, to_micros
from syncer.domain.stored import AttachmentState
from syncer.store.connection import Connection
from syncer.store.repositories.leftovers import is_imported
from syncer.store.tables import attachment
from syncer.store.tables import claim_document as table

_ARRIVAL = (table.c.at, table.c.id)


class DocumentTable:
    """Implements ``Documents``."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def get(self, id_: str) -> Document | None:
        row = await self._connection.row(select(table).where(table.c.id == id_))
        return None if row is None else _document(row)

    async def of_claim_files(self, ids: Collection[str]) -> dict[str, list[Document]]:
        found: dict[str, list[Document]] = {id_: [] for id_ in ids}
        for document in await self._found(table.c.claim_file_id.in_(list(ids))):
            found[document.claim_file_id].append(document)
        return found

    async def alike(self, claim_file_id: str, sha256: str) -> list[Document]:
        return await self._found(table.c.claim_file_id == claim_file_id, table.c.sha256 == sha256)

    async def _found(self, *wanted: Any) -> list[Document]:
        query = select(table).where(*wanted).order_by(*_ARRIVAL)
        return [_document(row) for row in await self._connection.rows(query)]

    async def attachment(self, claim_file_id: str, id_: str) -> Document | None:
        return (await self._attachments(claim_file_id, [id_])).get(id_)

    async def sendable(self, claim_file_id: str, ids: Collection[str]) -> dict[str, Document]:
        documents = await self._found(
            table.c.claim_file_id == claim_file_id, table.c.id.in_(list(ids))
        )
        return {
            **await self._attachments(claim_file_id, ids),
            **{document.id: document for document in documents},
        }

    async def _attachments(self, claim_file_id: str, ids: Collection[str]) -> dict[str, Document]:
        query = select(attachment).where(
            attachment.c.claim_file_id == claim_file_id,
            attachment.c.id.in_(list(ids)),
            attachment.c.state == AttachmentState.STORED.value,
            is_imported(),
        )
        return {row.id: _classifiable(row) for row in await self._connection.rows(query)}

    async def add(self, document: Document) -> None:
        values = {"id": document.id, "claim_file_id": document.claim_file_id, **_values(document)}
        await self._connection.execute(insert(table).values(**values))

    async def save(self, document: Document) -> None:
        statement = update(table).where(table.c.id == document.id).values(**_values(document))
        await self._connection.execute(statement)

    async def remove(self, id_: str) -> None:
        await self._connection.execute(delete(table).where(table.c.id == id_))

    async def referenced(self, sha256s: Collection[str]) -> set[str]:
        query = select(table.c.sha256).where(table.c.sha256.in_(list(sha256s)))
        return {row.sha256 for row in await self._connection.rows(query.distinct())}


async def follow_attachment(
    connection: Connection, id_: str, *, sha256: str, bytes_: int, content_type: str
) -> None:
    """Give a classified attachment the content that was fetched anew.

    Where the claim file has that content under its type already, it is not classified any more.
    """
    row = await connection.row(select(table).where(table.c.id == id_))
    if row is None or row.sha256 == sha256:
        return
    twin = select(table.c.id).where(
        table.c.claim_file_id == row.claim_file_id,
        table.c.sha256 == sha256,
        table.c.type == row.type,
    )
    if await connection.row(twin) is not None:
        await connection.execute(delete(table).where(table.c.id == id_))
        return
    values = {"sha256": sha256, "bytes": bytes_, "content_type": content_type}
    await connection.execute(update(table).where(table.c.id == id_).values(**values))


def _values(document: Document) -> dict[str, Any]:
    return {
        "type": document.type,
        "name": document.name,
        "content_type": document.content_type,
        "bytes": document.bytes,
        "sha256": document.sha256,
        "at": to_micros(document.at),
        "is_attachment": document.is_attachment,
    }


def _document(row: Row[Any]) -> Document:
    return Document(
        id=row.id,
        claim_file_id=row.claim_file_id,
        type=row.type,
        name=row.name,
        content_type=row.content_type,
        bytes=row.bytes,
        sha256=row.sha256,
        at=from_micros(row.at),
        is_attachment=bool(row.is_attachment),
    )


def _classifiable(row: Row[Any]) -> Document:
    return Document(
        id=row.id,
        claim_file_id=row.claim_file_id,
        type=row.kind,
        name=safe_name(row.name or "") or row.id,
        content_type=row.stored_type,
        bytes=row.stored_bytes,
        sha256=row.stored_sha256,
        at=from_micros(row.ended_at),
        is_attachment=True,
    )
