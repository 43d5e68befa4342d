"""The partner's instants, dates, amounts and names as values; pure."""

from __future__ import annotations

import hashlib
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from syncer.sdk import Money, PayloadError
from syncer_sinapps import wire

_PARIS = ZoneInfo(wire.TIME_ZONE)
_CENTS = Decimal("0.01")
_SHORT = 20
_LARGEST_AMOUNT = Decimal(10) ** 12


def instant_of(text: str, path: str) -> datetime:
    """Read an instant: with an offset, with or without colon, or without: then in Paris.

    Raises:
        PayloadError: it is none.
    """
    try:
        found = datetime.fromisoformat(text)
        return (found if found.tzinfo else found.replace(tzinfo=_PARIS)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise PayloadError("is no instant", path=path) from None


def day_of(text: str | None, path: str) -> date | None:
    """Read a date; an instant gives its day in Paris.

    Raises:
        PayloadError: it is neither.
    """
    if not text:
        return None
    if len(text) == len("2026-03-02"):
        try:
            return date.fromisoformat(text)
        except ValueError:
            raise PayloadError("is no date", path=path) from None
    return instant_of(text, path).astimezone(_PARIS).date()


def money_of(amount: Decimal | None) -> Money | None:
    """Give an amount of the wire as money, to two places.

    Raises:
        PayloadError: it is beyond what an amount can be.
    """
    if amount is None:
        return None
    if not amount.is_finite() or abs(amount) >= _LARGEST_AMOUNT:
        raise PayloadError("is no amount")
    return Money(amount=amount.quantize(_CENTS), currency=wire.CURRENCY)


def amount_of(value: Any) -> Decimal | None:
    """Give a number of undecoded JSON as an amount; None for what is none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return Decimal(str(value)).quantize(_CENTS)
    except InvalidOperation:
        return None


def name_of(code: wire.Code | None) -> str | None:
    """Give a code's name."""
    return code.name if code is not None else None


def text_of(ref: str | int | None) -> str | None:
    """Give an id or number as text."""
    return None if ref is None or ref == "" else str(ref)


def person_name(person: wire.WirePerson | None) -> str | None:
    """Give a person's name as it is spoken."""
    if person is None:
        return None
    return " ".join(part for part in (person.prenom, person.nom) if part) or None


def place_of(address: wire.WireAddress | None) -> str | None:
    """Give an address in one line."""
    if address is None:
        return None
    lines = (address.adresse1, address.adresse2, address.adresse3, address.adresse4)
    town = " ".join(part for part in (address.code_postal, address.localite) if part)
    return ", ".join(part for part in (*lines, town, address.nom_pays) if part) or None


def digest(*values: Any) -> str:
    """Give a short text that is the same for the same JSON values, and else another."""
    content = msgspec.json.encode(values, order="deterministic")
    return hashlib.sha256(content).hexdigest()[: _SHORT * 2]
