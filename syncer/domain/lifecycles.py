"""The life of a claim file as values: where it stands, what happened, what a person must see."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any


class LocalEvent(StrEnum):
    """What the planning system reports of a claim file.

    A lifecycle sees the first six as events of that name, with ``sales_document`` in their data
    where one was named. The last two move the file's stage, which is the host's own.
    """

    LINKED_TO_SALES_DOCUMENT = "linked_to_sales_document"
    REMOVED_FROM_SALES_DOCUMENT = "removed_from_sales_document"
    CREDIT_NOTE_CREATED = "credit_note_created"
    CREDIT_NOTE_DELETED = "credit_note_deleted"
    CANCELLED_BY_HAND = "cancelled_by_hand"
    WARNING_ACKNOWLEDGED = "warning_acknowledged"
    CONVERTED = "converted"
    ARCHIVED = "archived"


class Stage(StrEnum):
    """How far the planning system has come with a claim file; it never goes back."""

    QUOTE = "quote"
    CONVERTED = "converted"
    ARCHIVED = "archived"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimWarning:
    """Something to show when the file is worked with; it stays until a person acknowledges it."""

    text: str
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where a claim file stands in its life.

    ``state`` is None for a connector without states. ``facts`` are the lifecycle's own JSON values
    (which credit note holds the file, the newest notice, a service's stage); nobody else reads
    them. Two standings that are equal are the same to everybody.
    """

    state: str | None = None
    in_sales_document: bool = False
    unassigned: bool = False
    warnings: tuple[ClaimWarning, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened to a claim file: at the partner, at the planning system, or by us.

    ``name`` is what the timeline shows (``SD 12``, ``rimborsato_chiuso``, or a ``LocalEvent``).
    ``key`` is its identity within the file: an event whose key is known changes nothing. ``order``
    sorts the events of one page, and what waits to be replayed; equal ones stay as they came.
    ``data`` are JSON values for the lifecycle.
    """

    name: str
    key: str
    at: datetime
    order: int = 0
    note: str | None = None
    data: Mapping[str, Any] = field(default_factory=dict)
