"""Where a pass starts and where it stands: the text that the host keeps as the cursor.

It is made of the partner's values only. Between passes it says from which instant to list, and
holds the ``ETag`` of the last listing from there that was read to its end; within a listing also
the position in it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from syncer.sdk import (
    PageLoopError,
    PayloadError,
    Record,
    UnexpectedAnswerError,
    parse_instant,
    to_text,
)
from syncer_claims360 import wire

OVERLAP = timedelta(minutes=5)
MOST_RESTARTS = 3
_SENDABLE = re.compile(r"[\x20-\x7e]{1,512}")

Instant = Annotated[datetime, Meta(tz=True)]


class Listing(Struct, frozen=True, omit_defaults=True):
    """A listing that is being read, at the partner's position ``next``.

    ``until`` is the partner's time at the first page: an event that claims to be later is stored,
    but the next listing does not start from it.
    """

    next: str
    until: Instant
    newest: Instant | None = None
    etag: str | None = None


class Cursor(Struct, frozen=True, omit_defaults=True):
    """Where the next request starts.

    ``since`` begins at the link's activation and never moves back, so that the overlap cannot reach
    history. ``etag`` belongs to the listing from exactly ``since``. ``restarts`` counts how often
    the listing had to be begun again.
    """

    since: Instant
    etag: str | None = None
    listing: Listing | None = None
    restarts: int = 0

    @classmethod
    def parse(cls, text: str) -> Cursor:
        """Read a cursor's text.

        Raises:
            PayloadError: it is none of ours.
        """
        try:
            return msgspec.json.decode(text, type=cls)
        except (msgspec.DecodeError, UnicodeError):
            raise PayloadError("the stored cursor cannot be read") from None

    def text(self) -> str:
        """Give the text that the host keeps."""
        return msgspec.json.encode(self).decode()

    def query(self) -> dict[str, str | int | None]:
        """Say what to ask for."""
        if self.listing:
            return {wire.CURSOR: self.listing.next, wire.LIMIT: wire.LONGEST_PAGE}
        return {wire.SINCE: to_text(self.since), wire.LIMIT: wire.LONGEST_PAGE}

    def restarted(self) -> Cursor:
        """Begin the listing again; the partner no longer knows the position in it.

        Raises:
            UnexpectedAnswerError: it has been begun again too often.
        """
        if self.restarts >= MOST_RESTARTS:
            raise UnexpectedAnswerError(410, "the list of changes, however often it is begun again")
        return Cursor(since=self.since, restarts=self.restarts + 1)

    def after(self, page: wire.WireListing, records: Sequence[Record], etag: str | None) -> Cursor:
        """Move behind a page; behind the last one to where the next pass starts.

        Raises:
            PayloadError: the page does not say where to go on.
            PageLoopError: it says to go on where it begins.
        """
        listing = self.listing or Listing(
            next="", until=server_time(page), etag=etag if _can_be_sent(etag) else None
        )
        seen = [record.status_changed_at for record in records]
        seen = [at for at in seen if at <= listing.until]
        newest = max([*seen, *([listing.newest] if listing.newest else [])], default=None)
        if page.has_more:
            position = _position(page, listing.next)
            going_on = msgspec.structs.replace(listing, next=position, newest=newest)
            return msgspec.structs.replace(self, listing=going_on)
        since = self.since
        if newest is not None and newest - since > OVERLAP:
            since = newest - OVERLAP
        return Cursor(since=since, etag=listing.etag if since == self.since else None)


def server_time(page: wire.WireListing) -> datetime:
    """Read the partner's present time off a page.

    Raises:
        PayloadError: the page does not say it.
    """
    try:
        return parse_instant(page.server_time or "")
    except (ValueError, OverflowError):
        raise PayloadError("is no instant with an offset", path="serverTime") from None


def _can_be_sent(etag: str | None) -> bool:
    """Say whether an ETag may go into a request's header; others are as good as none."""
    return etag is not None and _SENDABLE.fullmatch(etag) is not None


def _position(page: wire.WireListing, previous: str) -> str:
    if not page.next_cursor:
        raise PayloadError("is needed while there is more", path="nextCursor")
    if page.next_cursor == previous:
        raise PageLoopError("is the cursor of the same page", path="nextCursor")
    return page.next_cursor
