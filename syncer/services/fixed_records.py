"""Records that never change at the partner: what says otherwise is set aside."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from syncer.domain.links import LinkKey
from syncer.domain.records import Record, RecordKey
from syncer.ports.store import UnitOfWork
from syncer.sdk import Page, Unreadable
from syncer.services.opening import AnyConnector

CONTRADICTS = "is known already, with other content; what came first is kept"


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldApart:
    """The records of a page that may be taken, and those that contradict what is known."""

    records: Sequence[Record]
    contradicting: Sequence[Unreadable] = ()


async def tell_apart(
    uow: UnitOfWork, key: LinkKey, connector: AnyConnector, page: Page
) -> ToldApart:
    """Find the records whose reference is known with another kind or revision."""
    first = await _known(uow, key, connector, page.records)
    taken, contradicting = [], []
    for record, original in zip(page.records, page.originals, strict=True):
        state = (record.kind, record.revision)
        if first.setdefault(record.partner_ref, state) == state:
            taken.append(record)
        else:
            contradicting.append(_set_aside(record, original))
    return ToldApart(records=taken, contradicting=contradicting)


async def contradicts(
    uow: UnitOfWork, key: LinkKey, connector: AnyConnector, record: Record
) -> bool:
    """Say whether a record is known with another kind or revision."""
    known = await _known(uow, key, connector, [record])
    state = (record.kind, record.revision)
    return known.get(record.partner_ref, state) != state


async def _known(
    uow: UnitOfWork, key: LinkKey, connector: AnyConnector, records: Sequence[Record]
) -> dict[str, tuple[str, str]]:
    refs = {record.partner_ref for record in records}
    wanted = [RecordKey(kind=kind, partner_ref=ref) for ref in refs for kind in connector.kinds]
    known = await uow.records.known(key, wanted) if wanted else {}
    return {one.partner_ref: (one.kind, state.revision) for one, state in known.items()}


def _set_aside(record: Record, original: bytes) -> Unreadable:
    return Unreadable(
        kind=record.kind, partner_ref=record.partner_ref, reason=CONTRADICTS, raw=original
    )
