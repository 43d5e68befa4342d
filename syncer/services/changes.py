"""Reading the change feed: at once, waiting for news, or as an endless stream."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

from syncer.domain.errors import FieldError, InvalidError
from syncer.domain.feed import FeedCursor, FeedEntry
from syncer.domain.instants import to_text
from syncer.ports.store import Store
from syncer.services.record_json import Json

STREAM_BATCH = 500
LONGEST_WAIT_SECONDS = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeReading:
    """Reads the feed for the planning system."""

    store: Store

    async def read(
        self, after: str | None, *, limit: int = 50, wait_seconds: float = 0
    ) -> tuple[list[Json], str]:
        """Give entries after a cursor, and the cursor to go on from, which is always one.

        Without a cursor it starts at the oldest entry that is kept. When there is nothing new it
        waits that long for news.

        Raises:
            InvalidError: ``cursor_invalid``.
            FeedResetError: the cursor is from before a restore, or older than what is kept.
        """
        cursor = await self._start(after)
        entries = await self._read(cursor, limit)
        if not entries and wait_seconds > 0:
            await self.store.changed(cursor, timeout_seconds=wait_seconds)
            entries = await self._read(cursor, limit)
        last = entries[-1].cursor if entries else cursor
        return [change_view(entry) for entry in entries], str(last)

    async def follow(self, after: str | None) -> AsyncIterator[list[Json]]:
        """Give entries after a cursor as they come, for ever.

        The first list comes at once, even an empty one, so that a bad cursor is known before a
        stream begins. Without a cursor it starts at the oldest entry that is kept.

        Raises:
            InvalidError: ``cursor_invalid``.
            FeedResetError: the cursor is from before a restore, or older than what is kept.
        """
        cursor = await self._start(after)
        is_first = True
        while True:
            entries = await self._read(cursor, STREAM_BATCH)
            if entries or is_first:
                yield [change_view(entry) for entry in entries]
            is_first = False
            if entries:
                cursor = entries[-1].cursor
            else:
                await self.store.changed(cursor, timeout_seconds=LONGEST_WAIT_SECONDS)

    async def _start(self, after: str | None) -> FeedCursor:
        if after is None:
            async with self.store.read() as uow:
                return await uow.feed.tail()
        try:
            return FeedCursor.parse(after)
        except ValueError as error:
            fault = FieldError(pointer="/after", message=str(error))
            raise InvalidError(
                "The cursor is none of this feed.", [fault], code="cursor_invalid"
            ) from None

    async def _read(self, cursor: FeedCursor, limit: int) -> list[FeedEntry]:
        async with self.store.read() as uow:
            return await uow.feed.read(cursor, limit=limit)


def change_view(entry: FeedEntry) -> Json:
    """Give an entry as the API shows it."""
    change = entry.change
    return {
        "cursor": str(entry.cursor),
        "at": to_text(entry.at),
        "type": change.type,
        "repairer": change.repairer,
        "connector": change.connector,
        "subject": {"type": change.subject_type, "id": change.subject_id},
        "data": dict(change.data),
    }
