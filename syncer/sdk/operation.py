"""Operations: what a connector can do outbound, declared so that the host can check it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from pydantic import BaseModel, ConfigDict

from syncer.domain.deliveries import LostAnswer
from syncer.domain.records import Kind


class Payload(BaseModel):
    """What a caller says of one delivery. Subclass it with annotated fields, one class a payload.

    Unknown fields are refused and types are not bent; the model's JSON Schema is published.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, hide_input_in_errors=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRule:
    """Which files an operation takes along: ``least`` to ``most`` of them.

    ``content_types`` None takes any; ``most_bytes`` is for each file. With ``default_all`` a
    delivery that names none takes all documents of its claim file.
    """

    least: int = 0
    most: int | None = None
    content_types: Collection[str] | None = None
    most_bytes: int | None = None
    default_all: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One thing that a connector can do outbound.

    ``files`` None takes no files. ``depends_on`` names operations of the same claim file that must
    be through before this one: while the newest earlier one of them is parked, this one waits; all
    other deliveries of a claim file leave in the order in which they were accepted. ``gated``
    refuses while documents are missing, unless the payload's ``allow_incomplete`` is true.
    ``dry_run`` says that the partner can be asked without anything happening. ``is_local`` is a
    step that is recorded and sends nothing. ``makes_claim_file`` names repairer and connector
    instead of a claim file; ``Connector.claim_of`` says which file it makes.
    """

    name: str
    title: str
    payload: type[Payload]
    lost_answer: LostAnswer
    files: FileRule | None = None
    depends_on: frozenset[str] = field(default_factory=frozenset)
    gated: bool = False
    dry_run: bool = False
    is_local: bool = False
    makes_claim_file: bool = False
    records: Mapping[str, Kind] = field(default_factory=dict)
