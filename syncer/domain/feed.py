"""The change feed: what the planning system reads, in order, from a cursor."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any


class ChangeType(StrEnum):
    """Types of feed entries."""

    RECORD_CREATED = "record.created"
    RECORD_UPDATED = "record.updated"
    RECORD_DECIDED = "record.decided"
    RECORD_WITHDRAWN = "record.withdrawn"
    RECORD_TAKEN_OVER = "record.taken_over"
    ATTACHMENT_STORED = "attachment.stored"
    ATTACHMENT_REFUSED = "attachment.refused"
    CLAIM_FILE_CREATED = "claim_file.created"
    CLAIM_FILE_UPDATED = "claim_file.updated"
    REMINDER_SENT = "reminder.sent"
    DWELL_EXCEEDED = "dwell.exceeded"
    DOCUMENTS_UPDATED = "documents.updated"
    CLAIM_FILE_STATE_CHANGED = "claim_file.state_changed"
    CLAIM_FILE_WARNING = "claim_file.warning"
    DELIVERY_UPDATED = "delivery.updated"
    LINK_STATE_CHANGED = "link.state_changed"
    PASS_FINISHED = "pass.finished"
    QUARANTINE_ADDED = "quarantine.added"


class SubjectType(StrEnum):
    """What kind of thing an entry is about."""

    RECORD = "record"
    ATTACHMENT = "attachment"
    CLAIM_FILE = "claim_file"
    DELIVERY = "delivery"
    LINK = "link"
    PASS = "pass"
    QUARANTINE = "quarantine"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One entry of the feed before it has its place; ``data`` are a few JSON values."""

    type: ChangeType
    repairer: str
    connector: str
    subject_type: SubjectType
    subject_id: str
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedCursor:
    """A place in the feed. ``epoch`` names the database's life; a restore starts a new one."""

    epoch: str
    seq: int

    def __str__(self) -> str:
        return f"{self.epoch}:{self.seq}"

    @classmethod
    def parse(cls, text: str) -> FeedCursor:
        """Read a cursor.

        Raises:
            ValueError: when the text is not one of our cursors.
        """
        epoch, _, seq = text.partition(":")
        if not (epoch.isalnum() and seq.isascii() and seq.isdigit() and len(seq) <= 18):
            raise ValueError("is not a cursor of this feed")
        return cls(epoch=epoch, seq=int(seq))


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedEntry:
    """One entry of the feed in its place."""

    cursor: FeedCursor
    at: datetime
    change: Change
