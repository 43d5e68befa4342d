"""Instants as partners write them: RFC 3339 with any offset and 0 to 9 fraction digits."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_SHORTEST = len("2026-03-02T09:14:05Z")


def parse_instant(text: str) -> datetime:
    """Read an RFC 3339 instant as aware UTC; digits beyond the microsecond are cut off.

    Raises:
        ValueError: when the text is no instant, has no offset, or lies beyond the calendar.

    Source: RFC 3339, section 5.6.
    """
    if len(text) < _SHORTEST or text[10] not in "Tt ":
        raise ValueError("is not an RFC 3339 instant")
    instant = datetime.fromisoformat(text[:-1] + "Z" if text[-1] == "z" else text)
    if instant.tzinfo is None:
        raise ValueError("has no UTC offset")
    try:
        return instant if instant.tzinfo is UTC else instant.astimezone(UTC)
    except OverflowError:
        raise ValueError("is not within the years 1 to 9999 in UTC") from None


def instant_key(text: str) -> str:
    """Give an RFC 3339 instant the one spelling that sorts in order of time, to the nanosecond.

    Two spellings of one instant (other offset, more zeros) give the same key.

    Raises:
        ValueError: when the text is no instant or has no offset.
    """
    instant = parse_instant(text)
    fraction = ""
    if text[19:20] in {".", ","}:
        rest = text[20:]
        fraction = rest[: len(rest) - len(rest.lstrip("0123456789"))]
    return f"{instant.isoformat()[:19]}.{fraction[:9].ljust(9, '0')}Z"


def to_micros(instant: datetime) -> int:
    """Count microseconds since 1970-01-01 UTC; what the store keeps."""
    return (instant - EPOCH) // _MICROSECOND


def from_micros(micros: int) -> datetime:
    """Turn microseconds since 1970-01-01 UTC back into an aware instant."""
    return EPOCH + timedelta(microseconds=micros)


def to_text(instant: datetime) -> str:
    """Write an instant as RFC 3339 in UTC with ``Z``."""
    text = instant.astimezone(UTC).isoformat()
    return text.replace("+00:00", "Z")
