"""The event logs of claim files, and where they left the files."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Text, bindparam, select, update

from syncer.domain.instants import from_micros, to_micros
from syncer.domain.lifecycles import ClaimWarning, Event, Stage, Standing
from syncer.domain.links import LinkKey
from syncer.domain.lives import EventOutcome, Life, LifeWrite, LoggedEvent
from syncer.store.connection import (
    Cells,
    Connection,
    Prepared,
    from_json,
    json_text,
    prepared_insert,
    texts_of,
)
from syncer.store.tables import claim_file
from syncer.store.tables import claim_file_event as table

_EVENT = (
    "claim_file_id", "key", "name", "at", "sorted_by", "note", "data", "outcome", "place",
    "from_state", "to_state", "reason", "record_id", "delivery_id",
)  # fmt: skip
_EVENT_COLUMNS = tuple(table.c[name] for name in _EVENT)
_OF_FILES = table.c.claim_file_id.in_(texts_of("ids"))
_OF = Prepared(
    select(
        *(
            claim_file.c[name]
            for name in (
                "id", "repairer", "connector", "reference", "partner_ref", "state", "life",
            )
        )
    ).where(claim_file.c.id.in_(texts_of("ids")))
)  # fmt: skip
_KNOWN = Prepared(
    select(table.c.claim_file_id, table.c.key).where(_OF_FILES, table.c.key.in_(texts_of("keys")))
)
_WAITING = Prepared(
    select(*_EVENT_COLUMNS)
    .where(_OF_FILES, table.c.outcome == EventOutcome.WAITING.value)
    .order_by(table.c.number)
)
_LOG_OF = Prepared(
    select(*_EVENT_COLUMNS)
    .where(_OF_FILES)
    .order_by(table.c.place.is_(None), table.c.place, table.c.number)
)
_LOG = prepared_insert(table)
_PLACED = ("outcome", "place", "from_state", "to_state", "reason")
_PLACE = Prepared(
    update(table)
    .where(table.c.claim_file_id == bindparam("of_file", type_=Text()))
    .where(table.c.key == bindparam("of_key", type_=Text()))
    .values(**{name: bindparam(f"new_{name}", type_=table.c[name].type) for name in _PLACED})
)
_SAVED = ("state", "life", "selectable", "selectable_reason", "updated_at")
_SAVE = Prepared(
    update(claim_file)
    .where(claim_file.c.id == bindparam("of_id", type_=Text()))
    .values(**{name: bindparam(f"new_{name}", type_=claim_file.c[name].type) for name in _SAVED})
)


class LifeTable:
    """Implements ``Lives``."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def of(self, ids: Collection[str]) -> dict[str, Life]:
        rows = await self._connection.fetch(_OF, ids=_listed(ids)) if ids else []
        return {row[0]: _life(row) for row in rows}

    async def known(self, keys: Mapping[str, Collection[str]]) -> set[tuple[str, str]]:
        if not keys:
            return set()
        wanted = _listed({key for some in keys.values() for key in some})
        rows = await self._connection.fetch(_KNOWN, ids=_listed(keys), keys=wanted)
        return {(file, key) for file, key in rows if key in keys[file]}

    async def waiting(self, ids: Collection[str]) -> dict[str, list[LoggedEvent]]:
        return await self._events(_WAITING, ids)

    async def log(self, events: Sequence[LoggedEvent]) -> None:
        await self._connection.run_many(_LOG, [_logged(one) for one in events])

    async def place(self, events: Sequence[LoggedEvent]) -> None:
        await self._connection.run_many(_PLACE, [_placed(one) for one in events])

    async def save(self, lives: Sequence[LifeWrite], *, at: datetime) -> None:
        await self._connection.run_many(_SAVE, [_saved(one, to_micros(at)) for one in lives])

    async def reach(self, id_: str, stage: Stage, *, at: datetime) -> None:
        reached = update(claim_file).where(claim_file.c.id == id_)
        values = {"stage": stage.value, "updated_at": to_micros(at)}
        await self._connection.execute(reached.values(**values))

    async def log_of(self, ids: Collection[str]) -> dict[str, list[LoggedEvent]]:
        return await self._events(_LOG_OF, ids)

    async def _events(
        self, statement: Prepared, ids: Collection[str]
    ) -> dict[str, list[LoggedEvent]]:
        found: dict[str, list[LoggedEvent]] = {}
        for row in await self._connection.fetch(statement, ids=_listed(ids)) if ids else ():
            found.setdefault(row[0], []).append(_event(row))
        return found


def standing_of(state: str | None, life: str | None) -> Standing | None:
    """Read where a file stands from its columns; None: its life has not begun."""
    if life is None:
        return None
    parts = from_json(life)
    return Standing(
        state=state,
        in_sales_document=parts["in_sales_document"],
        unassigned=parts["unassigned"],
        warnings=tuple(
            ClaimWarning(text=text, since=from_micros(since)) for text, since in parts["warnings"]
        ),
        facts=parts["facts"],
    )


def _listed(ids: Collection[str]) -> str:
    return json_text(sorted(ids))


def _life(row: Cells) -> Life:
    id_, repairer, connector, reference, partner_ref, state, life = row
    return Life(
        claim_file=id_,
        link=LinkKey(repairer, connector),
        reference=reference,
        partner_ref=partner_ref,
        standing=standing_of(state, life),
        places=from_json(life)["places"] if life else 0,
    )


def _event(row: Cells) -> LoggedEvent:
    (
        file, key, name, at, sorted_by, note, data, outcome, place, from_state, to_state, reason,
        record, delivery,
    ) = row  # fmt: skip
    return LoggedEvent(
        claim_file=file,
        event=Event(
            name=name,
            key=key,
            at=from_micros(at),
            order=sorted_by,
            note=note,
            data=from_json(data),
        ),
        outcome=EventOutcome(outcome),
        place=place,
        from_state=from_state,
        to_state=to_state,
        reason=reason,
        record=record,
        delivery=delivery,
    )


def _logged(one: LoggedEvent) -> dict[str, Any]:
    event = one.event
    return {
        "claim_file_id": one.claim_file,
        "key": event.key,
        "name": event.name,
        "at": to_micros(event.at),
        "sorted_by": event.order,
        "note": event.note,
        "data": json_text(event.data),
        "outcome": one.outcome.value,
        "place": one.place,
        "from_state": one.from_state,
        "to_state": one.to_state,
        "reason": one.reason,
        "record_id": one.record,
        "delivery_id": one.delivery,
    }


def _placed(one: LoggedEvent) -> dict[str, Any]:
    values = _logged(one)
    return {
        "of_file": one.claim_file,
        "of_key": one.event.key,
        **{f"new_{name}": values[name] for name in _PLACED},
    }


def _saved(one: LifeWrite, at: int) -> dict[str, Any]:
    standing = one.standing
    life = {
        "in_sales_document": standing.in_sales_document,
        "unassigned": standing.unassigned,
        "warnings": [[shown.text, to_micros(shown.since)] for shown in standing.warnings],
        "facts": standing.facts,
        "places": one.places,
    }
    return {
        "of_id": one.claim_file,
        "new_state": standing.state,
        "new_life": json_text(life),
        "new_selectable": one.selectable,
        "new_selectable_reason": one.selectable_reason,
        "new_updated_at": at,
    }
