"""Links and their sync state."""

from __future__ import annotations

import sys
from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Text,
    and_,
    bindparam,
    case,
    delete,
    func,
    insert,
    literal,
    or_,
    select,
    true,
    tuple_,
    update,
)

from syncer.domain.errors import NotFoundError
from syncer.domain.instants import from_micros, to_micros
from syncer.domain.links import LastPass, Link, LinkKey, LinkState
from syncer.domain.stored import LinkFilter, LinkOutcome, SealedCredential
from syncer.store.connection import (
    Cells,
    Connection,
    Prepared,
    any_of,
    each_text,
    from_json,
    json_text,
    matches,
    texts_of,
)
from syncer.store.repositories.credentials import SEALED_COLUMNS, sealed_from
from syncer.store.repositories.instants import instant, micros
from syncer.store.repositories.leftovers import has_leftovers
from syncer.store.repositories.link_counts import count_of_links
from syncer.store.tables import credential, credential_key, link_event
from syncer.store.tables import link as table
from syncer.store.tables import repairer as repairer_table

_COLUMNS = tuple(table.columns)
_ACTIVE = table.c.state == LinkState.ACTIVE.value


_HAS_CREDENTIAL = and_(
    credential.c.repairer == table.c.repairer, credential.c.connector == table.c.connector
)
_HAS_KEY = credential_key.c.credential_id == credential.c.credential_id
_SEALED_FROM = len(_COLUMNS) + 1
"""Where the columns of the credentials begin in a row of ``_due`` and ``_opened``."""


def _due() -> Prepared:
    now = bindparam("now", type_=BigInteger())
    return Prepared(
        select(*_COLUMNS, has_leftovers(), *SEALED_COLUMNS)
        .select_from(table.join(credential, _HAS_CREDENTIAL).join(credential_key, _HAS_KEY))
        .where(_ACTIVE, table.c.next_due_at <= now)
        .where(or_(table.c.hold_until.is_(None), table.c.hold_until <= now))
        .where(table.c.connector.in_(texts_of("connectors")))
        .order_by(table.c.next_due_at, table.c.repairer, table.c.connector)
        .limit(bindparam("limit", type_=BigInteger()))
    )


def _opened() -> Prepared:
    sealed = table.outerjoin(credential, _HAS_CREDENTIAL).outerjoin(credential_key, _HAS_KEY)
    return Prepared(
        select(*_COLUMNS, has_leftovers(), *SEALED_COLUMNS)
        .select_from(sealed)
        .where(table.c.repairer == bindparam("of_repairer", type_=Text()))
        .where(table.c.connector == bindparam("of_connector", type_=Text()))
    )


def _finish() -> Prepared:
    state = bindparam("new_state", type_=Text())
    ended_at = bindparam("ended_at", type_=BigInteger())

    def unless_none(column: Any, name: str) -> ColumnElement[Any]:
        return func.coalesce(bindparam(name, type_=column.type), column)

    def is_set(name: str) -> ColumnElement[bool]:
        return bindparam(name, type_=BigInteger()) == 1

    return Prepared(
        update(table)
        .where(table.c.repairer == bindparam("of_repairer", type_=Text()))
        .where(table.c.connector == bindparam("of_connector", type_=Text()))
        .where(table.c.generation == bindparam("of_generation", type_=BigInteger()))
        .values(
            cursor=unless_none(table.c.cursor, "new_cursor"),
            state=func.coalesce(state, table.c.state),
            reason=case(
                (state.is_(None), table.c.reason), else_=bindparam("new_reason", type_=Text())
            ),
            hold_until=bindparam("held_until", type_=BigInteger()),
            last_pass_id=bindparam("pass_id", type_=Text()),
            last_pass_state=bindparam("pass_state", type_=Text()),
            last_pass_ended_at=ended_at,
            last_success_at=case((is_set("succeeded"), ended_at), else_=table.c.last_success_at),
            first_pass_at=case(
                (is_set("began"), func.coalesce(table.c.first_pass_at, ended_at)),
                else_=table.c.first_pass_at,
            ),
        )
    )


_DUE = _due()
_OPENED = _opened()
_FINISH = _finish()
_SCHEDULE = Prepared(
    update(table)
    .where(table.c.repairer == bindparam("of_repairer", type_=Text()))
    .where(table.c.connector == bindparam("of_connector", type_=Text()))
    .values(next_due_at=bindparam("due_at", type_=BigInteger()))
)


class LinkTable:
    """Implements ``Links``."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def ensure(self, connectors: Collection[str], *, repairer: str | None = None) -> None:
        named = each_text(literal(json_text(sorted(connectors)), Text())).table_valued("value")
        wanted = named.alias("wanted")
        there = select(1).where(
            table.c.repairer == _REPAIRERS.id, table.c.connector == wanted.c.value
        )
        missing = (
            select(
                _REPAIRERS.id,
                wanted.c.value,
                literal(LinkState.UNCONFIGURED.value, Text()),
                literal(0, BigInteger()),
                literal("{}", Text()),
            )
            .select_from(repairer_table.join(wanted, true()))
            .where(~there.exists())
        )
        if repairer is not None:
            missing = missing.where(_REPAIRERS.id == repairer)
        names = ["repairer", "connector", "state", "generation", "settings"]
        await self._connection.execute(insert(table).from_select(names, missing))

    async def settle_open(self, connector: str, *, closed_reason: str | None) -> None:
        unpaused = [LinkState.UNCONFIGURED.value, LinkState.ACTIVE.value]
        state = LinkState.ACTIVE if closed_reason is None else LinkState.UNCONFIGURED
        await self._connection.execute(
            update(table)
            .where(table.c.connector == connector, table.c.state.in_(unpaused))
            .values(state=state.value, reason=closed_reason)
        )

    async def get(self, key: LinkKey) -> Link | None:
        row = await self._connection.row(select(*_COLUMNS, has_leftovers()).where(_is(key)))
        return None if row is None else _link(row)

    async def with_credential(self, key: LinkKey) -> tuple[Link, SealedCredential | None] | None:
        rows = await self._connection.fetch(
            _OPENED, of_repairer=key.repairer, of_connector=key.connector
        )
        if not rows:
            return None
        [row] = rows
        sealed = row[_SEALED_FROM:]
        return _link(row[:_SEALED_FROM]), None if None in sealed else sealed_from(sealed)

    async def find(self, wanted: LinkFilter, *, after: LinkKey | None, limit: int) -> list[Link]:
        order = (table.c.repairer, table.c.connector)
        query = select(*_COLUMNS).where(*_wanted(wanted)).order_by(*order).limit(limit)
        if after is not None:
            query = query.where(tuple_(*order) > tuple_(literal(after[0]), literal(after[1])))
        return [_link(row) for row in await self._connection.rows(query)]

    async def count(self, wanted: LinkFilter) -> int:
        query = select(func.count()).select_from(table).where(*_wanted(wanted))
        return int(await self._connection.scalar(query))

    async def counts(self, keys: Sequence[LinkKey]) -> dict[LinkKey, dict[str, int]]:
        return await count_of_links(self._connection, keys)

    async def due(
        self, now: datetime, *, connectors: Collection[str], limit: int
    ) -> list[tuple[Link, SealedCredential]]:
        rows = await self._connection.fetch(
            _DUE, now=to_micros(now), connectors=json_text(sorted(connectors)), limit=limit
        )
        return [(_link(row[:_SEALED_FROM]), sealed_from(row[_SEALED_FROM:])) for row in rows]

    async def next_due_at(self, connectors: Collection[str]) -> datetime | None:
        query = select(func.min(table.c.next_due_at)).where(
            _ACTIVE, table.c.connector.in_(sorted(connectors))
        )
        return instant(await self._connection.scalar(query))

    async def schedule(self, due: Mapping[LinkKey, datetime]) -> None:
        rows = [
            {"of_repairer": key.repairer, "of_connector": key.connector, "due_at": to_micros(at)}
            for key, at in due.items()
        ]
        await self._connection.run_many(_SCHEDULE, rows)

    async def scheduled(
        self, *, connectors: Collection[str], before: datetime | None, after: datetime | None
    ) -> list[Link]:
        query = (
            select(*_COLUMNS)
            .where(_ACTIVE, table.c.connector.in_(sorted(connectors)))
            .where(table.c.next_due_at.is_not(None))
            .order_by(table.c.next_due_at, table.c.repairer, table.c.connector)
        )
        if before is not None:
            query = query.where(table.c.next_due_at < to_micros(before))
        if after is not None:
            query = query.where(table.c.next_due_at > to_micros(after))
        return [_link(row) for row in await self._connection.rows(query)]

    async def finish(self, outcomes: Sequence[LinkOutcome]) -> None:
        await self._connection.run_many(_FINISH, [_outcome(outcome) for outcome in outcomes])

    async def configured(
        self, key: LinkKey, *, generation: int, next_due_at: datetime, activation_cursor: str | None
    ) -> None:
        await self._change(
            key,
            state=LinkState.ACTIVE.value,
            reason=None,
            generation=generation,
            next_due_at=to_micros(next_due_at),
            hold_until=None,
            activation_cursor=activation_cursor,
        )

    async def note_activation(self, key: LinkKey, cursor: str) -> None:
        await self._change(key, activation_cursor=cursor)

    async def set_state(self, key: LinkKey, state: LinkState, reason: str | None) -> None:
        await self._change(key, state=state.value, reason=reason)

    async def set_settings(
        self, key: LinkKey, settings: Mapping[str, Any], *, start_date: date | None
    ) -> None:
        day = start_date.isoformat() if start_date else None
        await self._change(key, settings=json_text(settings), start_date=day)

    async def reset(self, key: LinkKey) -> None:
        await self._change(
            key,
            state=LinkState.UNCONFIGURED.value,
            reason=None,
            next_due_at=None,
            hold_until=None,
        )
        failures = link_event.c.kind == "auth_failure"
        await self._connection.execute(
            delete(link_event).where(matches(link_event, key._asdict()), failures)
        )

    async def note_auth_failure(self, key: LinkKey, at: datetime) -> None:
        await self._note("auth_failure", key, at)

    async def auth_failures_since(self, key: LinkKey, since: datetime) -> int:
        return len(await self._noted("auth_failure", key, since))

    async def note_verification(self, key: LinkKey, at: datetime) -> None:
        await self._note("verification", key, at)

    async def verifications_since(self, key: LinkKey, since: datetime) -> list[datetime]:
        return await self._noted("verification", key, since)

    async def _note(self, kind: str, key: LinkKey, at: datetime) -> None:
        values = {**key._asdict(), "kind": kind, "at": to_micros(at)}
        await self._connection.execute(insert(link_event).values(**values))

    async def _noted(self, kind: str, key: LinkKey, since: datetime) -> list[datetime]:
        query = (
            select(link_event.c.at)
            .where(matches(link_event, {**key._asdict(), "kind": kind}))
            .where(link_event.c.at >= to_micros(since))
            .order_by(link_event.c.at)
        )
        return [from_micros(row.at) for row in await self._connection.rows(query)]

    async def _change(self, key: LinkKey, **values: Any) -> None:
        if not await self._connection.execute(update(table).where(_is(key)).values(**values)):
            raise NotFoundError(f"There is no link {key.repairer}/{key.connector}.")


_REPAIRERS = repairer_table.c


def _is(key: LinkKey) -> ColumnElement[bool]:
    return matches(table, key._asdict())


def _wanted(wanted: LinkFilter) -> list[ColumnElement[bool]]:
    found = [
        table.c.connector.in_(wanted.enabled),
        *any_of(table.c.repairer, wanted.repairers),
        *any_of(table.c.connector, wanted.connectors),
    ]
    if wanted.states is not None:
        shown_so = [name for name, state in wanted.overruled.items() if state in wanted.states]
        own = and_(
            table.c.connector.not_in(list(wanted.overruled)), table.c.state.in_(wanted.states)
        )
        found.append(or_(table.c.connector.in_(shown_so), own))
    return found


def _outcome(outcome: LinkOutcome) -> dict[str, Any]:
    return {
        "of_repairer": outcome.link.repairer,
        "of_connector": outcome.link.connector,
        "of_generation": outcome.generation,
        "new_cursor": outcome.cursor,
        "new_state": outcome.state.value if outcome.state else None,
        "new_reason": outcome.reason,
        "held_until": micros(outcome.hold_until),
        "pass_id": outcome.pass_id,
        "pass_state": str(outcome.pass_state),
        "ended_at": to_micros(outcome.ended_at),
        "succeeded": int(outcome.succeeded),
        "began": int(outcome.began),
    }


def _link(row: Cells) -> Link:
    (
        name, connector, state, reason, generation, settings, start_date, cursor, activation_cursor,
        first_pass_at, next_due_at, hold_until, pass_id, pass_state, pass_ended_at, success_at,
        *leftovers,
    ) = row  # fmt: skip
    last = (
        LastPass(id=pass_id, state=pass_state, ended_at=instant(pass_ended_at)) if pass_id else None
    )
    return Link(
        key=LinkKey(name, sys.intern(connector)),  # thousands of links share a few names
        state=LinkState(state),
        reason=reason,
        generation=generation,
        settings=from_json(settings) if settings != "{}" else {},
        start_date=date.fromisoformat(start_date) if start_date else None,
        cursor=cursor,
        activation_cursor=activation_cursor,
        first_pass_at=instant(first_pass_at),
        next_due_at=instant(next_due_at),
        hold_until=instant(hold_until),
        last_pass=last,
        last_success_at=instant(success_at),
        has_leftovers=any(leftovers),
    )
