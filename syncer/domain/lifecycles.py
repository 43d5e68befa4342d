"""The life of a claim file as values: where it stands, what happened, what a person must see."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


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

    ``name`` is what the timeline shows (``SD 12``, ``rimborsato_chiuso``, ``converted``). ``key``
    is its identity within the file: an event whose key is known changes nothing. ``order`` sorts
    what has to be replayed once the file exists. ``data`` are JSON values for the lifecycle.
    """

    name: str
    key: str
    at: datetime
    order: int = 0
    note: str | None = None
    data: Mapping[str, Any] = field(default_factory=dict)
