"""Expected documents: what a claim file has of them, and what it misses."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from syncer.domain.claim_files import ClaimFile
from syncer.domain.documents import UNCLASSIFIED, Document

ANY = "*"
"""Stands for any connector or any type of claim in the name of a rule set."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedDocument:
    """A document that is expected on a claim file.

    ``id`` is what documents are matched by; the label may change freely. It is optional where it
    is not ``required``, and for the client profiles in ``optional_for`` (without regard to case).
    """

    id: str
    label: str
    required: bool = True
    optional_for: tuple[str, ...] = ()

    def is_required_for(self, profile: str | None) -> bool:
        """Say whether a file of this client profile is incomplete without it."""
        excused = {name.casefold() for name in self.optional_for}
        return self.required and (profile or "").casefold() not in excused


class RulesOrigin(StrEnum):
    """Who made a rule set; the operator's (file, API) outranks the others'."""

    FILE = "file"
    API = "api"
    CONNECTOR = "connector"
    PARTNER = "partner"


OPERATORS = frozenset({RulesOrigin.FILE, RulesOrigin.API})


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleSet:
    """The expected documents of a type of claim or contract at one connector."""

    connector: str
    claim_type: str = ANY
    documents: tuple[ExpectedDocument, ...]
    origin: RulesOrigin = RulesOrigin.API

    @property
    def name(self) -> str:
        """The name that it is kept under."""
        return f"{self.connector}.{self.claim_type}"


class By(StrEnum):
    """Who says how a document stands."""

    PERSON = "person"
    PARTNER = "partner"


class MarkState(StrEnum):
    """What is said of an expected document besides the files that are there."""

    WAIVED = "waived"
    REJECTED = "rejected"
    RECEIVED = "received"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """What a person or the partner says of one document type of a claim file."""

    type: str
    by: By
    state: MarkState
    reason: str | None
    at: datetime


class RowState(StrEnum):
    """How a document type stands on a claim file."""

    RECEIVED = "received"
    MISSING = "missing"
    REJECTED = "rejected"
    WAIVED = "waived"
    OPTIONAL = "optional"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One document type of a claim file; ``required`` already looks at the client's profile."""

    type: str
    label: str
    required: bool
    is_expected: bool
    state: RowState
    waiver: Mark | None
    documents: tuple[Document, ...]

    @property
    def is_missing(self) -> bool:
        """Say whether the file is incomplete because of it."""
        return self.required and self.state in {RowState.MISSING, RowState.REJECTED}


@dataclass(frozen=True, slots=True)
class Counts:
    """How the expected documents of a claim file stand, in numbers of document types."""

    received: int = 0
    missing: int = 0
    waived: int = 0

    @property
    def complete(self) -> bool:
        """Say whether nothing is missing."""
        return not self.missing


@dataclass(frozen=True, slots=True, kw_only=True)
class MissingFilter:
    """Which of the claim files that miss documents are wanted; tuples match any of their values."""

    stages: tuple[str, ...] | None = None
    repairers: tuple[str, ...] | None = None
    connectors: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Incomplete:
    """A claim file that misses documents, and since when it misses any."""

    claim_file: ClaimFile
    since: datetime


def faults_of_expected(documents: Sequence[ExpectedDocument]) -> list[tuple[int, str]]:
    """Say what is wrong with the ids of a rule set, by place; none is there twice or reserved."""
    faults = []
    seen: set[str] = set()
    for place, one in enumerate(documents):
        if one.id == UNCLASSIFIED:
            faults.append((place, f"{UNCLASSIFIED} stands for what is not classified"))
        elif one.id in seen:
            faults.append((place, "is in the rule set already"))
        seen.add(one.id)
    return faults


def rules_for(
    rule_sets: Mapping[tuple[str, str], RuleSet], connector: str, claim_type: str | None
) -> RuleSet | None:
    """Choose the rule set of a claim file: the narrowest one, the connector before the type."""
    types = (ANY,) if claim_type is None else (claim_type, ANY)
    names = ((of, type_) for of in (connector, ANY) for type_ in types)
    return next((rule_sets[name] for name in names if name in rule_sets), None)


def expected_on(claim_file: ClaimFile, rules: RuleSet | None) -> tuple[ExpectedDocument, ...]:
    """Say what is expected of a claim file: its rule set, as the partner varies it for this file.

    The partner may require one of those documents here or not, and expect others besides
    (``expected`` in its data). What the operator made outranks it.
    """
    listed = rules.documents if rules else ()
    if rules is not None and rules.origin in OPERATORS:
        return listed
    own = {one.id: one for one in _varied(claim_file.partner_data.get("expected"))}
    varied = [replace(one, required=own.pop(one.id, one).required) for one in listed]
    return (*varied, *own.values())


def _varied(said: object) -> Iterator[ExpectedDocument]:
    for one in said if isinstance(said, list) else ():
        match one:
            case {"id": str(id_), "label": str(label), "required": bool(required)} if (
                id_ != UNCLASSIFIED
            ):
                yield ExpectedDocument(id=id_, label=label, required=required)


def rows_of(
    expected: Sequence[ExpectedDocument],
    documents: Iterable[Document],
    marks: Collection[Mark],
    profile: str | None,
) -> list[Row]:
    """Lay what there is against what is expected: expected types first, in their order.

    Types that nobody expects follow, those not yet classified last.
    """
    by_type: dict[str, list[Document]] = {}
    for document in documents:
        by_type.setdefault(document.type, []).append(document)
    rows = [_expected(one, tuple(by_type.pop(one.id, ())), marks, profile) for one in expected]
    others = sorted(by_type, key=lambda name: (name == UNCLASSIFIED, name))
    return [*rows, *(_unexpected(type_, tuple(by_type[type_])) for type_ in others)]


def count(rows: Iterable[Row]) -> Counts:
    """Count the expected types: received, missing (or rejected) though required, waived."""
    expected = [row for row in rows if row.is_expected]
    return Counts(
        received=sum(row.state is RowState.RECEIVED for row in expected),
        missing=sum(row.is_missing for row in expected),
        waived=sum(row.state is RowState.WAIVED for row in expected),
    )


def _expected(
    one: ExpectedDocument,
    documents: tuple[Document, ...],
    marks: Collection[Mark],
    profile: str | None,
) -> Row:
    own = [mark for mark in marks if mark.type == one.id]
    required = one.is_required_for(profile)
    return Row(
        type=one.id,
        label=one.label,
        required=required,
        is_expected=True,
        state=_state(documents, own, required=required),
        waiver=_waiver(own),
        documents=documents,
    )


def _waiver(marks: Sequence[Mark]) -> Mark | None:
    """Choose a person's waiver before the partner's: it says why."""
    waivers = [mark for mark in marks if mark.state is MarkState.WAIVED]
    return min(waivers, key=lambda mark: mark.by is not By.PERSON, default=None)


def _state(documents: tuple[Document, ...], marks: Sequence[Mark], *, required: bool) -> RowState:
    """Judge one type: what arrived after a rejection counts, what was there before does not."""
    said = {mark.state for mark in marks}
    rejected_at = max((mark.at for mark in marks if mark.state is MarkState.REJECTED), default=None)
    if any(rejected_at is None or document.at > rejected_at for document in documents):
        return RowState.RECEIVED
    for mark, state in (
        (MarkState.RECEIVED, RowState.RECEIVED),
        (MarkState.WAIVED, RowState.WAIVED),
        (MarkState.REJECTED, RowState.REJECTED),
    ):
        if mark in said:
            return state
    return RowState.MISSING if required else RowState.OPTIONAL


def _unexpected(type_: str, documents: tuple[Document, ...]) -> Row:
    return Row(
        type=type_,
        label=type_,
        required=False,
        is_expected=False,
        state=RowState.RECEIVED,
        waiver=None,
        documents=documents,
    )
