"""Solicitations that nobody has answered: what partners and others on a claim want of a person."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from syncer.domain.deliveries import DeliveryFilter, DeliveryState
from syncer.domain.instants import to_text
from syncer.domain.records import Kind
from syncer.domain.stored import RecordFilter, StoredRecord
from syncer.ports.plugins import ConnectorRegistry
from syncer.ports.store import UnitOfWork
from syncer.sdk import SyncerError
from syncer.services.attention import Entry
from syncer.services.guard import plainly_guarded
from syncer.services.opening import AnyConnector
from syncer.services.record_json import Json, decode_record

MOST_LOOKED_AT = 1_000
"""Open solicitations of one connector; more than that nobody answers one by one."""


REPLY = "solicitation_reply"
"""The operation that answers one, of every connector that has solicitations."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenSolicitations:
    """Solicitations that wait for an answer, connector by connector, newest first."""

    name: ClassVar[str] = "solicitations"
    registry: ConnectorRegistry

    async def find(self, uow: UnitOfWork, *, after: str | None, limit: int) -> Sequence[Entry]:
        """List what follows an entry."""
        entries = await self._all(uow)
        keys = [key for key, _ in entries]
        start = keys.index(after) + 1 if after in keys else 0
        return entries[start : start + limit]

    async def count(self, uow: UnitOfWork) -> int:
        """Count them."""
        return len(await self._all(uow))

    async def _all(self, uow: UnitOfWork) -> list[Entry]:
        entries: list[Entry] = []
        for connector in self._connectors():
            wanted = RecordFilter(
                kinds=(Kind.SOLICITATION.value,),
                connectors=(connector.name,),
                statuses=tuple(sorted(connector.waiting_statuses)),
            )
            rows = await uow.records.find(wanted, after=None, limit=MOST_LOOKED_AT)
            answered = await _answered(uow, rows)
            for row in rows:
                text = _wanted_of(connector, row)
                if text is not None and not row.withdrawn and row.id not in answered:
                    entries.append((row.id, _entry(row, text)))
        return entries

    def _connectors(self) -> Iterator[AnyConnector]:
        for installed in self.registry.all():
            connector = installed.connector
            if installed.enabled and connector is not None and connector.waiting_statuses:
                yield connector


async def _answered(uow: UnitOfWork, rows: Sequence[StoredRecord]) -> set[str]:
    """Give those that a reply of ours reached since the partner last told of them.

    Partners tell of what others do: our own reply may not come back for a long time.
    """
    files = tuple(sorted({row.claim_file_id for row in rows if row.claim_file_id is not None}))
    if not files:
        return set()
    wanted = DeliveryFilter(
        states=(DeliveryState.DELIVERED.value,), operations=(REPLY,), claim_files=files
    )
    replies = await uow.deliveries.find(wanted, after=None, limit=MOST_LOOKED_AT)
    told_at = {row.id: row.received_at for row in rows}
    return {
        asked
        for one in replies
        if not one.dry_run
        if (asked := one.payload.get("solicitation")) in told_at and told_at[asked] < one.updated_at
    }


def _wanted_of(connector: AnyConnector, row: StoredRecord) -> str | None:
    """Ask the connector; one that fails on a record cannot hide it."""
    try:
        record = decode_record(row.body)
        return plainly_guarded("waits_for_person", lambda: connector.waits_for_person(record))
    except SyncerError:
        return "A solicitation waits for an answer"


def _entry(row: StoredRecord, text: str) -> Json:
    return {
        "kind": "solicitation_open",
        "repairer": row.link.repairer,
        "connector": row.link.connector,
        "subject": {"type": "record", "id": row.id},
        "text": f"{text}.",
        "action": "Answer it from the claim file (solicitation_reply), or at the partner.",
        "since": to_text(row.status_changed_at),
    }
