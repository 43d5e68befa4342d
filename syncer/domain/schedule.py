"""When a link is due: fixed slots, spread over the interval, the same after every restart."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta

from syncer.domain.instants import EPOCH
from syncer.domain.links import LinkKey

DEFAULT_INTERVAL = timedelta(minutes=15)
_PHASES = 2**32


def phase(key: LinkKey) -> float:
    """Give a link its fixed place in every interval, from 0 up to 1, spread evenly over links."""
    digest = hashlib.blake2b(f"{key.repairer}/{key.connector}".encode(), digest_size=4).digest()
    return int.from_bytes(digest) / _PHASES


def next_due(key: LinkKey, now: datetime, interval: timedelta) -> datetime:
    """Give the link's first slot after ``now``; slots missed before it collapse into it."""
    offset = interval * phase(key)
    slots_gone = (now - EPOCH - offset) // interval
    return EPOCH + offset + (slots_gone + 1) * interval


def late_due(due_at: datetime, now: datetime, earliest_due_at: datetime) -> datetime:
    """Give an overdue link its one late pass after a stop, without a burst.

    ``earliest_due_at`` is the earliest due time of all overdue links, so about when the stop began.
    All due times move by the length of the stop: links keep their distance to each other, and the
    rate while catching up is at most twice the usual one.
    """
    return due_at + (now - earliest_due_at)


def clamp_due(key: LinkKey, due_at: datetime, now: datetime, interval: timedelta) -> datetime:
    """Bring back a due time that a clock change left further away than one interval."""
    return due_at if due_at <= now + interval else next_due(key, now, interval)
