"""Inbound records: what a connector maps a partner's object to, and what the store knows of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any


class Kind(StrEnum):
    """Kinds of inbound record."""

    MISSION = "mission"
    QUOTE = "quote"
    NOTICE = "notice"
    FOLLOW_UP = "follow_up"
    PAYMENT_NOTICE = "payment_notice"
    SOLICITATION = "solicitation"
    APPOINTMENT = "appointment"
    COMMENT = "comment"
    INVOICE = "invoice"
    DOCUMENT = "document"


@dataclass(frozen=True, slots=True, kw_only=True)
class Money:
    """An amount in a currency (ISO 4217, three letters)."""

    amount: Decimal
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """A site of the repairer, as the partner names it."""

    id: str | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Vehicle:
    """A vehicle; whatever the partner did not give is None."""

    plate: str | None = None
    vin: str | None = None
    make: str | None = None
    model: str | None = None
    power_kw: int | None = None
    displacement_cc: int | None = None
    fuel: str | None = None
    first_registration_date: date | None = None
    mileage_km: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Insurer:
    """The insurer and its references of the claim."""

    name: str | None = None
    claim_number: str | None = None
    policy_number: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Insured:
    """The insured party."""

    name: str | None = None
    phone: str | None = None
    email: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Surveyor:
    """The surveyor (motor expert) on the claim."""

    name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """Totals of a quote or an invoice."""

    net: Money | None = None
    vat: Money | None = None
    gross: Money | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of a quote; ``kind`` is the partner's word (labour, part, paint, other, …)."""

    id: str | None = None
    kind: str | None = None
    description: str | None = None
    quantity: Decimal | None = None
    unit_price: Money | None = None
    total: Money | None = None
    labour_hours: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordKey:
    """What a record is known by within its link; never plate, VIN or claim number."""

    kind: Kind
    partner_ref: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimRef:
    """Names the claim file that a record belongs to.

    ``partner_ref`` is the partner's id of the claim and identifies the file within its link. The
    other fields fill the file when given; ``reference`` stays unknown until some record gives it.
    """

    partner_ref: str
    reference: str | None = None
    claim_number: str | None = None
    claim_type: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One object of the partner, mapped.

    ``revision`` is the connector's own text for the state of the object that was read: an equal
    revision is unchanged whatever else differs. ``version`` is the partner's number, for people.
    ``extra`` holds what the partner gave beyond these fields, at its own path with its own names.
    """

    kind: Kind
    partner_ref: str
    revision: str
    status: str
    status_changed_at: datetime
    number: str | None = None
    version: int | None = None
    previous_status: str | None = None
    claim: ClaimRef | None = None
    site: Site | None = None
    smart_expertise: bool | None = None
    vehicle: Vehicle | None = None
    insurer: Insurer | None = None
    insured: Insured | None = None
    surveyor: Surveyor | None = None
    loss_date: date | None = None
    totals: Totals | None = None
    lines: Sequence[Line] = ()
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> RecordKey:
        """What the record is known by within its link."""
        return RecordKey(kind=self.kind, partner_ref=self.partner_ref)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A file that the partner announces; its content is fetched later.

    ``owner`` is the record that the file is shown on once that record is imported. ``sha256`` is
    lowercase hex. ``bytes`` and ``sha256`` are checked against the content when announced.
    """

    owner: RecordKey
    partner_ref: str
    kind: str
    name: str | None = None
    content_type: str | None = None
    bytes: int | None = None
    sha256: str | None = None
    taken_at: datetime | None = None
