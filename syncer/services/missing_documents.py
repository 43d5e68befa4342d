"""The view over all claim files that miss documents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from syncer.domain.completeness import Incomplete, MissingFilter, Row
from syncer.domain.instants import to_text
from syncer.domain.lifecycles import Stage
from syncer.ports.store import Store
from syncer.services.completeness import rows_on
from syncer.services.record_json import Json

CONVERTED = MissingFilter(stages=(Stage.CONVERTED.value,))
"""Work goes on with these, so what they miss is missed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MissingFound:
    """A stretch of the list; ``last`` is where the next one starts, None at the end."""

    items: list[Json]
    last: str | None
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MissingDocuments:
    """Shows the claim files that miss documents, each with the types that it misses."""

    store: Store

    async def find(
        self, wanted: MissingFilter = CONVERTED, *, after: str | None = None, limit: int = 50
    ) -> MissingFound:
        """List in order of the claim file's id; ``total`` is exact."""
        async with self.store.read() as uow:
            found = await uow.completeness.missing(wanted, after=after, limit=limit + 1)
            total = await uow.completeness.count_missing(wanted)
            page = found[:limit]
            rows = await rows_on(uow, [one.claim_file for one in page])
        items = [_view(one, rows[one.claim_file.id]) for one in page]
        last = page[-1].claim_file.id if len(found) > limit else None
        return MissingFound(items=items, last=last, total=total)


def _view(one: Incomplete, rows: Sequence[Row]) -> Json:
    file = one.claim_file
    return {
        "claim_file": file.id,
        "reference": file.reference,
        "claim_number": file.claim_number,
        "repairer": file.link.repairer,
        "connector": file.link.connector,
        "claim_type": file.claim_type,
        "stage": file.stage,
        "since": to_text(one.since),
        "missing": [
            {"type": row.type, "label": row.label, "state": row.state}
            for row in rows
            if row.is_missing
        ],
    }
