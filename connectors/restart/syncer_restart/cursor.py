"""Where a pass starts and where it stands: the text that the host keeps as the cursor.

The portal's pages are offsets over rows that move to the end whenever their status changes. So the
walk never counts on an offset where it can ask by time: after each page it asks again from the last
row's instant, page 1. Only while a page ends at the very instant that was asked for does it raise
the page; such rows are listed once more until two rounds saw the same ones, because a row that
leaves the instant in between would pull another one past the page's edge.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec
from msgspec import Struct

from syncer.sdk import PageLoopError, PayloadError, instant_key, parse_instant, to_text
from syncer_restart import wire

OVERLAP = timedelta(minutes=5)
MOST_AHEAD = timedelta(minutes=5)
"""An instant further beyond the portal's present time than this does not move the cursor."""
MOST_ROUNDS = 3


class Seen(Struct, frozen=True):
    """A row of a page: the claim's number and the instant of its status, in the portal's text."""

    number: str
    since: str


class Walk(Struct, frozen=True, omit_defaults=True):
    """A walk over the pages that is under way.

    ``since`` is what is asked for, in the portal's own text; None asks for everything. ``last`` is
    the number of the previous page's last row, ``newest`` the newest instant so far that counts.
    ``tied`` sums up the rows of this round, ``before`` those of the round before.
    """

    since: str | None = None
    page: int = 1
    last: str | None = None
    newest: str | None = None
    tied: str = ""
    before: str | None = None
    rounds: int = 1


class Cursor(Struct, frozen=True, omit_defaults=True):
    """Where the pass starts, which never moves back; and the walk, while there is one."""

    since: str | None = None
    walk: Walk | None = None

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

    def query(self) -> dict[str, str | int | None]:
        """Say what to ask for."""
        walk = self._walking()
        return {
            wire.CHANGED_SINCE: walk.since,
            wire.PAGE: walk.page,
            wire.PAGE_SIZE: wire.LONGEST_PAGE,
        }

    def after(self, rows: Sequence[Seen], *, has_more: bool, now: datetime | None) -> Cursor:
        """Move behind a page; behind the last one to where the next pass starts.

        ``now`` is the portal's present time, where it said so.

        Raises:
            PageLoopError: the page is the one before again, or is empty and still not the last.
        """
        walk = _noted(self._walking(), rows, now)
        last = rows[-1] if rows else None
        if has_more and (last is None or (walk.page > 1 and last.number == self._walking().last)):
            raise PageLoopError("the page leads nowhere", path=wire.PAGE)
        if has_more and last is not None and not _is_later(last.since, walk.since):
            following = msgspec.structs.replace(walk, page=walk.page + 1, last=last.number)
            return Cursor(since=self.since, walk=following)
        if walk.page > 1 and walk.tied != walk.before and walk.rounds < MOST_ROUNDS:
            return Cursor(since=self.since, walk=_another_round(walk))
        if has_more and last is not None:
            return Cursor(since=self.since, walk=Walk(since=last.since, newest=walk.newest))
        return Cursor(since=self._next_start(walk.newest))

    def _walking(self) -> Walk:
        return self.walk or Walk(since=self.since)

    def _next_start(self, newest: str | None) -> str | None:
        if newest is None:
            return self.since
        try:
            start = parse_instant(newest) - OVERLAP
        except OverflowError:
            return self.since
        if self.since is not None and start <= parse_instant(self.since):
            return self.since
        return to_text(start)


def _noted(walk: Walk, rows: Sequence[Seen], now: datetime | None) -> Walk:
    newest, tied = walk.newest, walk.tied
    for row in rows:
        is_ahead = now is not None and parse_instant(row.since) > now + MOST_AHEAD
        if not is_ahead and _is_later(row.since, newest):
            newest = row.since
        if not _is_later(row.since, walk.since):
            tied = hashlib.sha256(f"{tied} {row.number}".encode()).hexdigest()[:32]
    return msgspec.structs.replace(walk, newest=newest, tied=tied)


def _another_round(walk: Walk) -> Walk:
    return Walk(since=walk.since, newest=walk.newest, before=walk.tied, rounds=walk.rounds + 1)


def _is_later(since: str, than: str | None) -> bool:
    return than is None or instant_key(since) > instant_key(than)
