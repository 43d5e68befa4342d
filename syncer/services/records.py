"""Reading records: the filtered list, one record, its history."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from syncer.domain.completeness import Counts
from syncer.domain.errors import NotFoundError
from syncer.domain.stored import RecordFilter, StoredRecord
from syncer.ports.store import Store, UnitOfWork
from syncer.services.record_json import Json, record_view, version_view

Place = tuple[datetime, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordsFound:
    """A stretch of the list; ``last`` is where the next one starts, None at the end."""

    items: list[Json]
    last: Place | None
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordReading:
    """Shows records as the API gives them."""

    store: Store

    async def find(
        self, wanted: RecordFilter, *, after: Place | None = None, limit: int = 50
    ) -> RecordsFound:
        """List newest ``status_changed_at`` first, then by id; ``total`` is exact."""
        async with self.store.read() as uow:
            rows = await uow.records.find(wanted, after=after, limit=limit + 1)
            total = await uow.records.count(wanted)
            page = rows[:limit]
            items = await shown(uow, page)
        last = page[-1] if len(rows) > limit else None
        place = (last.status_changed_at, last.id) if last else None
        return RecordsFound(items=items, last=place, total=total)

    async def one(self, id_: str) -> Json:
        """Give one record.

        Raises:
            NotFoundError: there is none of that id.
        """
        async with self.store.read() as uow:
            return await shown_one(uow, await stored(uow, id_))

    async def history(self, id_: str) -> list[Json]:
        """Give the versions of a record, newest first.

        Raises:
            NotFoundError: there is no record of that id.
        """
        async with self.store.read() as uow:
            await stored(uow, id_)
            return [version_view(version) for version in await uow.records.history(id_)]


async def stored(uow: UnitOfWork, id_: str) -> StoredRecord:
    """Get a record that must be there.

    Raises:
        NotFoundError: there is none of that id.
    """
    record = await uow.records.get(id_)
    if record is None:
        raise NotFoundError("There is no record of this id.")
    return record


async def shown(uow: UnitOfWork, records: Sequence[StoredRecord]) -> list[Json]:
    """Give records as the API shows them, with their attachments."""
    attachments = await uow.attachments.shown_on(records)
    files = {record.claim_file_id for record in records if record.claim_file_id is not None}
    counts = await uow.completeness.counts(files) if files else {}
    return [
        record_view(
            record,
            attachments.get(record.id, ()),
            missing_documents=counts.get(record.claim_file_id or "", Counts()).missing,
        )
        for record in records
    ]


async def shown_one(uow: UnitOfWork, record: StoredRecord) -> Json:
    """Give one record as the API shows it, with its attachments."""
    [view] = await shown(uow, [record])
    return view
