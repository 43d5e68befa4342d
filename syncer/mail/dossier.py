"""What a summary of a claim file shows, section by section, for the templates to phrase."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from syncer.domain.claim_files import ClaimFile
from syncer.sdk import OutgoingFile

Facts = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Field:
    """A field of ``data`` by its path, and how its value is written."""

    path: str
    label: str
    form: str = "text"


def _text(path: str, label: str) -> _Field:
    return _Field(path=path, label=label)


SECTIONS: Mapping[str, Sequence[_Field]] = {
    "Client": (
        _text("client.name", "Name"),
        _text("client.phone", "Phone"),
        _text("client.email", "E-mail"),
        _text("client.tax_code", "Tax code"),
    ),
    "Vehicle": (
        _text("vehicle.plate", "Plate"),
        _text("vehicle.make", "Make"),
        _text("vehicle.model", "Model"),
        _text("vehicle.vin", "VIN"),
        _Field(path="vehicle.mileage_km", label="Mileage (km)", form="number"),
        _Field(path="vehicle.first_registration_date", label="First registration", form="day"),
    ),
    "Loss": (
        _Field(path="loss.date", label="Date", form="day"),
        _text("loss.place", "Place"),
        _Field(path="loss.vehicles", label="Vehicles involved", form="number"),
        _Field(path="loss.collision", label="Collision", form="yes_or_no"),
        _Field(path="loss.injuries", label="Injuries", form="yes_or_no"),
        _Field(path="loss.serious_injuries", label="Serious injuries", form="yes_or_no"),
        _Field(path="loss.foreign_counterpart", label="Foreign counterpart", form="yes_or_no"),
    ),
    "Counterpart": (
        _text("counterpart.name", "Name"),
        _text("counterpart.plate", "Plate"),
        _text("counterpart.insurer", "Insurer"),
    ),
    "Insurance": (
        _text("insurer.name", "Insurer"),
        _text("insurer.claim_number", "Claim number"),
        _text("contract.number", "Contract number"),
        _text("contract.type", "Contract type"),
        _Field(path="contract.excess", label="Excess", form="money"),
    ),
    "Quote": (
        _text("quote.number", "Number"),
        _Field(path="quote.net", label="Net", form="money"),
        _Field(path="quote.vat", label="VAT", form="money"),
        _Field(path="quote.gross", label="Total", form="money"),
    ),
}
LABELS = sorted({*SECTIONS, *(field.label for fields in SECTIONS.values() for field in fields)})
"""What is translated here and not in a template."""


def dossier_facts(claim_file: ClaimFile, files: Sequence[OutgoingFile]) -> Facts:
    """Give what the templates of a dossier need; fields without a value are left out."""
    data = claim_file.data
    sections = [
        (
            title,
            [(f.label, f.form, value) for f in fields if (value := _at(data, f.path)) is not None],
        )
        for title, fields in SECTIONS.items()
    ]
    number = _at(data, "insurer.claim_number") or claim_file.claim_number
    return {
        "reference": claim_file.reference or claim_file.partner_ref or claim_file.id,
        "claim_number": number,
        "plate": _at(data, "vehicle.plate"),
        "sections": [(title, rows) for title, rows in sections if rows],
        "files": [(file.name, file.size_bytes) for file in files],
    }


def _at(data: Mapping[str, Any], path: str) -> Any:
    value: Any = data
    for name in path.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    return value
