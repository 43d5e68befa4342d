"""What the store holds of inbound work, as values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal

from syncer.domain.intake import Decision, IntakeState, Standing
from syncer.domain.links import LinkKey, LinkState
from syncer.domain.records import Attachment, ClaimRef, Kind, Record, RecordKey


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownRecord:
    """As much of a stored record as a page needs to decide on a new version of it."""

    id: str
    revision: str
    version: int
    status_changed_at: datetime
    standing: Standing
    decided_at: datetime
    claim_file_id: str | None
    withdrawn: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordWrite:
    """A new record, or a new version of a stored one, as it goes into the store.

    ``body`` is ``record`` as JSON. ``version`` is the partner's number, or ours if it gives none.
    ``incomplete`` marks a record that still has to be completed at the partner before it is whole.
    """

    id: str
    link: LinkKey
    record: Record
    body: bytes
    version: int
    decision: Decision
    person_state: IntakeState | None
    decided_at: datetime
    received_at: datetime
    claim_file_id: str | None
    incomplete: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionWrite:
    """A decision on a stored record, as it goes into the store."""

    id: str
    decision: Decision
    person_state: IntakeState | None
    decided_at: datetime
    incomplete: bool
    claim_file_id: str | None = None
    """Set when the record joins a claim file with this decision; None leaves it as it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRecord:
    """A record as the store holds it; ``body`` is the mapped record as JSON."""

    id: str
    link: LinkKey
    key: RecordKey
    revision: str
    version: int
    status: str
    status_changed_at: datetime
    received_at: datetime
    body: bytes
    decision: Decision
    person_state: IntakeState | None
    decided_at: datetime
    taken_over_at: datetime | None
    taken_over_version: int | None
    claim_file_id: str | None
    withdrawn: bool
    incomplete: bool

    @property
    def standing(self) -> Standing:
        """What was decided on the record so far."""
        return Standing(
            decision=self.decision,
            person_state=self.person_state,
            taken_over=self.taken_over_at is not None,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordVersion:
    """One version that a record had; the newest is the record itself."""

    version: int
    status: str
    status_changed_at: datetime
    received_at: datetime
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordFilter:
    """Which records are wanted; all given parts must hold.

    Tuples match exactly any of their values; texts match as "contains", without case and accents.
    ``intake`` None leaves out excluded and dismissed records.
    """

    kinds: tuple[str, ...] | None = None
    repairers: tuple[str, ...] | None = None
    connectors: tuple[str, ...] | None = None
    intake: tuple[str, ...] | None = None
    statuses: tuple[str, ...] | None = None
    taken_over: Literal["yes", "no", "outdated"] | None = None
    smart_expertise: bool | None = None
    number: str | None = None
    plate: str | None = None
    name: str | None = None
    make: str | None = None
    model: str | None = None
    site: str | None = None
    q: str | None = None
    missing_documents: bool | None = None
    """Whether its claim file misses expected documents."""


class AttachmentState(StrEnum):
    """Where an attachment stands."""

    PENDING = "pending"
    STORED = "stored"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredAttachment:
    """An attachment as the store holds it.

    ``attachment`` is what the partner announced; once stored, its ``bytes``, ``sha256`` and
    ``content_type`` are those of the content that was received. ``reason`` says why it was refused.
    """

    id: str
    link: LinkKey
    attachment: Attachment
    claim_file_id: str | None
    state: AttachmentState
    reason: str | None
    document_type: str | None = None
    """The document type that it was classified as."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QuarantinedItem:
    """An item of a partner that could not be read, with its bytes."""

    id: str
    link: LinkKey
    kind: Kind | None
    partner_ref: str | None
    reason: str
    raw: bytes
    at: datetime
    resolved_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimFileRef:
    """A claim file that a page's records name, with what they contribute to its data.

    ``at`` is the instant of the newest contribution; an older one than the file already has is laid
    under what is there.
    """

    claim: ClaimRef
    data: Mapping[str, Any] = field(default_factory=dict)
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimFileFilter:
    """Which claim files are wanted; texts as "contains", tuples exactly any."""

    repairers: tuple[str, ...] | None = None
    connectors: tuple[str, ...] | None = None
    states: tuple[str, ...] | None = None
    selectable: bool | None = None
    claim_number: str | None = None
    reference: str | None = None
    partner_ref: str | None = None
    q: str | None = None
    missing_documents: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkFilter:
    """Which links are wanted, among those of ``enabled`` connectors.

    ``overruled`` gives the state that all links of a connector are shown in, whatever their own.
    """

    enabled: Sequence[str]
    overruled: Mapping[str, LinkState] = field(default_factory=dict)
    repairers: tuple[str, ...] | None = None
    connectors: tuple[str, ...] | None = None
    states: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedCredential:
    """A credential as it rests: the sealed field set and the wrapped key that opens it.

    ``kid`` names the root key that wraps it. ``fields`` are the declared names, never values.
    """

    id: bytes
    link: LinkKey
    generation: int
    schema: str
    fields: tuple[str, ...]
    payload: bytes
    kid: bytes
    wrapped_key: bytes
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkOutcome:
    """What a pass leaves on its link.

    ``cursor`` None keeps the stored one; ``state`` None keeps it. Applied only while the link still
    has ``generation``, so that a pass that outlived a reset changes nothing.
    """

    link: LinkKey
    generation: int
    pass_id: str
    pass_state: str
    ended_at: datetime
    succeeded: bool
    cursor: str | None = None
    hold_until: datetime | None = None
    state: LinkState | None = None
    reason: str | None = None
    began: bool = True
    """Whether the pass got as far as asking the partner; fixes the start date."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Repairer:
    """A repairer; ``origin`` says whether the configuration file or the API made it."""

    id: str
    name: str
    sites: tuple[str, ...] = ()
    prefilled: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    origin: Literal["file", "api"] = "api"
    created_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerState:
    """A partner's circuit breaker, as it survives restarts."""

    connector: str
    open_until: datetime | None
    openings: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """One entry of the audit chain; ``mac`` covers the entry and the mac before it."""

    seq: int
    chain: int
    at: datetime
    action: str
    actor: str
    repairer: str | None
    connector: str | None
    detail: Mapping[str, Any]
    mac: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class RememberedAnswer:
    """An answer kept for its Idempotency-Key; ``status`` None while the first request runs."""

    fingerprint: bytes
    status: int | None
    headers: Mapping[str, str]
    body: bytes
