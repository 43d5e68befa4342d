"""Deliveries: the outbox."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    Text,
    and_,
    bindparam,
    exists,
    func,
    insert,
    literal_column,
    or_,
    select,
    update,
)

from syncer.domain.deliveries import (
    PARKED,
    WAITING,
    Attempt,
    DeliveryFilter,
    DeliveryState,
    Lane,
    StoredDelivery,
)
from syncer.domain.instants import to_micros
from syncer.domain.links import LinkState
from syncer.domain.outbox import LaneEntry
from syncer.store.connection import Connection, Prepared, any_of, json_text
from syncer.store.repositories.delivery_rows import (
    LANE_COLUMNS,
    MOVING_COLUMNS,
    attempt_values,
    delivery_from,
    delivery_to_send,
    file_values,
    fixed_values,
    lane_entry,
    moving_values,
    whole_deliveries,
)
from syncer.store.tables import delivery as table
from syncer.store.tables import delivery_attempt, delivery_file, delivery_note, link

_WAITING = table.c.state.in_([state.value for state in WAITING])
_SENDING = table.c.state == DeliveryState.SENDING.value
_HOLDS_LANE: ColumnElement[bool] = literal_column("delivery.holds_lane")
"""As the partial index spells it; ``holds_lane = 1`` would not use it."""


def _save(*held: ColumnElement[bool]) -> Prepared:
    written = {name: bindparam(f"new_{name}", type_=table.c[name].type) for name in MOVING_COLUMNS}
    row = and_(table.c.id == bindparam("of_id", type_=Text()), *held)
    return Prepared(update(table).where(row).values(**written).returning(table.c.number))


_SAVE_FREE = _save(table.c.lease.is_(None))
_SAVE_HELD = _save(table.c.lease == bindparam("held_by", type_=Text()), _SENDING)


class DeliveryTable:
    """Implements ``Deliveries``."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def add(self, delivery: StoredDelivery) -> None:
        values = {**fixed_values(delivery), **moving_values(delivery)}
        await self._connection.execute(insert(table).values(**values))
        await self._add_all(delivery_file, file_values(delivery))
        await self._add_all(delivery_attempt, attempt_values(delivery.id, delivery.attempts))

    async def _add_all(self, part: Any, rows: Sequence[Mapping[str, Any]]) -> None:
        if rows:
            await self._connection.execute(insert(part).values(list(rows)))

    async def get(self, id_: str) -> StoredDelivery | None:
        found = await self._whole(select(table).where(table.c.id == id_))
        return found[0] if found else None

    async def to_send(self, id_: str) -> StoredDelivery | None:
        return await delivery_to_send(self._connection, select(table).where(table.c.id == id_))

    async def _whole(self, query: Select[Any]) -> list[StoredDelivery]:
        return await whole_deliveries(self._connection, query)

    # -- lists ------------------------------------------------------------------------------------

    async def find(
        self, wanted: DeliveryFilter, *, after: str | None, limit: int
    ) -> list[StoredDelivery]:
        query = select(table).where(*_conditions(wanted))
        if after is not None:
            query = query.where(table.c.id < after)
        return await self._whole(query.order_by(table.c.id.desc()).limit(limit))

    async def count(self, wanted: DeliveryFilter) -> int:
        query = select(func.count()).select_from(table).where(*_conditions(wanted))
        return int(await self._connection.scalar(query))

    async def of_claim_files(self, ids: Collection[str]) -> dict[str, list[str]]:
        query = select(table.c.claim_file_id, table.c.id).where(table.c.claim_file_id.in_(ids))
        found: defaultdict[str, list[str]] = defaultdict(list)
        for row in await self._connection.rows(query.order_by(table.c.number)):
            found[row.claim_file_id].append(row.id)
        return found

    async def parked(self, *, after: str | None, limit: int) -> list[StoredDelivery]:
        query = select(table).where(_needs_person())
        if after is not None:
            query = query.where(table.c.id < after)
        return await self._whole(query.order_by(table.c.id.desc()).limit(limit))

    async def count_parked(self) -> int:
        query = select(func.count()).select_from(table).where(_needs_person())
        return int(await self._connection.scalar(query))

    # -- attempts ---------------------------------------------------------------------------------

    async def due_connectors(self, now: datetime) -> set[str]:
        query = select(table.c.connector).where(_WAITING).distinct()
        query = query.where(table.c.next_attempt_at <= to_micros(now))
        return {row.connector for row in await self._connection.rows(query)}

    async def due(self, now: datetime, *, connector: str, limit: int) -> list[str]:
        earlier = table.alias("earlier")
        has_earlier = exists().where(
            earlier.c.claim_file_id == table.c.claim_file_id,
            earlier.c.connector == table.c.connector,
            earlier.c.number < table.c.number,
            literal_column("earlier.holds_lane"),
        )
        query = (
            _usable(select(table.c.id), now)
            .where(table.c.connector == connector, _WAITING, _HOLDS_LANE)
            .where(table.c.next_attempt_at <= to_micros(now), ~has_earlier)
            .order_by(table.c.number)
            .limit(limit)
        )
        return [str(row.id) for row in await self._connection.rows(query)]

    async def next_of(self, lane: Lane, now: datetime) -> str | None:
        first = (
            _usable(select(table.c.id, table.c.state, table.c.next_attempt_at), now)
            .where(*_in_lane(lane), _HOLDS_LANE)
            .order_by(table.c.number)
            .limit(1)
        )
        row = await self._connection.row(first)
        if row is None or row.state not in WAITING or row.next_attempt_at is None:
            return None
        return str(row.id) if row.next_attempt_at <= to_micros(now) else None

    async def lease(self, id_: str, lease: str, *, until: datetime, at: datetime) -> bool:
        leased = {
            "state": DeliveryState.SENDING.value,
            "lease": lease,
            "lease_until": to_micros(until),
            "attempt_at": to_micros(at),
            "updated_at": to_micros(at),
            "next_attempt_at": None,
            "reason": None,
        }
        free = and_(table.c.id == id_, _WAITING, _HOLDS_LANE)
        return bool(await self._connection.execute(update(table).where(free).values(**leased)))

    async def renew(self, leases: Mapping[str, str], *, until: datetime) -> set[str]:
        held = {"lease_until": to_micros(until)}
        lost = set()
        for id_, lease in leases.items():
            renewed = update(table).where(table.c.id == id_, *_held(lease)).values(**held)
            if not await self._connection.execute(renewed):
                lost.add(id_)
        return lost

    async def has_expired(self, before: datetime) -> bool:
        over = table.c.lease_until < to_micros(before)
        query = select(table.c.id).where(_SENDING, over).limit(1)
        return await self._connection.row(query) is not None

    async def expired(self, before: datetime | None, *, limit: int) -> list[StoredDelivery]:
        query = select(table).where(_SENDING).order_by(table.c.number).limit(limit)
        if before is not None:
            query = query.where(table.c.lease_until < to_micros(before))
        return await self._whole(query)

    async def held(self, id_: str, lease: str) -> StoredDelivery | None:
        row = await self._connection.row(select(table).where(table.c.id == id_, *_held(lease)))
        return None if row is None else delivery_from(row)

    async def save(
        self, delivery: StoredDelivery, *, lease: str | None, attempts: Sequence[Attempt] = ()
    ) -> bool:
        new = {f"new_{name}": value for name, value in moving_values(delivery).items()}
        statement = _SAVE_FREE if lease is None else _SAVE_HELD
        held = {} if lease is None else {"held_by": lease}
        if not await self._connection.fetch(statement, of_id=delivery.id, **held, **new):
            return False
        await self._add_all(delivery_attempt, attempt_values(delivery.id, attempts))
        return True

    async def note(self, id_: str, lease: str, step: str, value: Any) -> bool:
        settled = update(table).where(table.c.id == id_, *_held(lease)).values(in_doubt=False)
        if not await self._connection.execute(settled):
            return False
        key = {"delivery_id": id_, "step": step}
        await self._connection.put(delivery_note, key, {"value": json_text(value)})
        return True

    # -- lanes ------------------------------------------------------------------------------------

    async def lane(self, lane: Lane) -> Sequence[LaneEntry]:
        query = select(*LANE_COLUMNS).where(*_in_lane(lane)).order_by(table.c.number)
        return [lane_entry(row) for row in await self._connection.rows(query)]

    async def hold_up(self, waiting_for: Mapping[str, str | None]) -> None:
        for id_, holder in waiting_for.items():
            held = update(table).where(table.c.id == id_, _WAITING)
            values = {"waiting_for": holder, "holds_lane": holder is None}
            await self._connection.execute(held.values(**values))

    async def move(self, claim_file_id: str, to_claim_file_id: str) -> None:
        moved = update(table).where(table.c.claim_file_id == claim_file_id)
        await self._connection.execute(moved.values(claim_file_id=to_claim_file_id))

    async def referenced(self, sha256s: Collection[str]) -> set[str]:
        query = select(delivery_file.c.sha256).where(delivery_file.c.sha256.in_(list(sha256s)))
        return {row.sha256 for row in await self._connection.rows(query.distinct())}


def _conditions(wanted: DeliveryFilter) -> list[ColumnElement[bool]]:
    return [
        *any_of(table.c.state, wanted.states),
        *any_of(table.c.operation, wanted.operations),
        *any_of(table.c.repairer, wanted.repairers),
        *any_of(table.c.connector, wanted.connectors),
        *any_of(table.c.claim_file_id, wanted.claim_files),
    ]


def _in_lane(lane: Lane) -> list[ColumnElement[bool]]:
    return [
        table.c.claim_file_id == lane.claim_file_id,
        table.c.repairer == lane.link.repairer,
        table.c.connector == lane.link.connector,
    ]


def _held(lease: str | None) -> list[ColumnElement[bool]]:
    if lease is None:
        return [table.c.lease.is_(None)]
    return [table.c.lease == lease, _SENDING]


def _on_link() -> ColumnElement[bool]:
    return and_(link.c.repairer == table.c.repairer, link.c.connector == table.c.connector)


def _usable(query: Select[Any], now: datetime) -> Select[Any]:
    return (
        query.join(link, _on_link())
        .where(link.c.state == LinkState.ACTIVE.value)
        .where(or_(link.c.hold_until.is_(None), link.c.hold_until <= to_micros(now)))
    )


def _needs_person() -> ColumnElement[bool]:
    newer = table.alias("newer")
    has_newer = exists().where(
        newer.c.claim_file_id == table.c.claim_file_id,
        newer.c.connector == table.c.connector,
        newer.c.operation == table.c.operation,
        newer.c.number > table.c.number,
        newer.c.state != DeliveryState.CANCELLED.value,
        ~newer.c.dry_run,
    )
    asks = table.c.state == DeliveryState.NEEDS_ATTENTION.value
    return and_(table.c.state.in_([state.value for state in PARKED]), or_(asks, ~has_newer))
