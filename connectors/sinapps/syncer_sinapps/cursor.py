"""Where a pass starts and where it stands: the text that the host keeps as the cursor.

It holds the partner's values only: the id of the last event that is stored, the partner's time, and
when the open missions were last walked. Event ids are exclusive, so there is no overlap.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from syncer.sdk import PayloadError
from syncer_sinapps import wire

Instant = Annotated[datetime, Meta(tz=True)]


class Walk(Struct, frozen=True, omit_defaults=True):
    """A walk through the listed missions that is under way.

    ``next`` is the link to the next page, ``page`` its number; ``seen`` are the missions listed so
    far.
    """

    started_at: Instant
    page: int = 1
    next: str | None = None
    seen: tuple[str, ...] = ()


class Cursor(Struct, frozen=True, omit_defaults=True):
    """What the next request starts from.

    ``seen_at`` is the latest time that the partner named: what it gives without an instant of its
    own is taken to be of that time, which so never runs backwards. ``absent`` are missions that
    the last walk did not find; what two walks in a row do not find is gone.
    """

    since: int = 0
    seen_at: Instant | None = None
    walked_at: Instant | None = None
    absent: tuple[str, ...] = ()
    walk: Walk | None = None

    @classmethod
    def parse(cls, text: str | None) -> Cursor:
        """Read a cursor's text; none is the beginning.

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

    def later(self, at: datetime | None) -> datetime | None:
        """Give the partner's time, never before one that it named already."""
        known = [each for each in (self.seen_at, at) if each is not None]
        return max(known) if known else None

    def after(self, event_id: int, at: datetime | None) -> Cursor:
        """Go on behind an event."""
        return msgspec.structs.replace(self, since=event_id, seen_at=self.later(at))

    def at_end(self, at: datetime | None) -> Cursor:
        """Say what follows the end of the log: a walk when one is due, else the next pass.

        The very first end only starts the week: the whole log was just read.
        """
        if at is None:
            return self
        if self.walked_at is None:
            return msgspec.structs.replace(self, walked_at=at)
        if at - self.walked_at < wire.WALK_INTERVAL:
            return self
        return msgspec.structs.replace(self, walk=Walk(started_at=at), seen_at=self.later(at))

    def walked(self, absent: tuple[str, ...]) -> Cursor:
        """End a walk."""
        assert self.walk is not None, "no walk is under way"
        return msgspec.structs.replace(
            self, walk=None, walked_at=self.walk.started_at, absent=absent
        )
