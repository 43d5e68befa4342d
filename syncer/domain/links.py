"""Links: one (connector, repairer) pair each, and the states that a link can be in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any, NamedTuple


class LinkKey(NamedTuple):
    """Identity of a link; both parts are slugs."""

    repairer: str
    connector: str


class LinkState(StrEnum):
    """What a link can do now; ``reason`` on the link says why."""

    UNCONFIGURED = "unconfigured"
    ACTIVE = "active"
    CREDENTIALS_REJECTED = "credentials_rejected"
    PAUSED = "paused"
    SUPERSEDED = "superseded"
    UNAVAILABLE = "unavailable"


@dataclass(frozen=True, slots=True, kw_only=True)
class LastPass:
    """The newest pass of a link, idle ones included."""

    id: str
    state: str
    ended_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A link as the store holds it.

    ``state`` here is what the link itself was put into; a quarantined or superseded connector
    overrides it when shown. ``cursor`` is the connector's text after the last complete pass;
    ``activation_cursor`` is where the first pass starts when no start date was chosen.
    ``settings`` are the link's own, already validated, as JSON values.
    """

    key: LinkKey
    state: LinkState
    reason: str | None = None
    generation: int = 0
    settings: dict[str, Any]
    start_date: date | None = None
    cursor: str | None = None
    activation_cursor: str | None = None
    first_pass_at: datetime | None = None
    next_due_at: datetime | None = None
    hold_until: datetime | None = None
    last_pass: LastPass | None = None
    last_success_at: datetime | None = None
    has_leftovers: bool = False
    """Whether an earlier pass left attachments to fetch or records to complete."""
