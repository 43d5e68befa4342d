"""Deliveries that wait for a person, as entries of the attention list."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from syncer.domain.deliveries import DeliveryState, StoredDelivery
from syncer.domain.instants import to_text
from syncer.ports.store import UnitOfWork
from syncer.services.attention import Entry
from syncer.services.record_json import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class ParkedDeliveries:
    """Deliveries in doubt, rejected or blocked.

    A rejected or blocked one goes once a newer one of its operation was accepted for its file.
    """

    name = "deliveries"

    async def find(self, uow: UnitOfWork, *, after: str | None, limit: int) -> Sequence[Entry]:
        """List newest first."""
        rows = await uow.deliveries.parked(after=after, limit=limit)
        return [(row.id, _entry(row)) for row in rows]

    async def count(self, uow: UnitOfWork) -> int:
        """Count them."""
        return await uow.deliveries.count_parked()


def _entry(delivery: StoredDelivery) -> Json:
    about = {
        "repairer": delivery.link.repairer,
        "connector": delivery.link.connector,
        "subject": {"type": "delivery", "id": delivery.id},
        "since": to_text(delivery.updated_at),
    }
    what = f"{delivery.operation} to {delivery.link.connector}"
    said = f": {delivery.reason}" if delivery.reason else "."
    match delivery.state:
        case DeliveryState.REJECTED:
            return about | {
                "kind": "delivery_rejected",
                "text": f"The partner refused {what}{said}",
                "action": "Correct what it names and send anew, or retry if the partner was wrong.",
            }
        case DeliveryState.BLOCKED:
            return about | {
                "kind": "delivery_blocked",
                "text": f"The partner does not offer {what} now{said}",
                "action": "Retry it once the partner offers it again.",
            }
        case _:
            return about | {
                "kind": "delivery_needs_attention",
                "text": f"Nobody knows what became of {what}{said}"
                if delivery.in_doubt
                else f"It does not go on with {what}{said}",
                "action": "Look at the partner, then resolve it as delivered or not delivered; "
                "or retry it.",
            }
