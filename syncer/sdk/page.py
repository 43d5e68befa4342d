"""One page of a partner's listing, mapped."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from syncer.domain.completeness import ExpectedDocument
from syncer.domain.lifecycles import Event, Stage
from syncer.domain.records import ClaimRef, Kind, Record, RecordKey
from syncer.sdk.delivery import Confirmation, Piece
from syncer.sdk.folder import Archived, Refused


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
class ClaimUpdate:
    """What a partner says of a claim file itself, beside or without records.

    The file is found by ``claim.partner_ref``, else by ``claim.reference`` on the link, else made.
    ``data`` is laid into its data as a record's contribution of the instant ``at`` would be. With
    ``only_known`` no file is made: what is said of one that neither the store nor a kept record of
    the page knows is dropped. ``pieces`` are all the documents that the partner expects on it, None
    where it says nothing of them. ``stage`` moves the file on; it never goes back.
    """

    claim: ClaimRef
    at: datetime
    events: Sequence[Event] = ()
    data: Mapping[str, Any] = field(default_factory=dict)
    only_known: bool = False
    pieces: Sequence[Piece] | None = None
    stage: Stage | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What one call of ``pull`` found.

    ``next_cursor`` is the connector's own text, built from the partner's values only. While
    ``has_more`` it continues this listing; on the last page it is where the next pass starts
    (overlap included) and is saved once every page is stored. None keeps the cursor that was.
    ``withdrawn`` names records that the partner no longer has. ``claim_updates`` say what happened
    to claim files, in order. ``confirmations`` are about deliveries that were sent. ``files`` are
    what a folder connector read: moved once the page is stored. ``acknowledge`` are texts of the
    connector's own for ``settle``: what the partner is told once the page is stored.
    ``rule_sets`` are the partner's expected documents by type of claim, as far as they changed; the
    operator's own outrank them. ``originals`` are the bytes of each record, in the same order;
    given by connectors with ``fixed_records``. ``quiet`` names records of the page that come as one
    batch: a single ``documents.updated`` for each claim file stands in the feed instead of an entry
    for each of them.
    """

    records: Sequence[Record] = ()
    unreadable: Sequence[Unreadable] = ()
    unknown: Sequence[UnknownItem] = ()
    withdrawn: Sequence[RecordKey] = ()
    claim_updates: Sequence[ClaimUpdate] = ()
    confirmations: Sequence[Confirmation] = ()
    files: Sequence[Archived | Refused] = ()
    acknowledge: Sequence[str] = ()
    rule_sets: Mapping[str, Sequence[ExpectedDocument]] = field(default_factory=dict)
    originals: Sequence[bytes] = ()
    quiet: Collection[RecordKey] = ()
    next_cursor: str | None = None
    has_more: bool = False
