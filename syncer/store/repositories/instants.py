"""Instants in columns: whole microseconds, or nothing."""

from __future__ import annotations

from datetime import datetime

from syncer.domain.instants import from_micros, to_micros


def micros(instant: datetime | None) -> int | None:
    """Give an instant as the store keeps it."""
    return None if instant is None else to_micros(instant)


def instant(stored: int | None) -> datetime | None:
    """Give what the store keeps as an instant."""
    return None if stored is None else from_micros(stored)
