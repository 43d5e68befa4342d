"""Answers as handlers give them, and their bytes and entity tags."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from syncer.domain.errors import StaleError
from syncer.services.preconditions import Precondition


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One server-sent event; ``data`` is a JSON value."""

    type: str
    data: Any
    id: str | None = None


@dataclass(frozen=True, slots=True)
class Events:
    """An answer that is a stream of server-sent events; it closes when the source ends."""

    source: AsyncIterator[Event]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a handler answers.

    ``body`` is a JSON value, bytes, a ``Path`` (a file, with range requests) or ``Events``. Bytes
    and files need a ``Content-Type`` among the headers.
    """

    status: int
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)


def encode(value: Any) -> bytes:
    """Write a JSON value; the one writer, so that equal values have equal entity tags."""
    return msgspec.json.encode(value)


def entity_tag(body: bytes) -> str:
    """Give the strong entity tag of a body."""
    return f'"{hashlib.sha256(body).hexdigest()}"'


def matches(header: str, tag: str) -> bool:
    """Say whether an ``If-None-Match`` header names the tag (weak comparison)."""
    return "*" in (names := _names(header)) or tag in (name.removeprefix("W/") for name in names)


def precondition(header: str | None) -> Precondition | None:
    """Make the check of an ``If-Match`` header (strong comparison); None without one."""
    if header is None:
        return None
    names = _names(header)

    def check(current: Mapping[str, Any]) -> None:
        if "*" not in names and entity_tag(encode(current)) not in names:
            raise StaleError("It was changed since you read it; read it again.")

    return check


def _names(header: str) -> list[str]:
    return [name.strip() for name in header.split(",")]
