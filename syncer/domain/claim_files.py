"""Claim files: what a person entered, what the partner gives, and where the two differ."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from syncer.domain.lifecycles import Stage, Standing
from syncer.domain.links import LinkKey

Data = Mapping[str, Any]
Path = tuple[str, ...]


class Origin(StrEnum):
    """Who made a claim file."""

    PARTNER = "partner"
    PLANNING = "planning"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimFile:
    """All that belongs to one claim on one link.

    ``partner_data`` is what the partner's records say, ``person_data`` what persons entered, as
    nested JSON objects of the same shape; ``person_set_at`` holds the instant of each entered
    field by its dotted path. ``standing`` is where its lifecycle has brought it; a connector
    without one leaves it as it begins, and ``selectable`` None. ``selectable_reason`` says why it
    may not be put into a sales document. ``stage`` is how far the planning system has come with it.
    """

    id: str
    link: LinkKey
    origin: Origin
    reference: str | None
    partner_ref: str | None
    claim_number: str | None
    claim_type: str | None
    partner_data: dict[str, Any]
    person_data: dict[str, Any]
    person_set_at: dict[str, str]
    created_at: datetime
    updated_at: datetime
    standing: Standing = field(default_factory=Standing)
    selectable: bool | None = None
    selectable_reason: str | None = None
    stage: Stage = Stage.QUOTE

    @property
    def data(self) -> dict[str, Any]:
        """What persons entered over what the partner gives."""
        return merge(self.partner_data, self.person_data)

    @property
    def client_profile(self) -> str | None:
        """What sort of client it is; some documents are optional for some."""
        client = self.data.get("client")
        profile = client.get("profile") if isinstance(client, Mapping) else None
        return profile if isinstance(profile, str) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A field that a person entered and the partner gives another value for."""

    field: str
    ours: Any
    partner: Any


def merge(below: Data, above: Data) -> dict[str, Any]:
    """Lay one nested object over another; None above is no value and leaves what is below."""
    merged = dict(below)
    for name, value in above.items():
        if isinstance(value, Mapping):
            under = merged.get(name)
            merged[name] = merge(under if isinstance(under, Mapping) else {}, value)
        elif value is not None:
            merged[name] = value
    return merged


def patch(data: Data, entered: Data) -> dict[str, Any]:
    """Enter values into a nested object; None takes a value, or a whole branch, away.

    Source: RFC 7396 (JSON merge patch), but for empty branches, which are taken away too.
    """
    patched = dict(data)
    for name, value in entered.items():
        if isinstance(value, Mapping):
            under = patched.get(name)
            value = patch(under if isinstance(under, Mapping) else {}, value) or None  # noqa: PLW2901
        if value is None:
            patched.pop(name, None)
        else:
            patched[name] = value
    return patched


def differences(person: Data, partner: Data) -> list[Difference]:
    """List the entered fields whose value at the partner is another one, in order of their path."""
    found = []
    for path, ours in sorted(leaves(person)):
        theirs = _at(partner, path)
        if theirs is not None and theirs != ours:
            found.append(Difference(field=".".join(path), ours=ours, partner=theirs))
    return found


def leaves(data: Data, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Walk the values of a nested object with their paths, leaving out None."""
    for name, value in data.items():
        if isinstance(value, Mapping):
            yield from leaves(value, (*path, name))
        elif value is not None:
            yield (*path, name), value


def _at(data: Data, path: Path) -> Any:
    value: Any = data
    for name in path:
        if not isinstance(value, Mapping):
            return None
        value = value.get(name)
    return value
