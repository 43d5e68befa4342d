"""Deliveries as rows: what is written, and what whole deliveries are read back from."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Row, Select, Table, select

from syncer.domain.deliveries import (
    MOVING,
    Attempt,
    DeliveryFile,
    DeliveryState,
    Lane,
    LostAnswer,
    Outcome,
    StoredDelivery,
)
from syncer.domain.instants import from_micros, to_micros
from syncer.domain.links import LinkKey
from syncer.domain.outbox import LaneEntry
from syncer.store.connection import Connection, from_json, json_text
from syncer.store.repositories.instants import instant, micros
from syncer.store.tables import delivery as table
from syncer.store.tables import delivery_attempt, delivery_file, delivery_note

LANE_COLUMNS = tuple(
    table.c[name]
    for name in ("id", "operation", "depends_on", "state", "waiting_for", "dry_run", "receipt")
)


MOVING_COLUMNS = (
    "state", "reason", "waiting_for", "holds_lane", "in_doubt", "was_sent", "failures",
    "failing_since", "updated_at", "next_attempt_at", "lease", "lease_until", "attempt_at",
    "receipt",
)  # fmt: skip
"""What ``moving_values`` gives."""


def fixed_values(delivery: StoredDelivery) -> dict[str, Any]:
    """Give the columns that never change."""
    return {
        "id": delivery.id,
        **delivery.link._asdict(),
        "claim_file_id": delivery.lane.claim_file_id,
        "operation": delivery.operation,
        "depends_on": json_text(sorted(delivery.depends_on)),
        "lost_answer": delivery.lost_answer.value,
        "dry_run": delivery.dry_run,
        "accepted_at": to_micros(delivery.accepted_at),
        "key": delivery.key,
        "payload": json_text(delivery.payload),
    }


def moving_values(delivery: StoredDelivery) -> dict[str, Any]:
    """Give the columns that say where it stands."""
    return {
        "state": delivery.state.value,
        "reason": delivery.reason,
        "waiting_for": delivery.waiting_for,
        "holds_lane": delivery.state in MOVING and delivery.waiting_for is None,
        "in_doubt": delivery.in_doubt,
        "was_sent": delivery.was_sent,
        "failures": delivery.failures,
        "failing_since": micros(delivery.failing_since),
        "updated_at": to_micros(delivery.updated_at),
        "next_attempt_at": micros(delivery.next_attempt_at),
        "lease": delivery.lease,
        "lease_until": micros(delivery.lease_until),
        "attempt_at": micros(delivery.attempt_at),
        "receipt": None if delivery.receipt is None else json_text(delivery.receipt),
    }


def file_values(delivery: StoredDelivery) -> list[dict[str, Any]]:
    """Give the rows of its files."""
    return [
        {
            "delivery_id": delivery.id,
            "place": place,
            "file_id": file.id,
            "type": file.type,
            "name": file.name,
            "content_type": file.content_type,
            "bytes": file.size_bytes,
            "sha256": file.sha256,
        }
        for place, file in enumerate(delivery.files)
    ]


def attempt_values(id_: str, attempts: Iterable[Attempt]) -> list[dict[str, Any]]:
    """Give the rows of attempts."""
    return [
        {
            "delivery_id": id_,
            "at": to_micros(attempt.at),
            "outcome": attempt.outcome.value,
            "code": attempt.code,
            "text": attempt.text,
        }
        for attempt in attempts
    ]


async def whole_deliveries(connection: Connection, query: Select[Any]) -> list[StoredDelivery]:
    """Read deliveries with all that belongs to them, in the order of the query."""
    rows = await connection.rows(query)
    ids = [row.id for row in rows]
    if not ids:
        return []
    files = await _of(connection, delivery_file, ids, delivery_file.c.place)
    notes = await _of(connection, delivery_note, ids, delivery_note.c.step)
    attempts = await _of(connection, delivery_attempt, ids, delivery_attempt.c.number)
    return [delivery_from(row, files[row.id], notes[row.id], attempts[row.id]) for row in rows]


async def delivery_to_send(connection: Connection, query: Select[Any]) -> StoredDelivery | None:
    """Read a delivery as an attempt needs it: all but what earlier attempts came to."""
    row = await connection.row(query)
    if row is None:
        return None
    files = await _of(connection, delivery_file, [row.id], delivery_file.c.place)
    notes = await _of(connection, delivery_note, [row.id], delivery_note.c.step)
    return delivery_from(row, files[row.id], notes[row.id])


async def _of(
    connection: Connection, part: Table, ids: Sequence[str], order: Any
) -> defaultdict[str, list[Row[Any]]]:
    found: defaultdict[str, list[Row[Any]]] = defaultdict(list)
    query = select(part).where(part.c.delivery_id.in_(ids)).order_by(order)
    for row in await connection.rows(query):
        found[row.delivery_id].append(row)
    return found


def delivery_from(
    row: Row[Any],
    files: Sequence[Row[Any]] = (),
    notes: Sequence[Row[Any]] = (),
    attempts: Sequence[Row[Any]] = (),
) -> StoredDelivery:
    """Read a delivery from its row, with the parts that were read."""
    return StoredDelivery(
        id=row.id,
        number=row.number,
        key=row.key,
        lane=Lane(row.claim_file_id, LinkKey(row.repairer, row.connector)),
        operation=row.operation,
        payload=from_json(row.payload),
        depends_on=frozenset(from_json(row.depends_on)),
        lost_answer=LostAnswer(row.lost_answer),
        dry_run=bool(row.dry_run),
        state=DeliveryState(row.state),
        reason=row.reason,
        waiting_for=row.waiting_for,
        in_doubt=bool(row.in_doubt),
        was_sent=bool(row.was_sent),
        failures=row.failures,
        failing_since=instant(row.failing_since),
        accepted_at=from_micros(row.accepted_at),
        updated_at=from_micros(row.updated_at),
        next_attempt_at=instant(row.next_attempt_at),
        lease=row.lease,
        lease_until=instant(row.lease_until),
        attempt_at=instant(row.attempt_at),
        receipt=None if row.receipt is None else from_json(row.receipt),
        files=tuple(map(_file, files)),
        notes={note.step: from_json(note.value) for note in notes},
        attempts=tuple(map(_attempt, attempts)),
    )


def _file(row: Row[Any]) -> DeliveryFile:
    return DeliveryFile(
        id=row.file_id,
        type=row.type,
        name=row.name,
        content_type=row.content_type,
        size_bytes=row.bytes,
        sha256=row.sha256,
    )


def _attempt(row: Row[Any]) -> Attempt:
    return Attempt(
        at=from_micros(row.at), outcome=Outcome(row.outcome), code=row.code, text=row.text
    )


def lane_entry(row: Row[Any]) -> LaneEntry:
    """Read as much as a lane needs to know."""
    receipt = from_json(row.receipt) if row.receipt else {}
    return LaneEntry(
        id=row.id,
        operation=row.operation,
        depends_on=frozenset(from_json(row.depends_on)),
        state=DeliveryState(row.state),
        waiting_for=row.waiting_for,
        dry_run=bool(row.dry_run),
        is_there=receipt.get("partner_ref") is not None,
    )
