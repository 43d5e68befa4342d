"""Joining what a pull made for a claim of ours to the claim file that we had made for it."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row, delete, exists, select, update

from syncer.domain.claim_files import Origin, merge
from syncer.domain.instants import to_micros
from syncer.store.connection import Connection, from_json, json_text, matches
from syncer.store.repositories.claim_file_pages import folded_values
from syncer.store.tables import (
    attachment,
    claim_file_event,
    completeness,
    delivery,
    document_mark,
    dwell,
    mail,
    record,
)
from syncer.store.tables import claim_document as document
from syncer.store.tables import claim_file as table
from syncer.store.tables import claim_file_alias as alias

BELONGS: Final = (record, attachment, delivery, mail, alias)
"""What names its claim file in ``claim_file_id`` and goes with it."""


async def name_claim_file(
    connection: Connection, id_: str, partner_ref: str, at: datetime
) -> str | None:
    """Give a file the partner's id of its claim; see ``ClaimFiles.name``."""
    ours = await connection.row(select(table).where(table.c.id == id_))
    if ours is None:
        return None
    same = {"repairer": ours.repairer, "connector": ours.connector, "partner_ref": partner_ref}
    theirs = await connection.row(select(table).where(matches(table, same), table.c.id != id_))
    if theirs is not None and theirs.origin == Origin.PLANNING.value:
        return None
    if theirs is not None:
        await _hand_over(connection, theirs.id, id_)
    first = ours.partner_ref or partner_ref
    if first != partner_ref:
        await connection.put(alias, same, {"claim_file_id": id_})
    values = _named(ours, first) if theirs is None else _joined(ours, theirs, first)
    values["updated_at"] = to_micros(at)
    await connection.execute(update(table).where(table.c.id == id_).values(**values))
    return None if theirs is None else str(theirs.id)


async def _hand_over(connection: Connection, from_id: str, to_id: str) -> None:
    for part in BELONGS:
        moved = update(part).where(part.c.claim_file_id == from_id)
        await connection.execute(moved.values(claim_file_id=to_id))
    await _hand_over_documents(connection, from_id, to_id)
    await _hand_over_marks(connection, from_id, to_id)
    for part in (claim_file_event, dwell, completeness):  # told again from what moved
        await connection.execute(delete(part).where(part.c.claim_file_id == from_id))
    await connection.execute(delete(table).where(table.c.id == from_id))


async def _hand_over_documents(connection: Connection, from_id: str, to_id: str) -> None:
    """Move documents; one whose content is there already under its type is not doubled."""
    twin = document.alias("twin")
    has_twin = exists().where(
        twin.c.claim_file_id == to_id,
        twin.c.sha256 == document.c.sha256,
        twin.c.type == document.c.type,
    )
    of_file = document.c.claim_file_id == from_id
    await connection.execute(delete(document).where(of_file, has_twin))
    await connection.execute(update(document).where(of_file).values(claim_file_id=to_id))


async def _hand_over_marks(connection: Connection, from_id: str, to_id: str) -> None:
    """Move what is said of expected documents; what is said of ours already stays."""
    twin = document_mark.alias("twin")
    has_twin = exists().where(
        twin.c.claim_file_id == to_id,
        twin.c.type == document_mark.c.type,
        twin.c.said_by == document_mark.c.said_by,
    )
    of_file = document_mark.c.claim_file_id == from_id
    await connection.execute(delete(document_mark).where(of_file, has_twin))
    await connection.execute(update(document_mark).where(of_file).values(claim_file_id=to_id))


def _named(ours: Row[Any], partner_ref: str) -> dict[str, Any]:
    return {
        "partner_ref": partner_ref,
        **folded_values(ours.reference, partner_ref, ours.claim_number),
    }


def _joined(ours: Row[Any], theirs: Row[Any], partner_ref: str) -> dict[str, Any]:
    """Lay what stands on our file over what stands on theirs; the partner's data is theirs."""
    names = {name: getattr(ours, name) or getattr(theirs, name) for name in _NAMES}
    data = {
        name: json_text(merge(from_json(getattr(theirs, name)), from_json(getattr(ours, name))))
        for name in ("person_data", "person_set_at")
    }
    partner_data = merge(from_json(ours.partner_data), from_json(theirs.partner_data))
    return {
        "partner_ref": partner_ref,
        **names,
        **data,
        "partner_data": json_text(partner_data),
        "contributed_at": theirs.contributed_at or ours.contributed_at,
        **folded_values(names["reference"], partner_ref, names["claim_number"]),
    }


_NAMES = ("reference", "claim_number", "claim_type")
