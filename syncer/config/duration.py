"""Durations as settings of an installation."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer

from syncer.domain.durations import duration_text, parse_duration


def _validate(value: Any) -> timedelta:
    return parse_duration(value)


Duration = Annotated[
    timedelta, BeforeValidator(_validate), PlainSerializer(duration_text, return_type=str)
]
"""A positive duration."""
