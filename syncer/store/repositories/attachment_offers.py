"""Attachments that a page announces: noted, asked for again, or known by their content at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Text, bindparam, select, update

from syncer.domain.instants import to_micros
from syncer.domain.links import LinkKey
from syncer.domain.records import Attachment
from syncer.domain.stored import AttachmentState
from syncer.store.connection import (
    Connection,
    Prepared,
    json_text,
    prepared_insert,
    texts_of,
)
from syncer.store.repositories.documents import follow_attachment
from syncer.store.repositories.instants import micros
from syncer.store.tables import attachment as table

Offer = tuple[str, Attachment, str | None]

_OF_OWNERS = Prepared(
    select(
        *(
            table.c[name]
            for name in (
                "id", "owner_kind", "owner_ref", "partner_ref", "state", "announced_sha256",
                "stored_sha256", "stored_bytes", "stored_type", "claim_file_id",
            )
        )
    )
    .where(table.c.repairer == bindparam("repairer", type_=Text()))
    .where(table.c.connector == bindparam("connector", type_=Text()))
    .where(table.c.owner_ref.in_(texts_of("owners")))
)  # fmt: skip
_ADD = prepared_insert(table)
_ANNOUNCED = (
    "kind", "name", "announced_type", "announced_bytes", "announced_sha256", "taken_at",
    "claim_file_id", "state", "reason", "stored_type", "stored_bytes", "stored_sha256", "ended_at",
)  # fmt: skip
_OFFER_AGAIN = Prepared(
    update(table)
    .where(table.c.id == bindparam("of_id", type_=Text()))
    .values(**{n: bindparam(f"new_{n}", type_=table.c[n].type) for n in _ANNOUNCED})
)


class _Known(NamedTuple):
    id: str
    owner_kind: str
    owner_ref: str
    partner_ref: str
    state: str
    announced_sha256: str | None
    stored_sha256: str | None
    stored_bytes: int | None
    stored_type: str | None
    claim_file_id: str | None

    def needs(self, offered: Attachment) -> bool:
        """Say whether the offer has something that the known one has not."""
        refused = self.state == AttachmentState.REFUSED.value
        return refused or (
            offered.sha256 is not None
            and offered.sha256 not in {self.announced_sha256, self.stored_sha256}
        )


async def offer_attachments(
    connection: Connection, link: LinkKey, offers: Sequence[Offer], at: datetime
) -> None:
    """Note announced attachments; see ``Attachments.offer``."""
    if not offers:
        return
    rows = await connection.fetch(
        _OF_OWNERS,
        **link._asdict(),
        owners=json_text(sorted({offered.owner.partner_ref for _, offered, _ in offers})),
    )
    there = [_Known(*row) for row in rows]
    known = {(of.owner_kind, of.owner_ref, of.partner_ref): of for of in there}
    contents = {
        (of.owner_kind, of.owner_ref, of.stored_sha256): of
        for of in there
        if of.state == AttachmentState.STORED.value
    }
    new: dict[Any, dict[str, Any]] = {}
    again: dict[Any, dict[str, Any]] = {}
    for id_, offered, claim_file_id in offers:
        owner = (offered.owner.kind.value, offered.owner.partner_ref)
        content = contents.get((*owner, offered.sha256)) if offered.sha256 else None
        values = _announced(offered, claim_file_id, content, to_micros(at))
        before = known.get((*owner, offered.partner_ref))
        if before is None:
            new[(*owner, offered.partner_ref)] = _added(id_, link, offered, values, at)
        elif before.needs(offered):
            again[before.id] = _again(before, values)
    await connection.run_many(_ADD, list(new.values()))
    await connection.run_many(_OFFER_AGAIN, list(again.values()))
    for values in again.values():
        if values["new_state"] == AttachmentState.STORED.value:
            await follow_attachment(
                connection,
                values["of_id"],
                sha256=values["new_stored_sha256"],
                bytes_=values["new_stored_bytes"],
                content_type=values["new_stored_type"],
            )


def _announced(
    offered: Attachment, claim_file_id: str | None, content: _Known | None, at: int
) -> dict[str, Any]:
    state = AttachmentState.PENDING if content is None else AttachmentState.STORED
    return {
        "kind": offered.kind,
        "name": offered.name,
        "announced_type": offered.content_type,
        "announced_bytes": offered.bytes,
        "announced_sha256": offered.sha256,
        "taken_at": micros(offered.taken_at),
        "claim_file_id": claim_file_id,
        "state": state.value,
        "reason": None,
        "stored_type": content.stored_type if content else None,
        "stored_bytes": content.stored_bytes if content else None,
        "stored_sha256": content.stored_sha256 if content else None,
        "ended_at": at if content else None,
    }


def _added(
    id_: str, link: LinkKey, offered: Attachment, values: Mapping[str, Any], at: datetime
) -> dict[str, Any]:
    return {
        "id": id_,
        **link._asdict(),
        "owner_kind": offered.owner.kind.value,
        "owner_ref": offered.owner.partner_ref,
        "partner_ref": offered.partner_ref,
        "offered_at": to_micros(at),
        **values,
    }


def _again(before: _Known, values: Mapping[str, Any]) -> dict[str, Any]:
    renamed = {f"new_{name}": value for name, value in values.items()}
    claim_file_id = values["claim_file_id"] or before.claim_file_id
    return {**renamed, "of_id": before.id, "new_claim_file_id": claim_file_id}
