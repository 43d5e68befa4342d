"""Values that the contract tests store."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

from syncer.dispatch.ambient import UuidIds
from syncer.domain.feed import Change, ChangeType, SubjectType
from syncer.domain.intake import DecidedBy, Decision, IntakeState
from syncer.domain.links import LinkKey
from syncer.domain.records import Attachment, Kind, Record, RecordKey
from syncer.domain.stored import RecordWrite, Repairer, SealedCredential, StoredRecord
from syncer.ports.store import Store, UnitOfWork
from syncer.store import SqlStore

T = TypeVar("T")
NOW = datetime(2026, 3, 2, 9, 15, 30, 123456, tzinfo=UTC)
LINK = LinkKey("garage-7", "claims360")
IDS = UuidIds()


async def make_link(unit: UnitOfWork, link: LinkKey = LINK) -> None:
    await unit.repairers.put(Repairer(id=link.repairer, name="Garage"))
    await unit.links.ensure([link.connector], repairer=link.repairer)


async def ask(store: Store, question: Callable[[UnitOfWork], Awaitable[T]]) -> T:
    async with store.read() as unit:
        return await question(unit)


async def put_note(store: SqlStore, name: str, value: bytes = b"x") -> None:
    await store.write(lambda unit: unit.notes.put(name, value))


async def note(store: SqlStore, name: str) -> bytes | None:
    return await ask(store, lambda unit: unit.notes.get(name))


async def until(condition: Callable[[], object]) -> None:
    """Let other tasks work until something holds, a bounded time."""
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0)


def record(ref: str = "Q-1", *, kind: Kind = Kind.QUOTE, **fields: Any) -> Record:
    given = {"revision": "r1", "status": "submitted", "status_changed_at": NOW, **fields}
    return Record(kind=kind, partner_ref=ref, **given)


def decision(state: IntakeState = IntakeState.QUEUED) -> Decision:
    return Decision(state=state, rule="queueing = all", decided_by=DecidedBy.RULE)


def record_write(of: Record, *, link: LinkKey = LINK, **fields: Any) -> RecordWrite:
    given: dict[str, Any] = {
        "id": IDS.new(),
        "body": b'{"partner_ref":"%s"}' % of.partner_ref.encode(),
        "version": 1,
        "decision": decision(),
        "person_state": None,
        "decided_at": NOW,
        "received_at": NOW,
        "claim_file_id": None,
        **fields,
    }
    return RecordWrite(link=link, record=of, **given)


async def add_records(store: SqlStore, *rows: RecordWrite) -> None:
    await store.write(lambda unit: unit.records.add(rows))


async def stored_record(store: SqlStore, id_: str) -> StoredRecord:
    found = await ask(store, lambda unit: unit.records.get(id_))
    assert found is not None
    return found


def sealed(
    link: LinkKey = LINK, *, id_: bytes = b"1" * 16, payload: bytes = b"sealed", generation: int = 1
) -> SealedCredential:
    return SealedCredential(
        id=id_,
        link=link,
        generation=generation,
        schema="claims360@1",
        fields=("bodyshop_id", "key"),
        payload=payload,
        kid=b"kid-0001",
        wrapped_key=b"wrapped",
        created_at=NOW,
    )


def changes(count: int, *, of: str = "a") -> Sequence[Change]:
    return [
        Change(
            type=ChangeType.RECORD_CREATED,
            repairer=LINK.repairer,
            connector=LINK.connector,
            subject_type=SubjectType.RECORD,
            subject_id=f"{of}-{number}",
            data={"kind": "quote"},
        )
        for number in range(count)
    ]


def attachment(
    ref: str = "A-1", *, owner: str = "Q-1", kind: Kind = Kind.QUOTE, **fields: Any
) -> Attachment:
    return Attachment(
        owner=RecordKey(kind=kind, partner_ref=owner), partner_ref=ref, kind="photo", **fields
    )
