"""Deliveries as the API shows them and the feed tells of them."""

from __future__ import annotations

from collections.abc import Mapping

from syncer.domain.deliveries import WAITING, DeliveryState, StoredDelivery
from syncer.domain.feed import Change, ChangeType, SubjectType
from syncer.domain.instants import to_text
from syncer.domain.links import LinkKey
from syncer.services.record_json import Json

HELD_BY_LINK = "link_"
"""What the reason of a delivery begins with whose link cannot be used now."""


def delivery_view(delivery: StoredDelivery, holds: Mapping[LinkKey, str]) -> Json:
    """Give a delivery as the API shows it; ``holds`` says why links cannot be used now."""
    at = delivery.next_attempt_at
    return {
        "id": delivery.id,
        "claim_file": delivery.lane.claim_file_id,
        "repairer": delivery.link.repairer,
        "connector": delivery.link.connector,
        "operation": delivery.operation,
        "payload": dict(delivery.payload),
        "attachments": [
            {
                "id": file.id,
                "type": file.type,
                "name": file.name,
                "content_type": file.content_type,
                "bytes": file.size_bytes,
                "sha256": file.sha256,
            }
            for file in delivery.files
        ],
        "dry_run": delivery.dry_run,
        "state": delivery.state.value,
        "reason": _reason(delivery, holds),
        "attempts": [
            {
                "at": to_text(attempt.at),
                "outcome": attempt.outcome.value,
                "code": attempt.code,
                "text": attempt.text,
            }
            for attempt in delivery.attempts
        ],
        "receipt": delivery.receipt,
        "next_attempt_at": to_text(at) if at is not None and _waits_for_time(delivery) else None,
        "accepted_at": to_text(delivery.accepted_at),
        "updated_at": to_text(delivery.updated_at),
    }


def _waits_for_time(delivery: StoredDelivery) -> bool:
    return delivery.state in WAITING and delivery.waiting_for is None


def _reason(delivery: StoredDelivery, holds: Mapping[LinkKey, str]) -> str | None:
    if delivery.state not in WAITING:
        return delivery.reason
    if delivery.waiting_for is not None:
        return f"waiting_for:{delivery.waiting_for}"
    return holds.get(delivery.link, delivery.reason)


def delivery_change(delivery: StoredDelivery, state: DeliveryState | None = None) -> Change:
    """Make the feed entry that tells of a delivery."""
    return Change(
        type=ChangeType.DELIVERY_UPDATED,
        repairer=delivery.link.repairer,
        connector=delivery.link.connector,
        subject_type=SubjectType.DELIVERY,
        subject_id=delivery.id,
        data={
            "state": (state or delivery.state).value,
            "operation": delivery.operation,
            "claim_file": delivery.lane.claim_file_id,
        },
    )
