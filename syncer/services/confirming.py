"""What partners say later of deliveries that were sent; within the write of the page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from syncer.domain.deliveries import DeliveryState, StoredDelivery
from syncer.domain.errors import ConnectorFailedError
from syncer.domain.links import LinkKey
from syncer.ports.store import UnitOfWork
from syncer.sdk import Confirmation, Receipt
from syncer.services.delivery_effects import events_of, keep_moved
from syncer.services.lifecycles import Happening
from syncer.services.opening import AnyConnector
from syncer.services.outgoing import outgoing
from syncer.services.verdicts import receipt_json

REFUSED = "The partner refused it."
_MESSAGE, _CONTENT = "message", "content"


async def confirm(
    uow: UnitOfWork,
    connector: AnyConnector,
    link: LinkKey,
    confirmations: Sequence[Confirmation],
    *,
    at: datetime,
) -> list[Happening]:
    """Take in what a partner says of deliveries; what is known already changes nothing.

    It counts whatever the delivery stands like: the partner's word may come before the end of the
    attempt that sent it, or after a crash left it in doubt. Only what is through stays so. Gives
    what it does to claim files, for the caller to let it happen in order with all else.
    """
    happenings: list[Happening] = []
    for said in confirmations:
        stored = await uow.deliveries.get(said.delivery_id)
        if stored is None or stored.link != link or stored.dry_run:
            continue
        if stored.state is DeliveryState.DELIVERED:
            continue
        if said.is_accepted:
            happenings += await _accepted(uow, connector, stored, said, at=at)
        elif stored.state is not DeliveryState.REJECTED:
            reason = said.reason or REFUSED
            after = _ended(stored, said, DeliveryState.REJECTED, reason=reason, at=at)
            await keep_moved(uow, stored, after, at=at)
    return happenings


async def _accepted(
    uow: UnitOfWork,
    connector: AnyConnector,
    stored: StoredDelivery,
    said: Confirmation,
    *,
    at: datetime,
) -> list[Happening]:
    after = _ended(stored, said, DeliveryState.DELIVERED, reason=None, at=at)
    await keep_moved(uow, stored, after, at=at)
    claim_file = await uow.claim_files.get(stored.lane.claim_file_id)
    if claim_file is None or claim_file.link != stored.link:
        return []
    try:
        delivery = outgoing(after, connector, claim_file)
    except ConnectorFailedError:
        return []
    return [
        Happening(
            claim_file=claim_file.id, event=replace(event, order=said.order), delivery=stored.id
        )
        for event in events_of(connector, delivery, _receipt(stored, said))
    ]


def _ended(
    stored: StoredDelivery,
    said: Confirmation,
    state: DeliveryState,
    *,
    reason: str | None,
    at: datetime,
) -> StoredDelivery:
    return replace(
        stored,
        state=state,
        reason=reason,
        waiting_for=None,
        in_doubt=False,
        was_sent=True,
        updated_at=at,
        next_attempt_at=None,
        lease=None,
        lease_until=None,
        attempt_at=None,
        receipt=receipt_json(_receipt(stored, said), now=at),
    )


def _receipt(stored: StoredDelivery, said: Confirmation) -> Receipt:
    """Join what the partner said at once and what it says now, and in which message."""
    known: dict[str, Any] = dict(stored.receipt or {})
    said_in = {_MESSAGE: said.partner_ref, _CONTENT: said.revision} if said.partner_ref else {}
    return Receipt(
        partner_ref=known.get("partner_ref"),
        at=said.at,
        incomplete=known.get("incomplete", ()),
        raw={**known.get("raw", {}), **said.raw, **said_in},
    )


def said_in(stored: StoredDelivery) -> tuple[str, str] | None:
    """Give reference and revision of the message that confirmed or refused a delivery."""
    raw = (stored.receipt or {}).get("raw", {})
    return (raw[_MESSAGE], raw[_CONTENT]) if raw.keys() >= {_MESSAGE, _CONTENT} else None
