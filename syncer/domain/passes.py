"""A pass: one pull over one link, scheduled or on demand."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from syncer.domain.links import LinkKey


class PassTrigger(StrEnum):
    """What started a pass."""

    SCHEDULE = "schedule"
    REFRESH = "refresh"


class PassState(StrEnum):
    """Where a pass stands; the last four are final."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    PARTIAL = "partial"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def has_ended(self) -> bool:
        """Say whether nothing more will happen to the pass."""
        return self not in {PassState.QUEUED, PassState.RUNNING}


@dataclass(slots=True, kw_only=True)
class PassCounts:
    """What a pass met. ``seen`` counts every item of the listing, unknown types included.

    ``delayed`` ones are not stored yet: the partner failed on what the listing does not hold.
    """

    seen: int = 0
    new: int = 0
    changed: int = 0
    unchanged: int = 0
    queued: int = 0
    excluded: int = 0
    quarantined: int = 0
    attachments: int = 0
    delayed: int = 0

    @property
    def imported(self) -> int:
        """Records that were stored, and may have announced attachments."""
        return self.new + self.changed

    def __add__(self, other: PassCounts) -> PassCounts:
        names = PassCounts.__dataclass_fields__
        return PassCounts(**{name: getattr(self, name) + getattr(other, name) for name in names})


@dataclass(frozen=True, slots=True, kw_only=True)
class PassError:
    """Why a pass failed; ``code`` is the stable code of the error class."""

    code: str
    text: str
    retry_at: datetime | None = None


@dataclass(slots=True, kw_only=True)
class Pass:
    """One pass, live or as the store holds it. Mutated only by the service that runs it."""

    id: str
    link: LinkKey
    trigger: PassTrigger
    state: PassState = PassState.QUEUED
    pages: int = 0
    counts: PassCounts = field(default_factory=PassCounts)
    error: PassError | None = None
    created_at: datetime
    started_at: datetime | None = None
    ended_at: datetime | None = None
