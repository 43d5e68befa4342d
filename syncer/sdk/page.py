"""One page of a partner's listing, mapped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from syncer.domain.records import Kind, Record, RecordKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable:
    """An item that could not be mapped; it is set aside with its bytes and the reason.

    ``partner_ref`` is None when not even that could be read. ``reason`` names the field and holds
    no value of it.
    """

    kind: Kind | None
    partner_ref: str | None
    reason: str
    raw: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownItem:
    """An item of a type that the connector does not know; kept raw and counted, not an error."""

    type: str
    partner_ref: str | None
    raw: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What one call of ``pull`` found.

    ``next_cursor`` is the connector's own text, built from the partner's values only. While
    ``has_more`` it continues this listing; on the last page it is where the next pass starts
    (overlap included) and is saved once every page is stored. None keeps the cursor that was.
    ``withdrawn`` names records that the partner no longer has.
    """

    records: Sequence[Record] = ()
    unreadable: Sequence[Unreadable] = ()
    unknown: Sequence[UnknownItem] = ()
    withdrawn: Sequence[RecordKey] = ()
    next_cursor: str | None = None
    has_more: bool = False
