"""The ``data`` of a claim file as persons may enter it: which fields there are and of what type."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, WithJsonSchema

from syncer.domain.claim_files import Data

LONGEST_TEXT = 500


def _is_date(text: str) -> str:
    try:
        is_date = date.fromisoformat(text).isoformat() == text
    except ValueError:
        is_date = False
    if not is_date:
        raise ValueError("must be a date as YYYY-MM-DD")
    return text


Text = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_TEXT)]
"""A text that is not empty; null takes back what was entered."""
Date = Annotated[
    str, AfterValidator(_is_date), WithJsonSchema({"type": "string", "format": "date"})
]
Count = Annotated[int, Field(ge=0, le=10_000_000)]
Amount = Annotated[str, StringConstraints(pattern=r"^-?[0-9]{1,12}(\.[0-9]{1,4})?$")]
Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]


class _Part(BaseModel):
    """Unknown fields are refused, and types are not bent."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, hide_input_in_errors=True)


class MoneyData(_Part):
    """An amount as decimal text, and its currency (ISO 4217)."""

    amount: Amount
    currency: Currency


class ClientData(_Part):
    """The repairer's client."""

    name: Text | None = None
    phone: Text | None = None
    email: Text | None = None
    tax_code: Text | None = None
    language: Text | None = None
    profile: Text | None = None


class VehicleData(_Part):
    """The vehicle, as in a record."""

    plate: Text | None = None
    vin: Text | None = None
    make: Text | None = None
    model: Text | None = None
    power_kw: Count | None = None
    displacement_cc: Count | None = None
    fuel: Text | None = None
    first_registration_date: Date | None = None
    mileage_km: Count | None = None


class LossData(_Part):
    """What happened; ``vehicles`` is how many were involved."""

    date: Date | None = None
    place: Text | None = None
    vehicles: Count | None = None
    injuries: bool | None = None
    serious_injuries: bool | None = None
    foreign_counterpart: bool | None = None
    collision: bool | None = None


class CounterpartData(_Part):
    """The other party."""

    name: Text | None = None
    plate: Text | None = None
    insurer: Text | None = None


class CentreData(_Part):
    """The claims centre that the file goes to."""

    vat_number: Text | None = None
    name: Text | None = None


class QuoteData(_Part):
    """The repairer's quote."""

    number: Text | None = None
    net: MoneyData | None = None
    vat: MoneyData | None = None
    gross: MoneyData | None = None


class InsurerData(_Part):
    """The insurer."""

    name: Text | None = None
    code: Text | None = None
    claim_number: Text | None = None


class ContractData(_Part):
    """The insurance contract."""

    type: Text | None = None
    number: Text | None = None
    excess: MoneyData | None = None


class ClaimData(_Part):
    """Everything that may be entered; a null takes back what was entered before."""

    client: ClientData | None = None
    vehicle: VehicleData | None = None
    loss: LossData | None = None
    counterpart: CounterpartData | None = None
    channel: Text | None = None
    centre: CentreData | None = None
    quote: QuoteData | None = None
    insurer: InsurerData | None = None
    contract: ContractData | None = None

    def entered(self) -> Data:
        """Give what was named, nulls included, as nested JSON values."""
        return self.model_dump(exclude_unset=True)
