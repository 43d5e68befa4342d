"""What a delivery does to its claim file and to its lane; functions over the unit of work."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from syncer.domain.claim_files import ClaimFile
from syncer.domain.deliveries import MOVING, PARKED, WAITING, Lane, StoredDelivery
from syncer.domain.errors import ConnectorFailedError
from syncer.domain.feed import ChangeType
from syncer.domain.lifecycles import Event as LifecycleEvent
from syncer.domain.lives import EventOutcome
from syncer.domain.outbox import held_up
from syncer.domain.records import ClaimRef
from syncer.observability import Event, get_logger
from syncer.ports.store import UnitOfWork
from syncer.sdk import Delivery, Receipt
from syncer.services.completeness import count_and_tell, recount_some
from syncer.services.delivery_json import delivery_change
from syncer.services.guard import plainly_guarded
from syncer.services.lifecycles import Happening, live_on
from syncer.services.opening import AnyConnector
from syncer.services.partner_documents import mark_pieces
from syncer.services.record_json import claim_file_change

_log = get_logger(__name__)


async def keep_moved(
    uow: UnitOfWork, before: StoredDelivery, after: StoredDelivery, *, at: datetime
) -> bool:
    """Write where a delivery stands now, tell of it, and let go or hold up what depends on it.

    False, and nothing is written, when the lease of ``before`` is no longer on the row.
    """
    made = after.attempts[len(before.attempts) :]
    if not await uow.deliveries.save(after, lease=before.lease, attempts=made):
        return False
    if after.state is not before.state:
        uow.feed.append([delivery_change(after)], at=at)
    if _stands(before) != _stands(after):
        await hold_up_dependents(uow, after.lane)
    return True


def _stands(delivery: StoredDelivery) -> tuple[bool, bool]:
    """Say as much of a state as others of the lane may wait for."""
    return delivery.state in PARKED, delivery.state in MOVING


async def hold_up_dependents(uow: UnitOfWork, lane: Lane) -> None:
    """Note for each delivery of a lane which other one it waits for, if any."""
    entries = await uow.deliveries.lane(lane)
    before = {entry.id: entry.waiting_for for entry in entries if entry.state in WAITING}
    after = held_up(entries)
    await uow.deliveries.hold_up(
        {id_: holder for id_, holder in after.items() if before[id_] != holder}
    )


def events_of(
    connector: AnyConnector, delivery: Delivery[Any], receipt: Receipt
) -> Sequence[LifecycleEvent]:
    """Ask the connector what a delivery that is through does to its claim file's life.

    A connector that fails here changes nothing about the delivery, which is through.
    """
    if delivery.dry_run or not receipt.is_final:
        return ()
    try:
        return plainly_guarded(
            "delivery_events", lambda: tuple(connector.delivery_events(delivery, receipt))
        )
    except ConnectorFailedError as error:
        _log.error(Event.UNEXPECTED, exc_info=error)
        return ()


async def take_effect(
    uow: UnitOfWork,
    delivery: StoredDelivery,
    receipt: Receipt,
    events: Sequence[LifecycleEvent],
    *,
    connector: AnyConnector,
    at: datetime,
) -> None:
    """Let a delivery that took effect change its claim file: id, life, expected documents."""
    if delivery.dry_run:
        return
    claim_file = await uow.claim_files.get(delivery.lane.claim_file_id)
    if claim_file is None or claim_file.link != delivery.link:
        return
    happenings = [
        Happening(claim_file=claim_file.id, event=event, delivery=delivery.id) for event in events
    ]
    if receipt.partner_ref is not None:
        happenings += await _name(uow, claim_file, receipt.partner_ref, at=at)
    lived = await live_on(uow, connector, happenings, at=at)
    uow.feed.append(lived.changes, at=at)
    pieces = receipt.pieces
    if pieces and await mark_pieces(uow, claim_file.id, pieces, at=receipt.at or at):
        await count_and_tell(uow, claim_file, at=at)


async def _name(
    uow: UnitOfWork, claim_file: ClaimFile, partner_ref: str, *, at: datetime
) -> list[Happening]:
    """Keep the partner's id of a claim; a file that a pull made for it meanwhile is joined to ours.

    The pull may be faster than the receipt: then what the partner says stands on a file of its own
    for as long as it takes. Gives what happened to that one; it happens to ours again.
    """
    if claim_file.partner_ref == partner_ref:
        return []
    theirs = await uow.claim_files.named(claim_file.link, ClaimRef(partner_ref=partner_ref))
    log = (await uow.lives.log_of([theirs.id])).get(theirs.id, []) if theirs else []
    joined = await uow.claim_files.name(claim_file.id, partner_ref, at=at)
    facts = {
        "state": claim_file.standing.state,
        "partner_ref": partner_ref,
        "reference": claim_file.reference,
    }
    if joined is not None:
        facts["joined"] = joined
    change = claim_file_change(ChangeType.CLAIM_FILE_UPDATED, claim_file.link, claim_file.id, facts)
    uow.feed.append([change], at=at)
    if joined is None:
        return []
    uow.feed.append(
        await recount_some(uow, claim_file.link.connector, [claim_file.id], at=at), at=at
    )
    return [
        Happening(claim_file=claim_file.id, event=one.event, record=one.record)
        for one in log
        if one.outcome is not EventOutcome.REFUSED
    ]
