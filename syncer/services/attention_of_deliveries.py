"""Deliveries that wait for a person, as entries of the attention list."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from syncer.domain.deliveries import WAITING, DeliveryFilter, DeliveryState, StoredDelivery
from syncer.domain.instants import to_text
from syncer.ports.plugins import ConnectorRegistry
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


@dataclass(frozen=True, slots=True, kw_only=True)
class StrandedDeliveries:
    """Deliveries that were accepted before another connector took the place of theirs."""

    name: ClassVar[str] = "stranded"
    registry: ConnectorRegistry

    async def find(self, uow: UnitOfWork, *, after: str | None, limit: int) -> Sequence[Entry]:
        """List newest first."""
        by = self._superseded()
        rows = await uow.deliveries.find(_waiting_for(by), after=after, limit=limit) if by else []
        return [(row.id, _stranded(row, by[row.link.connector])) for row in rows]

    async def count(self, uow: UnitOfWork) -> int:
        """Count them."""
        by = self._superseded()
        return await uow.deliveries.count(_waiting_for(by)) if by else 0

    def _superseded(self) -> dict[str, str]:
        return {one.name: one.superseded_by for one in self.registry.all() if one.superseded_by}


def _waiting_for(connectors: Iterable[str]) -> DeliveryFilter:
    return DeliveryFilter(
        states=tuple(sorted(state.value for state in WAITING)), connectors=tuple(connectors)
    )


def _stranded(delivery: StoredDelivery, by: str) -> Json:
    name = delivery.link.connector
    return _about(delivery) | {
        "kind": "delivery_superseded",
        "text": f"{delivery.operation} to {name} never leaves: {by} has taken its place.",
        "action": f"Cancel it, and send it to {by}.",
    }


def _about(delivery: StoredDelivery) -> Json:
    return {
        "repairer": delivery.link.repairer,
        "connector": delivery.link.connector,
        "subject": {"type": "delivery", "id": delivery.id},
        "since": to_text(delivery.updated_at),
    }


def _entry(delivery: StoredDelivery) -> Json:
    about = _about(delivery)
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
