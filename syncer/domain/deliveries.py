"""Deliveries: what leaves, in which states, and what an attempt can come to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

from syncer.domain.links import LinkKey


class DeliveryState(StrEnum):
    """Where a delivery stands, as the API shows it."""

    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    DELIVERED = "delivered"
    RETRYING = "retrying"
    NEEDS_ATTENTION = "needs_attention"
    REJECTED = "rejected"
    BLOCKED = "blocked"
    CANCELLED = "cancelled"


WAITING = frozenset({DeliveryState.QUEUED, DeliveryState.RETRYING})
"""The host will make an attempt by itself."""
MOVING = WAITING | {DeliveryState.SENDING}
"""Nothing that was accepted later in the same lane leaves before these."""
PARKED = frozenset({DeliveryState.NEEDS_ATTENTION, DeliveryState.REJECTED, DeliveryState.BLOCKED})
"""Only a person moves it on; what depends on it waits, everything else passes."""


class LostAnswer(StrEnum):
    """How an operation finds out whether an attempt took effect whose answer was lost."""

    KEY = "key"
    """The partner honours a key that never changes: the same sending again does no harm."""
    LOOKUP = "lookup"
    """The connector can ask the partner whether it happened."""
    NEITHER = "neither"
    """Only a person can find out."""


class Outcome(StrEnum):
    """What one attempt came to. The classes and what follows are in docs/operations.md."""

    DONE = "done"
    NOT_SENT = "not_sent"
    RETRY = "retry"
    AMBIGUOUS = "ambiguous"
    REJECTED = "rejected"
    BLOCKED = "blocked"
    CREDENTIALS_REJECTED = "credentials_rejected"
    GONE = "gone"
    FAILED = "failed"


class Lane(NamedTuple):
    """What leaves in order: the deliveries of one claim file over one link."""

    claim_file_id: str
    link: LinkKey


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryFile:
    """A file of a delivery as it was accepted; it never changes afterwards.

    ``id`` is that of the document or attachment that it was; ``sha256`` names the content.
    """

    id: str
    type: str
    name: str
    content_type: str
    size_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One attempt that was made; ``code`` is the partner's or ours, None when all went well."""

    at: datetime
    outcome: Outcome
    code: str | None = None
    text: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredDelivery:
    """A delivery as the store holds it.

    ``number`` gives the order of acceptance. ``depends_on`` and ``lost_answer`` are what the
    operation said when it was accepted. ``waiting_for`` names the parked delivery that holds this
    one up. ``in_doubt``: an earlier attempt may have taken effect; ``was_sent``: one sent something
    at all, refused or not. ``failures`` counts the attempts since ``failing_since`` that came to
    nothing. ``lease`` is the fencing token of whoever makes the attempt that began at
    ``attempt_at``; nobody else may write what came of it.
    """

    id: str
    number: int = 0
    key: str
    lane: Lane
    operation: str
    payload: Mapping[str, Any]
    depends_on: frozenset[str] = frozenset()
    lost_answer: LostAnswer
    dry_run: bool = False
    state: DeliveryState = DeliveryState.QUEUED
    reason: str | None = None
    waiting_for: str | None = None
    in_doubt: bool = False
    was_sent: bool = False
    failures: int = 0
    failing_since: datetime | None = None
    accepted_at: datetime
    updated_at: datetime
    next_attempt_at: datetime | None = None
    lease: str | None = None
    lease_until: datetime | None = None
    attempt_at: datetime | None = None
    receipt: Mapping[str, Any] | None = None
    files: tuple[DeliveryFile, ...] = ()
    attempts: tuple[Attempt, ...] = ()
    notes: Mapping[str, Any] = field(default_factory=dict)

    @property
    def link(self) -> LinkKey:
        """The link that it goes over."""
        return self.lane.link


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryFilter:
    """Which deliveries are wanted; tuples match exactly any of their values."""

    states: tuple[str, ...] | None = None
    operations: tuple[str, ...] | None = None
    repairers: tuple[str, ...] | None = None
    connectors: tuple[str, ...] | None = None
    claim_files: tuple[str, ...] | None = None
