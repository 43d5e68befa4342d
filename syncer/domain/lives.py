"""What happened to claim files and where it left them, as the store holds it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from syncer.domain.lifecycles import Event, Standing
from syncer.domain.links import LinkKey


class EventOutcome(StrEnum):
    """What an event came to."""

    MOVED = "moved"
    """The file stands otherwise since."""
    FILED = "filed"
    """It is kept and changed nothing."""
    REFUSED = "refused"
    """It could not happen to a file that stood like this; it is kept and changed nothing."""
    WAITING = "waiting"
    """It cannot be judged yet and is tried again after the next event that moves the file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedEvent:
    """An event in the log of its claim file.

    ``place`` is where it took effect among the others of the file, from 1; None while it waits.
    ``reason`` says why it was refused. ``record`` and ``delivery`` are the ids of what brought it.
    """

    claim_file: str
    event: Event
    outcome: EventOutcome
    place: int | None
    from_state: str | None = None
    to_state: str | None = None
    reason: str | None = None
    record: str | None = None
    delivery: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """Where a claim file stands, with what tells it apart from others.

    ``standing`` is None until its life has begun; ``places`` is how many events took effect.
    """

    claim_file: str
    link: LinkKey
    reference: str | None
    partner_ref: str | None
    standing: Standing | None
    places: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LifeWrite:
    """Where a claim file stands now, as it goes into the store.

    ``selectable`` is None for files without a lifecycle; ``selectable_reason`` says why not.
    """

    claim_file: str
    standing: Standing
    selectable: bool | None
    selectable_reason: str | None
    places: int
