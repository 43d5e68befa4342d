"""What a page says beside its records: items set aside, objects gone, types not known."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from syncer.domain.feed import Change, ChangeType, SubjectType
from syncer.domain.links import LinkKey
from syncer.domain.records import RecordKey
from syncer.domain.stored import QuarantinedItem
from syncer.ports.ambient import Ids
from syncer.ports.store import UnitOfWork
from syncer.sdk import UnknownItem, Unreadable
from syncer.services.record_json import stored_record_change


async def set_aside(
    uow: UnitOfWork, key: LinkKey, unreadable: Sequence[Unreadable], *, ids: Ids, at: datetime
) -> list[Change]:
    """Quarantine items; gives a feed entry for each that was not waiting there already."""
    if not unreadable:
        return []
    items = [
        QuarantinedItem(
            id=ids.new(),
            link=key,
            kind=bad.kind,
            partner_ref=bad.partner_ref,
            reason=bad.reason,
            raw=bad.raw,
            at=at,
            resolved_at=None,
        )
        for bad in unreadable
    ]
    return [_quarantine_change(item) for item in await uow.quarantine.add(items)]


async def withdraw(uow: UnitOfWork, key: LinkKey, gone: Collection[RecordKey]) -> list[Change]:
    """Mark records that the partner no longer has; gives a feed entry for each newly marked."""
    if not gone:
        return []
    changes = {}
    for known in (await uow.records.known(key, gone)).values():
        stored = await uow.records.get(known.id)
        if stored is not None and not stored.withdrawn:
            changes[stored.id] = stored_record_change(ChangeType.RECORD_WITHDRAWN, stored)
    if changes:
        await uow.records.withdraw(changes.keys())
    return list(changes.values())


async def note_unknown(
    uow: UnitOfWork, key: LinkKey, unknown: Sequence[UnknownItem], *, at: datetime
) -> None:
    """Keep items of types that the connector does not know."""
    if unknown:
        items = [(item.type, item.partner_ref, item.raw) for item in unknown]
        await uow.quarantine.note_unknown(key, items, at=at)


def _quarantine_change(item: QuarantinedItem) -> Change:
    return Change(
        type=ChangeType.QUARANTINE_ADDED,
        repairer=item.link.repairer,
        connector=item.link.connector,
        subject_type=SubjectType.QUARANTINE,
        subject_id=item.id,
        data={"kind": item.kind, "partner_ref": item.partner_ref, "reason": item.reason},
    )
