"""What must hold before anything leaves for the portal; pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from syncer.sdk import ClaimFile, FieldError, InvalidError, OutgoingFile
from syncer_restart import wire
from syncer_restart.pratica import is_xml_text, kind_of

_DATA = "/claim_file/data"
_SENT = ("centre", "client", "vehicle", "loss", "quote")
_VAT_DIGITS = 11


def check_claim(claim_file: ClaimFile) -> None:
    """Check what the pratica needs of a claim file.

    Raises:
        InvalidError: with a pointer for each field that is missing or bad.
    """
    data = claim_file.data
    faults = [
        *_reference_faults(claim_file.reference),
        *_channel_faults(data.get("channel")),
        *_centre_faults(data.get("centre") or {}),
        *_quote_faults(data.get("quote") or {}),
        *_text_faults(data),
    ]
    if faults:
        raise InvalidError("The claim file is not ready for RESTART.", faults)


def missing_kinds(files: Sequence[OutgoingFile]) -> list[str]:
    """List the mandatory kinds that are not among the files, in the portal's order."""
    present = {kind_of(file) for file in files}
    return [kind for kind in wire.MANDATORY_KINDS if kind not in present]


def is_vat_number(text: str) -> bool:
    """Say whether a text is an Italian VAT number whose check digit is right.

    Source: the algorithm of the *partita IVA*: the digits at even places doubled, and their digits
    added; all together are a multiple of ten.
    """
    if len(text) != _VAT_DIGITS or not (text.isascii() and text.isdigit()):
        return False
    digits = [int(digit) for digit in text]
    doubled = (sum(divmod(2 * digit, 10)) for digit in digits[1::2])
    return (sum(digits[0::2]) + sum(doubled)) % 10 == 0


def _reference_faults(reference: str | None) -> Iterator[FieldError]:
    if not reference:
        message = "is needed: the portal knows a claim by the reference of its claim file"
        yield FieldError(pointer="/claim_file/reference", message=message)
    elif not is_xml_text(reference):
        yield FieldError(pointer="/claim_file/reference", message=_NOT_PRINTABLE)


def _channel_faults(channel: str | None) -> Iterator[FieldError]:
    if channel != wire.CHANNEL:
        yield FieldError(pointer=f"{_DATA}/channel", message=f"must be {wire.CHANNEL}")


def _centre_faults(centre: Mapping[str, Any]) -> Iterator[FieldError]:
    vat_number = centre.get("vat_number")
    if not vat_number:
        message = "is needed: choose the ASP centre"
        yield FieldError(pointer=f"{_DATA}/centre/vat_number", message=message)
    elif not is_vat_number(vat_number):
        message = "must be an Italian VAT number: 11 digits with the right check digit"
        yield FieldError(pointer=f"{_DATA}/centre/vat_number", message=message)
    if not (centre.get("name") or "").strip():
        message = "is needed: choose the ASP centre"
        yield FieldError(pointer=f"{_DATA}/centre/name", message=message)


def _quote_faults(quote: Mapping[str, Any]) -> Iterator[FieldError]:
    amounts = [quote.get(name) for name in ("net", "vat", "gross")]
    if len({money["currency"] for money in amounts if money}) > 1:
        message = "must have all amounts in one currency"
        yield FieldError(pointer=f"{_DATA}/quote", message=message)


_NOT_PRINTABLE = "must not hold control characters"


def _text_faults(data: Mapping[str, Any]) -> Iterator[FieldError]:
    for section in _SENT:
        for name, value in (data.get(section) or {}).items():
            if isinstance(value, str) and not is_xml_text(value):
                yield FieldError(pointer=f"{_DATA}/{section}/{name}", message=_NOT_PRINTABLE)
