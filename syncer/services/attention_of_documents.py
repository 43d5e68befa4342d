"""What needs a person of documents: converted claim files that miss some."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from syncer.domain.completeness import Incomplete, Row
from syncer.domain.instants import to_text
from syncer.ports.store import UnitOfWork
from syncer.services.attention import Entry
from syncer.services.completeness import rows_on
from syncer.services.missing_documents import CONVERTED
from syncer.services.record_json import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class IncompleteFiles:
    """Converted claim files that miss documents."""

    name: ClassVar[str] = "documents"

    async def find(self, uow: UnitOfWork, *, after: str | None, limit: int) -> Sequence[Entry]:
        """List in order of the claim file's id."""
        found = await uow.completeness.missing(CONVERTED, after=after, limit=limit)
        rows = await rows_on(uow, [one.claim_file for one in found])
        return [(one.claim_file.id, _entry(one, rows[one.claim_file.id])) for one in found]

    async def count(self, uow: UnitOfWork) -> int:
        """Count them."""
        return await uow.completeness.count_missing(CONVERTED)


def _entry(one: Incomplete, rows: Sequence[Row]) -> Json:
    file = one.claim_file
    labels = ", ".join(row.label for row in rows if row.is_missing)
    return {
        "kind": "documents_missing",
        "repairer": file.link.repairer,
        "connector": file.link.connector,
        "subject": {"type": "claim_file", "id": file.id},
        "text": f"Claim file {file.reference or file.id} is converted and misses: {labels}.",
        "action": "Remind the client, hand the documents in, or waive them with a reason.",
        "since": to_text(one.since),
    }
