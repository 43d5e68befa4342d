"""Which records a reader wants, as conditions."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, literal_column, or_, select

from syncer.domain.intake import IntakeState
from syncer.domain.search import fold
from syncer.domain.stored import RecordFilter
from syncer.store.connection import any_of
from syncer.store.tables import completeness
from syncer.store.tables import record as table

Condition = ColumnElement[bool]
_SHOWN = (IntakeState.QUEUED.value, IntakeState.ACCEPTED.value)
IS_MISSING: Condition = completeness.c.missing > literal_column("0")
"""As the partial index spells it."""
_Q_COLUMNS = ("folded_number", "folded_plate", "folded_name", "folded_claim_number")


def contains(column: ColumnElement[Any], text: str) -> Condition:
    """Say that a folded column holds the text, without case and accents."""
    return column.contains(fold(text), autoescape=True)


def conditions(wanted: RecordFilter) -> list[Condition]:
    """Give the conditions that must all hold."""
    found = [
        *any_of(table.c.intake, _SHOWN if wanted.intake is None else wanted.intake),
        *any_of(table.c.kind, wanted.kinds),
        *any_of(table.c.repairer, wanted.repairers),
        *any_of(table.c.connector, wanted.connectors),
        *any_of(table.c.status, wanted.statuses),
        *_taken_over(wanted),
        *_texts(wanted),
    ]
    if wanted.smart_expertise is not None:
        found.append(table.c.smart_expertise == wanted.smart_expertise)
    return [*found, *misses_documents(table.c.claim_file_id, wanted=wanted.missing_documents)]


def misses_documents(claim_file_id: ColumnElement[Any], *, wanted: bool | None) -> list[Condition]:
    """Want claim files that miss expected documents, or that do not; None wants nothing.

    What belongs to no claim file misses nothing.
    """
    if wanted is None:
        return []
    missing = select(completeness.c.claim_file_id).where(IS_MISSING)
    if wanted:
        return [claim_file_id.in_(missing)]
    return [or_(claim_file_id.is_(None), claim_file_id.not_in(missing))]


def _texts(wanted: RecordFilter) -> list[Condition]:
    found = [
        contains(table.c[f"folded_{name}"], text)
        for name in ("number", "plate", "name", "make", "model", "site")
        if (text := getattr(wanted, name)) is not None
    ]
    if wanted.q is not None:
        found.append(or_(*(contains(table.c[name], wanted.q) for name in _Q_COLUMNS)))
    return found


def _taken_over(wanted: RecordFilter) -> list[Condition]:
    match wanted.taken_over:
        case "yes":
            return [table.c.taken_over_at.is_not(None)]
        case "no":
            return [table.c.taken_over_at.is_(None)]
        case "outdated":
            return [table.c.taken_over_version != table.c.version]
        case None:
            return []
