"""Messages that never change at the partner: what says otherwise is set aside."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from syncer.domain.links import LinkKey
from syncer.domain.records import Kind, Record, RecordKey
from syncer.ports.store import UnitOfWork
from syncer.sdk import Confirmation, Page, Unreadable
from syncer.services.confirming import said_in
from syncer.services.opening import AnyConnector

CONTRADICTS = "is known already, with other content; what came first is kept"
_CONFIRMATION = ""
"""Stands for the kind of a message that is no record."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldApart:
    """What a page says that may be taken, and what contradicts what is known."""

    records: Sequence[Record]
    confirmations: Sequence[Confirmation]
    contradicting: Sequence[Unreadable] = ()


async def tell_apart(
    uow: UnitOfWork, key: LinkKey, connector: AnyConnector, page: Page
) -> ToldApart:
    """Find the messages whose reference is known with another kind or revision."""
    refs = {record.partner_ref for record in page.records}
    refs |= {said.partner_ref for said in page.confirmations if said.partner_ref}
    first = await _known(uow, key, connector, refs)
    first |= await _confirmed(uow, key, page.confirmations)
    taken, confirmations, contradicting = [], [], []
    for record, original in zip(page.records, page.originals, strict=True):
        state = (record.kind, record.revision)
        if first.setdefault(record.partner_ref, state) == state:
            taken.append(record)
        else:
            contradicting.append(_set_aside(record.kind, record.partner_ref, original))
    for said in page.confirmations:
        word = (_CONFIRMATION, said.revision)
        if said.partner_ref is None or first.setdefault(said.partner_ref, word) == word:
            confirmations.append(said)
        else:
            contradicting.append(_set_aside(None, said.partner_ref, said.original))
    return ToldApart(records=taken, confirmations=confirmations, contradicting=contradicting)


async def contradicts(
    uow: UnitOfWork, key: LinkKey, connector: AnyConnector, record: Record
) -> bool:
    """Say whether a record is known with another kind or revision."""
    known = await _known(uow, key, connector, {record.partner_ref})
    state = (record.kind, record.revision)
    return known.get(record.partner_ref, state) != state


async def _known(
    uow: UnitOfWork, key: LinkKey, connector: AnyConnector, refs: Collection[str]
) -> dict[str, tuple[str, str]]:
    wanted = [RecordKey(kind=kind, partner_ref=ref) for ref in refs for kind in connector.kinds]
    known = await uow.records.known(key, wanted) if wanted else {}
    return {one.partner_ref: (one.kind, state.revision) for one, state in known.items()}


async def _confirmed(
    uow: UnitOfWork, key: LinkKey, confirmations: Sequence[Confirmation]
) -> dict[str, tuple[str, str]]:
    """Give the messages that said before what is said now of the same deliveries."""
    found = {}
    for said in confirmations:
        stored = await uow.deliveries.get(said.delivery_id)
        before = said_in(stored) if stored is not None and stored.link == key else None
        if before is not None:
            found[before[0]] = (_CONFIRMATION, before[1])
    return found


def _set_aside(kind: Kind | None, partner_ref: str, original: bytes) -> Unreadable:
    return Unreadable(kind=kind, partner_ref=partner_ref, reason=CONTRADICTS, raw=original)
