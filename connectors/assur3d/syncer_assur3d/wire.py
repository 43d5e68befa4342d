"""Paths, parameters and words of ASSUR3D profile 1: all that may turn out to be named otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from msgspec import Meta, Raw, Struct

from syncer.sdk import MarkState, Stage

OFFICE = "/v1/offices/{}"
CONTRACT_TYPES = "/v1/offices/{}/contract-types"
EXPECTED_DOCUMENTS = "/v1/offices/{}/contract-types/{}/expected-documents"
FOLLOW_UPS = "/v1/offices/{}/followups"
DOCUMENTS = "/v1/offices/{}/followups/{}/documents"
WAIVER = "/v1/offices/{}/followups/{}/pieces/{}/waiver"

SINCE, CURSOR, LIMIT = "updatedSince", "cursor", "limit"
LONGEST_PAGE = 200
BEGINNING = "1970-01-01T00:00:00Z"
MOST_TYPES = 500
MOST_PIECES = 500
POSITION_GONE = 410
UNCLASSIFIED = "other"
"""Stands here for documents that nobody classified yet: no type of the platform may have it."""

PART_TYPE, PART_FILE = "documentTypeId", "file"

STAGES: Mapping[str, Stage] = {
    "quote": Stage.QUOTE,
    "converted": Stage.CONVERTED,
    "archived": Stage.ARCHIVED,
}
STATUSES: Mapping[str, MarkState | None] = {
    "missing": None,
    "received": MarkState.RECEIVED,
    "rejected": MarkState.REJECTED,
    "waived": MarkState.WAIVED,
}
"""Piece statuses; one that is not here counts as missing."""

Id = Annotated[str, Meta(min_length=1, max_length=100)]
Label = Annotated[str, Meta(max_length=500)]


class WireOffice(Struct, rename="camel"):
    """The office itself."""

    id: str
    name: str | None = None


class WireContractType(Struct, rename="camel"):
    """A type of contract."""

    code: Id
    label: str | None = None


class WireExpected(Struct, rename="camel"):
    """An expected document of a type of contract."""

    document_type_id: Id
    required: bool
    label: Label | None = None


class WireClient(Struct, rename="camel"):
    """The client."""

    name: str | None = None
    email: str | None = None
    profile: str | None = None


class WirePiece(Struct, rename="camel"):
    """How an expected document stands."""

    document_type_id: Id
    status: str
    label: Label | None = None
    required: bool | None = None


class WireFollowUp(Struct, rename="camel"):
    """A follow-up: what is expected for one proposal or contract."""

    id: Annotated[str, Meta(min_length=1, max_length=255)]
    contract_type: Id
    stage: str
    updated_at: str
    pieces: list[WirePiece]
    proposal_id: str | None = None
    contract_id: str | None = None
    client: WireClient | None = None


PLACED = frozenset({"id", "contractType", "updatedAt"})
"""Members of a follow-up that stand elsewhere than under ``extra``."""
PLACED_OF_CLIENT = frozenset({"name", "email", "profile"})


class WireFollowUps(Struct, rename="camel"):
    """A page of follow-ups; items stay bytes."""

    items: list[Raw]
    next_cursor: str | None = None


class WireReceipt(Struct, rename="camel"):
    """What a deposit gives."""

    document_id: str
    sha256: str
