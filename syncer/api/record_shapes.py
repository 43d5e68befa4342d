"""Shapes of records and their attachments, for the API's document."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, RootModel

from syncer.domain.intake import DecidedBy, IntakeState
from syncer.domain.records import Kind
from syncer.domain.stored import AttachmentState
from syncer.web import AnswerModel


class MoneyShape(AnswerModel):
    """An amount as decimal text in a currency (ISO 4217)."""

    amount: str
    currency: str


class SiteShape(AnswerModel):
    """A site of the repairer."""

    id: str | None
    name: str | None


class VehicleShape(AnswerModel):
    """A vehicle."""

    plate: str | None
    vin: str | None
    make: str | None
    model: str | None
    power_kw: int | None
    displacement_cc: int | None
    fuel: str | None
    first_registration_date: str | None
    mileage_km: int | None


class InsurerShape(AnswerModel):
    """The insurer and its references."""

    name: str | None
    claim_number: str | None
    policy_number: str | None


class InsuredShape(AnswerModel):
    """The insured party."""

    name: str | None
    phone: str | None
    email: str | None


class SurveyorShape(AnswerModel):
    """The surveyor."""

    name: str | None


class TotalsShape(AnswerModel):
    """Totals of a quote or an invoice."""

    net: MoneyShape | None
    vat: MoneyShape | None
    gross: MoneyShape | None


class LineShape(AnswerModel):
    """One line of a quote."""

    id: str | None
    kind: str | None
    description: str | None
    quantity: str | None
    unit_price: MoneyShape | None
    total: MoneyShape | None
    labour_hours: str | None


class IntakeShape(AnswerModel):
    """The decision on a record and what made it."""

    state: IntakeState
    rule: str | None = Field(description="What decided; null when a person did.")
    decided_at: str
    decided_by: DecidedBy


class AttachmentShape(AnswerModel):
    """A file of a record."""

    id: str
    kind: str
    name: str | None
    content_type: str | None
    bytes: int | None
    sha256: str | None
    taken_at: str | None
    state: AttachmentState
    reason: str | None = Field(description="Why it was refused.")


class MappedRecord(AnswerModel):
    """What the partner says of a record."""

    kind: Kind
    partner_ref: str
    number: str | None
    version: int
    status: str
    previous_status: str | None
    status_changed_at: str
    site: SiteShape | None
    smart_expertise: bool | None
    vehicle: VehicleShape | None
    insurer: InsurerShape | None
    insured: InsuredShape | None
    surveyor: SurveyorShape | None
    loss_date: str | None
    totals: TotalsShape | None
    lines: list[LineShape]
    extra: dict[str, Any] = Field(description="What the partner gave beyond the other fields.")


class RecordShape(MappedRecord):
    """A record."""

    id: str
    connector: str
    repairer: str
    claim_file: str | None = Field(description="Id of its claim file.")
    received_at: str
    withdrawn: bool
    intake: IntakeShape
    taken_over_at: str | None
    taken_over_version: int | None = Field(description="Version that was taken over.")
    missing_documents: int
    attachments: list[AttachmentShape]


class VersionShape(AnswerModel):
    """One version that a record had."""

    version: int
    status: str
    status_changed_at: str
    received_at: str
    record: MappedRecord


class HistoryShape(RootModel[list[VersionShape]]):
    """All versions of a record, newest first."""


class BulkShape(AnswerModel):
    """What a bulk action came to."""

    matched: int
    changed: int
    skipped: int = Field(description="Left as they were: already so, or not allowed.")


TakenOver = Literal["yes", "no", "outdated"]
