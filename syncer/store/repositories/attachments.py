"""Attachments of records; their content is in the blob store."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Row, Select, Text, bindparam, select, update

from syncer.domain.instants import to_micros
from syncer.domain.intake import IntakeState
from syncer.domain.links import LinkKey
from syncer.domain.records import Attachment, Kind, RecordKey
from syncer.domain.stored import AttachmentState, StoredAttachment, StoredRecord
from syncer.store.connection import Connection
from syncer.store.repositories.attachment_offers import offer_attachments
from syncer.store.repositories.documents import follow_attachment
from syncer.store.repositories.instants import instant
from syncer.store.repositories.leftovers import is_imported, owner_is_imported
from syncer.store.tables import attachment as table
from syncer.store.tables import claim_document

_CLASSIFIED = select(table, claim_document.c.type.label("document_type")).outerjoin(
    claim_document, claim_document.c.id == table.c.id
)
"""An attachment that was classified is a document under its own id."""
_PENDING = (
    _CLASSIFIED.where(
        table.c.repairer == bindparam("repairer", type_=Text()),
        table.c.connector == bindparam("connector", type_=Text()),
        table.c.state == AttachmentState.PENDING.value,
        is_imported(),
    )
    .order_by(table.c.id)
    .limit(bindparam("limit", type_=BigInteger()))
)
"""Built once: every pass that imported something asks."""


class AttachmentTable:
    """Implements ``Attachments``."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def offer(
        self,
        link: LinkKey,
        attachments: Sequence[tuple[str, Attachment, str | None]],
        *,
        at: datetime,
    ) -> None:
        await offer_attachments(self._connection, link, attachments, at)

    async def pending(self, link: LinkKey, *, limit: int) -> list[StoredAttachment]:
        rows = await self._connection.rows(_PENDING, **link._asdict(), limit=limit)
        return [_attachment(row) for row in rows]

    async def get(self, id_: str) -> StoredAttachment | None:
        row = await self._connection.row(_CLASSIFIED.where(table.c.id == id_))
        return None if row is None else _attachment(row)

    async def stored(
        self, id_: str, *, sha256: str, bytes_: int, content_type: str, at: datetime
    ) -> None:
        await self._end(
            id_,
            state=AttachmentState.STORED.value,
            reason=None,
            stored_sha256=sha256,
            stored_bytes=bytes_,
            stored_type=content_type,
            ended_at=to_micros(at),
        )
        await follow_attachment(
            self._connection, id_, sha256=sha256, bytes_=bytes_, content_type=content_type
        )

    async def refused(self, id_: str, reason: str, *, at: datetime) -> None:
        await self._end(
            id_, state=AttachmentState.REFUSED.value, reason=reason, ended_at=to_micros(at)
        )

    async def _end(self, id_: str, **values: Any) -> None:
        await self._connection.execute(update(table).where(table.c.id == id_).values(**values))

    async def shown_on(self, records: Sequence[StoredRecord]) -> dict[str, list[StoredAttachment]]:
        shown = {stored.id: list[StoredAttachment]() for stored in records}
        imported = [of for of in records if of.decision.state is not IntakeState.EXCLUDED]
        if not imported:
            return shown
        owners = {(of.link, of.key): of.id for of in imported}
        for attachment in await self._of_owners(imported):
            id_ = owners.get((attachment.link, attachment.attachment.owner))
            if id_ is not None:
                shown[id_].append(attachment)
        for attachment in await self._of_claim_files(imported):
            for of in imported:
                if of.claim_file_id == attachment.claim_file_id:
                    shown[of.id].append(attachment)
        return {id_: sorted(found, key=_arrival) for id_, found in shown.items()}

    async def _of_owners(self, records: Sequence[StoredRecord]) -> list[StoredAttachment]:
        return await self._found(table.c.owner_ref.in_({of.key.partner_ref for of in records}))

    async def _of_claim_files(self, records: Sequence[StoredRecord]) -> list[StoredAttachment]:
        ids = {of.claim_file_id for of in records if of.claim_file_id is not None}
        if not ids:
            return []
        return await self._found(table.c.claim_file_id.in_(ids), ~owner_is_imported())

    async def _found(self, *wanted: ColumnElement[bool]) -> list[StoredAttachment]:
        query: Select[Any] = _CLASSIFIED.where(*wanted)
        return [_attachment(row) for row in await self._connection.rows(query)]

    async def referenced(self, sha256s: Collection[str]) -> set[str]:
        query = select(table.c.stored_sha256).where(table.c.stored_sha256.in_(list(sha256s)))
        return {row.stored_sha256 for row in await self._connection.rows(query.distinct())}


def _arrival(stored: StoredAttachment) -> str:
    return stored.id


def _attachment(row: Row[Any]) -> StoredAttachment:
    is_stored = row.state == AttachmentState.STORED.value
    source = "stored" if is_stored else "announced"
    content_type, bytes_, sha256 = (
        getattr(row, f"{source}_{name}") for name in ("type", "bytes", "sha256")
    )
    return StoredAttachment(
        id=row.id,
        link=LinkKey(row.repairer, row.connector),
        attachment=Attachment(
            owner=RecordKey(kind=Kind(row.owner_kind), partner_ref=row.owner_ref),
            partner_ref=row.partner_ref,
            kind=row.kind,
            name=row.name,
            content_type=content_type,
            bytes=bytes_,
            sha256=sha256,
            taken_at=instant(row.taken_at),
        ),
        claim_file_id=row.claim_file_id,
        state=AttachmentState(row.state),
        reason=row.reason,
        document_type=row.document_type,
    )
