"""Where a pass starts and where it stands: the text that the host keeps as the cursor.

A follow-up that changes moves to the end of the listing, and what stood behind a position moves up.
So the walk never counts on a position where it can ask by time: after each page it asks again from
the last row's instant. Only while a page ends at the very instant that was asked for does it go on
by the platform's own cursor.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from syncer.sdk import PageLoopError, PayloadError, to_text
from syncer_assur3d import wire

OVERLAP = timedelta(minutes=5)
MOST_AHEAD = timedelta(minutes=5)
"""A change further beyond the partner's present time than this does not move the cursor."""
MOST_RESTARTS = 3

Instant = Annotated[datetime, Meta(tz=True)]


class Cursor(Struct, frozen=True, omit_defaults=True):
    """``since`` is where this pass started; ``walk`` and ``position`` are where it stands.

    ``walk`` is the instant that was asked for last, ``position`` the platform's cursor from there.
    ``newest`` is the newest change so far that counts. ``etags`` are those of the expected
    documents by type of contract, as they were at the start of the pass. ``restarts`` counts how
    often the partner had forgotten the position.
    """

    since: Instant | None = None
    walk: Instant | None = None
    position: str | None = None
    newest: Instant | None = None
    etags: Mapping[str, str] = {}
    restarts: int = 0

    @classmethod
    def parse(cls, text: str | None) -> Cursor:
        """Read a cursor's text; None starts from the beginning.

        Raises:
            PayloadError: it is none of ours.
        """
        if text is None:
            return cls()
        try:
            return msgspec.json.decode(text, type=cls)
        except (msgspec.DecodeError, UnicodeError):
            raise PayloadError("the stored cursor cannot be read") from None

    def text(self) -> str:
        """Give the text that the host keeps."""
        return msgspec.json.encode(self).decode()

    @property
    def is_start(self) -> bool:
        """Whether the pass begins here."""
        return self.walk is None and self.position is None and not self.restarts

    def query(self) -> dict[str, str | int | None]:
        """Say what to ask for."""
        if self.position is not None:
            return {wire.CURSOR: self.position, wire.LIMIT: wire.LONGEST_PAGE}
        asked = self.walk or self.since
        since = wire.BEGINNING if asked is None else to_text(asked)
        return {wire.SINCE: since, wire.LIMIT: wire.LONGEST_PAGE}

    def restarted(self) -> Cursor:
        """Begin the listing again: the partner no longer knows the position in it.

        Raises:
            PageLoopError: it was begun again too often.
        """
        if self.restarts >= MOST_RESTARTS:
            raise PageLoopError("the partner forgets its positions", path=wire.CURSOR)
        return msgspec.structs.replace(self, position=None, restarts=self.restarts + 1)

    def after(
        self,
        changes: Iterable[datetime],
        following: str | None,
        *,
        now: datetime | None,
        etags: Mapping[str, str],
    ) -> Cursor:
        """Move behind a page; behind the last one to where the next pass starts.

        Raises:
            PageLoopError: it says to go on where it begins.
        """
        seen = list(changes)
        counted = [at for at in seen if now is None or at <= now + MOST_AHEAD]
        newest = max([*counted, *([self.newest] if self.newest else [])], default=None)
        if following is None:
            return Cursor(since=_later(self.since, newest), etags=etags)
        if not following or following == self.position:
            raise PageLoopError("is the position of the same page", path="nextCursor")
        asked, last = self.walk or self.since, max(seen, default=None)
        standing = Cursor(since=self.since, newest=newest, etags=etags, restarts=self.restarts)
        if last is not None and (asked is None or last > asked):
            return msgspec.structs.replace(standing, walk=last)
        return msgspec.structs.replace(standing, walk=self.walk, position=following)


def partner_time(date: str | None) -> datetime | None:
    """Read the partner's present time off a ``Date`` header; None where it says none."""
    try:
        at = parsedate_to_datetime(date or "")
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)


def _later(since: datetime | None, newest: datetime | None) -> datetime | None:
    """Give the next start: an overlap before the newest change, never earlier than this one."""
    if newest is None:
        return since
    try:
        start = newest - OVERLAP
    except OverflowError:
        return since
    return start if since is None or start > since else since
