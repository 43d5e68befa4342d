"""Removal of what is older than its retention, a bounded batch at a time."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, Table, and_, delete, func, select, update

from syncer.domain.deliveries import DeliveryState
from syncer.domain.instants import to_micros
from syncer.domain.mails import MailState
from syncer.store.connection import Connection
from syncer.store.tables import (
    answer,
    change,
    delivery,
    feed_head,
    kept_pass,
    link_event,
    mail,
    record_version,
)

BATCH_ROWS: Final = 5_000


_THROUGH: Final = (
    DeliveryState.DELIVERED.value,
    DeliveryState.CANCELLED.value,
    DeliveryState.REJECTED.value,
)


class OldRows:
    """Implements ``Pruning``; one call removes at most ``BATCH_ROWS`` rows of each sort."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def prune(
        self, *, passes: datetime, changes: datetime, history: datetime, answers: datetime
    ) -> dict[str, int]:
        await self._remove(link_event, link_event.c.number, link_event.c.at < to_micros(answers))
        return {
            "passes": await self._remove(
                kept_pass, kept_pass.c.id, kept_pass.c.ended_at < to_micros(passes)
            ),
            "changes": await self._changes(to_micros(changes)),
            "history": await self._remove(
                record_version,
                record_version.c.number,
                record_version.c.replaced_at < to_micros(history),
            ),
            "deliveries": await self._remove(delivery, delivery.c.number, _is_old(history)),
            "mails": await self._remove(mail, mail.c.id, _has_ended(history)),
            "answers": await self._answers(to_micros(answers)),
        }

    async def _remove(
        self, table: Table, key: ColumnElement[object], old: ColumnElement[bool]
    ) -> int:
        batch = select(key).where(old).order_by(key).limit(BATCH_ROWS)
        return await self._connection.execute(delete(table).where(key.in_(batch)))

    async def _answers(self, before: int) -> int:
        """Remove whole instants up to the last of the batch; the key has two columns."""
        oldest = select(answer.c.at).where(answer.c.at < before).order_by(answer.c.at)
        last = select(func.max(oldest.limit(BATCH_ROWS).subquery().c.at)).scalar_subquery()
        return await self._connection.execute(delete(answer).where(answer.c.at <= last))

    async def _changes(self, before: int) -> int:
        """Remove from the tail only, so that what is kept has no hole when the clock jumped."""
        kept = select(change.c.seq).where(change.c.at >= before).order_by(change.c.seq).limit(1)
        [ends] = await self._connection.rows(select(feed_head.c.seq, feed_head.c.pruned))
        first_kept = await self._connection.scalar(kept)
        last = min((first_kept or ends.seq + 1) - 1, ends.pruned + BATCH_ROWS)
        if last <= ends.pruned:
            return 0
        await self._connection.execute(update(feed_head).values(pruned=last))
        return await self._connection.execute(delete(change).where(change.c.seq <= last))


def _has_ended(before: datetime) -> ColumnElement[bool]:
    """Say which mails were sent or given up, and are old."""
    ended = [MailState.SENT.value, MailState.CANCELLED.value]
    return and_(mail.c.state.in_(ended), mail.c.ended_at < to_micros(before))


def _is_old(before: datetime) -> ColumnElement[bool]:
    """Say which deliveries are through and old, unless another still waits for them."""
    waiting = delivery.alias("waiting")
    holds_up = select(waiting.c.id).where(waiting.c.waiting_for == delivery.c.id).exists()
    ended_at = delivery.c.updated_at < to_micros(before)
    return and_(delivery.c.state.in_(_THROUGH), ended_at, ~holds_up)
