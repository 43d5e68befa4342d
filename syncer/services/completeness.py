"""What claim files have and miss of the documents that are expected of them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from syncer.domain.claim_files import ClaimFile
from syncer.domain.completeness import Counts, Row, count, expected_on, rows_of, rules_for
from syncer.domain.errors import DocumentsMissingError, FieldError, json_pointer
from syncer.domain.feed import Change, ChangeType
from syncer.ports.store import UnitOfWork
from syncer.services.record_json import Json, claim_file_change


async def rows_on(uow: UnitOfWork, claim_files: Sequence[ClaimFile]) -> dict[str, list[Row]]:
    """Give for each claim file how its documents stand, type by type."""
    ids = [one.id for one in claim_files]
    rule_sets = await uow.document_rules.of_connectors({one.link.connector for one in claim_files})
    documents = await uow.documents.of_claim_files(ids)
    marks = await uow.completeness.marks(ids)
    rows = {}
    for one in claim_files:
        rules = rules_for(rule_sets, one.link.connector, one.claim_type)
        expected = expected_on(one, rules)
        rows[one.id] = rows_of(expected, documents[one.id], marks[one.id], one.client_profile)
    return rows


async def recount(
    uow: UnitOfWork, claim_files: Sequence[ClaimFile], *, at: datetime
) -> list[Change]:
    """Count again within the write that changed something; gives the entries for what is new."""
    rows = await rows_on(uow, claim_files)
    before = await uow.completeness.counts(rows.keys())
    now = {id_: count(of_file) for id_, of_file in rows.items()}
    new = {id_: counts for id_, counts in now.items() if counts != before.get(id_, Counts())}
    await uow.completeness.save_counts(new, at=at)
    return [documents_change(one, new[one.id]) for one in claim_files if one.id in new]


async def recount_some(
    uow: UnitOfWork, connector: str, ids: Collection[str], *, at: datetime, is_told: bool = False
) -> list[Change]:
    """Count claim files of a connector again, if documents are expected there at all.

    ``is_told``: they are, since the partner says so of these files.
    """
    if not ids or not (is_told or await uow.document_rules.of_connectors([connector])):
        return []
    return await recount(uow, await uow.claim_files.some(ids), at=at)


async def count_and_tell(uow: UnitOfWork, claim_file: ClaimFile, *, at: datetime) -> None:
    """Count a claim file again and tell that its documents changed, also with the same counts."""
    changes = await recount(uow, [claim_file], at=at)
    if not changes:
        counts = await uow.completeness.counts([claim_file.id])
        changes = [documents_change(claim_file, counts.get(claim_file.id, Counts()))]
    uow.feed.append(changes, at=at)


async def missing_from(uow: UnitOfWork, claim_file: ClaimFile, going: Collection[str]) -> list[Row]:
    """Give the required types that are missing, or of which no document goes along.

    ``going`` are the ids of the documents that do.
    """
    rows = (await rows_on(uow, [claim_file]))[claim_file.id]
    return [row for row in rows if row.is_missing or _stays_behind(row, going)]


def documents_missing(rows: Sequence[Row]) -> DocumentsMissingError:
    """Say which types are missing, with a pointer for each."""
    names = ", ".join(row.label for row in rows)
    return DocumentsMissingError(
        f"Documents are missing: {names}. Hand them in, waive them, or say allow_incomplete.",
        [
            FieldError(
                pointer=json_pointer("documents", row.type), message=f"{row.label} is missing"
            )
            for row in rows
        ],
    )


def documents_change(claim_file: ClaimFile, counts: Counts) -> Change:
    """Make the feed entry that tells of a claim file's documents."""
    facts = {**counts_view(counts), "reference": claim_file.reference}
    return claim_file_change(ChangeType.DOCUMENTS_UPDATED, claim_file.link, claim_file.id, facts)


def counts_view(counts: Counts) -> Json:
    """Give counts as the API shows them."""
    return {
        "received": counts.received,
        "missing": counts.missing,
        "waived": counts.waived,
        "complete": counts.complete,
    }


def _stays_behind(row: Row, going: Collection[str]) -> bool:
    """Say whether a required type is there, but none of its documents goes along."""
    has_some = row.required and row.documents
    return bool(has_some) and not any(document.id in going for document in row.documents)
