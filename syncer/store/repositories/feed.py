"""The change feed: entries get their place at the end of the write that makes them.

The head is one row. Whoever raises it holds it until the commit, so places are handed out in order
of commit and none is ever missing; a reader that saw a place has seen all before it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Row, bindparam, select, update

from syncer.domain.errors import FeedResetError
from syncer.domain.feed import Change, ChangeType, FeedCursor, FeedEntry, SubjectType
from syncer.domain.instants import from_micros, to_micros
from syncer.store.connection import Connection, Prepared, from_json, json_text, prepared_insert
from syncer.store.tables import change as table
from syncer.store.tables import feed_head, note

EPOCH_NOTE = "feed_epoch"

_RAISE_HEAD = Prepared(
    update(feed_head)
    .values(seq=feed_head.c.seq + bindparam("entries", type_=BigInteger()))
    .returning(feed_head.c.seq)
)
_APPEND = prepared_insert(table)
_HEAD = Prepared(
    select(feed_head.c.seq, feed_head.c.pruned, note.c.value)
    .select_from(feed_head)
    .join(note, note.c.name == EPOCH_NOTE)
)


class FeedTable:
    """Implements ``Feed``."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._entries: list[dict[str, Any]] = []

    def append(self, changes: Sequence[Change], *, at: datetime) -> None:
        stamp = to_micros(at)
        self._entries.extend(_values(change, stamp) for change in changes)

    async def flush(self) -> bool:
        """Number and write what was appended; False when that is nothing."""
        if not self._entries:
            return False
        [(head,)] = await self._connection.fetch(_RAISE_HEAD, entries=len(self._entries))
        first = head - len(self._entries) + 1
        for seq, entry in enumerate(self._entries, start=first):
            entry["seq"] = seq
        await self._connection.run_many(_APPEND, self._entries)
        self._entries = []
        return True

    async def read(
        self, after: FeedCursor, *, limit: int, only: ChangeType | None = None
    ) -> list[FeedEntry]:
        head, pruned, epoch = await self._ends()
        if after.epoch != epoch or not pruned <= after.seq <= head:
            raise FeedResetError(
                "The cursor is from before a restore, or older than what is kept; list anew."
            )
        query = select(table).where(table.c.seq > after.seq).order_by(table.c.seq).limit(limit)
        if only is not None:
            query = query.where(table.c.type == only.value)
        return [_entry(row, epoch) for row in await self._connection.rows(query)]

    async def head(self) -> FeedCursor:
        head, _, epoch = await self._ends()
        return FeedCursor(epoch=epoch, seq=head)

    async def tail(self) -> FeedCursor:
        _, pruned, epoch = await self._ends()
        return FeedCursor(epoch=epoch, seq=pruned)

    async def _ends(self) -> tuple[int, int, str]:
        [(head, pruned, epoch)] = await self._connection.fetch(_HEAD)
        return head, pruned, bytes(epoch).decode()


def _values(change: Change, stamp: int) -> dict[str, Any]:
    return {
        "at": stamp,
        "type": change.type.value,
        "repairer": change.repairer,
        "connector": change.connector,
        "subject_type": change.subject_type.value,
        "subject_id": change.subject_id,
        "data": json_text(change.data),
    }


def _entry(row: Row[Any], epoch: str) -> FeedEntry:
    change = Change(
        type=ChangeType(row.type),
        repairer=row.repairer,
        connector=row.connector,
        subject_type=SubjectType(row.subject_type),
        subject_id=row.subject_id,
        data=from_json(row.data),
    )
    cursor = FeedCursor(epoch=epoch, seq=row.seq)
    return FeedEntry(cursor=cursor, at=from_micros(row.at), change=change)
