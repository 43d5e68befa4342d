"""Claim files that a page's records name: found, made or completed, a few statements a page."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Text, bindparam, or_, select, update

from syncer.domain.claim_files import Origin, merge
from syncer.domain.instants import to_micros
from syncer.domain.lifecycles import Stage
from syncer.domain.links import LinkKey
from syncer.domain.stored import ClaimFileRef
from syncer.ports.ambient import Ids
from syncer.store.connection import (
    Cells,
    Connection,
    Prepared,
    from_json,
    json_text,
    prepared_insert,
    texts_of,
)
from syncer.store.repositories.record_columns import folded
from syncer.store.tables import claim_file as table
from syncer.store.tables import claim_file_alias as alias

FILE_COLUMNS = tuple(
    table.c[name]
    for name in (
        "id", "repairer", "connector", "origin", "reference", "partner_ref", "claim_number",
        "claim_type", "state", "selectable", "selectable_reason", "stage", "life", "partner_data",
        "person_data", "person_set_at", "created_at", "updated_at",
    )
)  # fmt: skip
_NAMES = ("reference", "claim_number", "claim_type")
_FOUND = (
    "id", "origin", "partner_ref", *_NAMES, "partner_data", "contributed_at",
)  # fmt: skip
_LOOK_UP = Prepared(
    select(*(table.c[name] for name in _FOUND))
    .where(table.c.repairer == bindparam("repairer", type_=Text()))
    .where(table.c.connector == bindparam("connector", type_=Text()))
    .where(
        or_(
            table.c.partner_ref.in_(texts_of("refs")),
            table.c.partner_ref.is_(None) & table.c.reference.in_(texts_of("references")),
        )
    )
    .order_by(table.c.id)
)
_LOOK_UP_ALIASES = Prepared(
    select(alias.c.partner_ref, *(table.c[name] for name in _FOUND))
    .join(table, table.c.id == alias.c.claim_file_id)
    .where(alias.c.repairer == bindparam("repairer", type_=Text()))
    .where(alias.c.connector == bindparam("connector", type_=Text()))
    .where(alias.c.partner_ref.in_(texts_of("refs")))
)
_ADD = prepared_insert(table)
_WRITTEN = (
    "partner_ref", *_NAMES, "partner_data", "contributed_at", "folded_reference",
    "folded_partner_ref", "folded_claim_number",
)  # fmt: skip
_COMPLETE = Prepared(
    update(table)
    .where(table.c.id == bindparam("of_id", type_=Text()))
    .values(
        updated_at=bindparam("new_updated_at", type_=table.c.updated_at.type),
        **{name: bindparam(f"new_{name}", type_=table.c[name].type) for name in _WRITTEN},
    )
)
_MOVE_ON = Prepared(
    update(table)
    .where(table.c.id == bindparam("of_id", type_=Text()))
    .values(contributed_at=bindparam("new_contributed_at", type_=table.c.contributed_at.type))
)


@dataclass(slots=True)
class _File:
    """A claim file while a page contributes to it.

    ``own_reference`` is the one that the planning system gave, which no partner changes.
    """

    id: str
    is_new: bool
    partner_ref: str | None
    names: dict[str, str | None]
    data: dict[str, Any]
    contributed_at: int | None
    own_reference: str | None = None
    has_changed: bool = False
    has_moved_on: bool = False

    def take(self, ref: ClaimFileRef) -> None:
        """Lay a contribution over what is there, or under it when it is older."""
        at = to_micros(ref.at)
        given = {name: getattr(ref.claim, name) for name in _NAMES}
        is_newer = self.contributed_at is None or at >= self.contributed_at
        layers = (self.names, given) if is_newer else (given, self.names)
        names = {name: layers[1][name] or layers[0][name] for name in _NAMES}
        names["reference"] = self.own_reference or names["reference"]
        data = merge(self.data, ref.data) if is_newer else merge(ref.data, self.data)
        partner_ref = self.partner_ref or ref.claim.partner_ref
        if (partner_ref, names, data) != (self.partner_ref, self.names, self.data):
            self.has_changed = True
            self.partner_ref, self.names, self.data = partner_ref, names, data
        if self.contributed_at is None or at > self.contributed_at:
            self.has_moved_on = True
            self.contributed_at = at

    def outcome(self) -> tuple[str, bool | None]:
        """Give the id, and True when made, False when changed, None when as it was."""
        if self.is_new:
            return self.id, True
        return self.id, False if self.has_changed else None


async def ensure_claim_files(
    connection: Connection, ids: Ids, link: LinkKey, refs: Sequence[ClaimFileRef], at: datetime
) -> dict[str, tuple[str, bool | None]]:
    """Make or complete claim files; see ``ClaimFiles.ensure``."""
    if not refs:
        return {}
    by_ref, by_reference = await _look_up(connection, link, refs)
    for ref in refs:
        claim = ref.claim
        file = by_ref.get(claim.partner_ref)
        if file is None and claim.reference is not None:
            file = by_reference.pop(claim.reference, None)
        if file is None:
            file = _File(ids.new(), True, claim.partner_ref, dict.fromkeys(_NAMES), {}, None)
        by_ref[claim.partner_ref] = file
        file.take(ref)
    files = {file.id: file for file in by_ref.values()}
    await _save(connection, link, files.values(), to_micros(at))
    return {ref.claim.partner_ref: by_ref[ref.claim.partner_ref].outcome() for ref in refs}


async def _look_up(
    connection: Connection, link: LinkKey, refs: Sequence[ClaimFileRef]
) -> tuple[dict[str, _File], dict[str, _File]]:
    """Find the files by the partner's id, and those without one by their reference."""
    rows = await connection.fetch(
        _LOOK_UP,
        repairer=link.repairer,
        connector=link.connector,
        refs=json_text(sorted({ref.claim.partner_ref for ref in refs})),
        references=json_text(sorted({ref.claim.reference or "" for ref in refs} - {""})),
    )
    files = [_found(row) for row in rows]
    by_ref = {file.partner_ref: file for file in files if file.partner_ref is not None}
    unclaimed = [file for file in reversed(files) if file.partner_ref is None]
    unknown = {ref.claim.partner_ref for ref in refs} - by_ref.keys()
    if unknown:
        by_ref |= await _look_up_aliases(connection, link, unknown, files)
    return by_ref, {file.names["reference"] or "": file for file in unclaimed}


async def _look_up_aliases(
    connection: Connection, link: LinkKey, unknown: Collection[str], files: Sequence[_File]
) -> dict[str, _File]:
    """Find files by a further id that the partner gave their claim."""
    rows = await connection.fetch(
        _LOOK_UP_ALIASES,
        repairer=link.repairer,
        connector=link.connector,
        refs=json_text(sorted(unknown)),
    )
    known = {file.id: file for file in files}
    found = ((ref, _found(row)) for ref, *row in rows)
    return {ref: known.setdefault(file.id, file) for ref, file in found}


def _found(row: Cells) -> _File:
    id_, origin, partner_ref, reference, claim_number, claim_type, data, contributed_at = row
    own_reference = reference if origin == Origin.PLANNING.value else None
    names = {"reference": reference, "claim_number": claim_number, "claim_type": claim_type}
    return _File(id_, False, partner_ref, names, from_json(data), contributed_at, own_reference)


async def _save(connection: Connection, link: LinkKey, files: Any, at: int) -> None:
    new = [_added(file, link, at) for file in files if file.is_new]
    changed = [_completed(file, at) for file in files if file.has_changed and not file.is_new]
    moved = [
        {"of_id": file.id, "new_contributed_at": file.contributed_at}
        for file in files
        if file.has_moved_on and not file.has_changed and not file.is_new
    ]
    await connection.run_many(_ADD, new)
    await connection.run_many(_COMPLETE, changed)
    await connection.run_many(_MOVE_ON, moved)


def _written(file: _File) -> dict[str, Any]:
    return {
        "partner_ref": file.partner_ref,
        **file.names,
        "partner_data": json_text(file.data),
        "contributed_at": file.contributed_at,
        **folded_values(file.names["reference"], file.partner_ref, file.names["claim_number"]),
    }


def _completed(file: _File, at: int) -> dict[str, Any]:
    renamed = {f"new_{name}": value for name, value in _written(file).items()}
    return {**renamed, "of_id": file.id, "new_updated_at": at}


def _added(file: _File, link: LinkKey, at: int) -> dict[str, Any]:
    return {
        "id": file.id,
        **link._asdict(),
        "origin": Origin.PARTNER.value,
        **unbegun(),
        "person_data": "{}",
        "person_set_at": "{}",
        "created_at": at,
        "updated_at": at,
        **_written(file),
    }


def unbegun(stage: Stage = Stage.QUOTE) -> Mapping[str, str | None]:
    """Give the columns of a life that has not begun."""
    parts = ("state", "selectable", "selectable_reason", "life")
    return {**dict.fromkeys(parts), "stage": stage.value}


def folded_values(
    reference: str | None, partner_ref: str | None, claim_number: str | None
) -> Mapping[str, str | None]:
    """Give the columns that text filters read."""
    return {
        "folded_reference": folded(reference),
        "folded_partner_ref": folded(partner_ref),
        "folded_claim_number": folded(claim_number),
    }
