"""Deliveries: what leaves, in which states, and what an attempt can come to."""

from __future__ import annotations

from enum import StrEnum


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
