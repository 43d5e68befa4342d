"""Durations as people write them: ``"15m"``, ``"1h30m"``, or a number of seconds."""

from __future__ import annotations

import re
from datetime import timedelta

_UNITS = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}
_PART = re.compile(r"(\d+(?:\.\d+)?)([dhms])")
_LONGEST_SECONDS = 100 * 366 * 86_400  # a century; more is a slip of the pen


def parse_duration(value: object) -> timedelta:
    """Read a duration.

    Raises:
        ValueError: when it is neither a number of seconds nor a text of numbers with units.
    """
    seconds = _seconds(value)
    if seconds is None or not 0 < seconds <= _LONGEST_SECONDS:
        raise ValueError('must be a duration such as "15m", "30s", "2h", "10d", or seconds')
    return timedelta(seconds=seconds)


def _seconds(value: object) -> float | None:
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, str):
        return None
    text = value.replace(" ", "").lower()
    if re.fullmatch(r"\d+(\.\d+)?", text):
        return float(text)
    parts = _PART.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        return None
    return sum(float(number) * _UNITS[unit] for number, unit in parts)


def duration_text(duration: timedelta) -> str:
    """Write a duration in the largest unit that gives a whole number."""
    seconds = duration.total_seconds()
    for unit, size in _UNITS.items():
        if seconds % size == 0:
            return f"{int(seconds // size)}{unit}"
    return f"{seconds:g}s"
