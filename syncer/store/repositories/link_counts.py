"""What a link holds, counted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, Select, Table, func, literal, select, tuple_

from syncer.domain.intake import IntakeState
from syncer.domain.links import LinkKey
from syncer.domain.stored import AttachmentState
from syncer.store.connection import Connection
from syncer.store.tables import attachment, quarantined, record, unknown_item

NAMES = (
    "records",
    *(state.value for state in IntakeState),
    "taken_over",
    "quarantined",
    "attachments_pending",
    "attachments_refused",
    "unknown_items",
)


async def count_of_links(
    connection: Connection, keys: Sequence[LinkKey]
) -> dict[LinkKey, dict[str, int]]:
    """Count what these links hold, a few grouped queries for all of them."""
    counts = {key: dict.fromkeys(NAMES, 0) for key in keys}
    if not counts:
        return counts
    taken = func.count(record.c.taken_over_at)
    for row in await connection.rows(_grouped(record, keys, record.c.intake, taken)):
        of_link = counts[LinkKey(row.repairer, row.connector)]
        of_link[row.what] = row.rows
        of_link["records"] += row.rows
        of_link["taken_over"] += row.marked
    waiting = _grouped(quarantined, keys).where(quarantined.c.resolved_at.is_(None))
    await _fill(connection, counts, waiting, "quarantined")
    await _fill(connection, counts, _grouped(unknown_item, keys), "unknown_items")
    for row in await connection.rows(_grouped(attachment, keys, attachment.c.state)):
        if row.what != AttachmentState.STORED.value:
            counts[LinkKey(row.repairer, row.connector)][f"attachments_{row.what}"] = row.rows
    return counts


async def _fill(
    connection: Connection,
    counts: dict[LinkKey, dict[str, int]],
    query: Select[Any],
    name: str,
) -> None:
    rows: Sequence[Row[Any]] = await connection.rows(query)
    for row in rows:
        counts[LinkKey(row.repairer, row.connector)][name] = row.rows


def _grouped(
    table: Table, keys: Sequence[LinkKey], what: Any = None, marked: Any = None
) -> Select[Any]:
    names = [table.c.repairer, table.c.connector] + ([] if what is None else [what])
    counted = [
        func.count().label("rows"),
        (literal(0) if marked is None else marked).label("marked"),
    ]
    shown = [*names[:2], *(name.label("what") for name in names[2:]), *counted]
    return (
        select(*shown).where(tuple_(*names[:2]).in_([tuple(key) for key in keys])).group_by(*names)
    )
