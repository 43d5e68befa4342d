"""What a mission or a quote says about its claim, in the shape of a claim file's ``data``; pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import date
from typing import Any

from syncer.sdk import Insurer, Kind, Money, Record, Totals


def claim_data(record: Record) -> Mapping[str, Any]:
    """Give nested JSON values; what the partner did not give is None."""
    insurer, totals = record.insurer or Insurer(), record.totals or Totals()
    data: dict[str, Any] = {
        "client": asdict(record.insured) if record.insured else {},
        "vehicle": _vehicle(record),
        "loss": {"date": _date(record.loss_date)},
        "insurer": {"name": insurer.name, "claim_number": insurer.claim_number},
        "contract": {"number": insurer.policy_number},
    }
    if record.kind is Kind.QUOTE:
        data["quote"] = {
            "number": record.number,
            "net": _money(totals.net),
            "vat": _money(totals.vat),
            "gross": _money(totals.gross),
        }
    return data


def _vehicle(record: Record) -> dict[str, Any]:
    if record.vehicle is None:
        return {}
    values = asdict(record.vehicle)
    values["first_registration_date"] = _date(record.vehicle.first_registration_date)
    return values


def _date(day: date | None) -> str | None:
    return day.isoformat() if day else None


def _money(money: Money | None) -> dict[str, str] | None:
    return {"amount": str(money.amount), "currency": money.currency} if money else None
