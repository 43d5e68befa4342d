"""Records that the payload of a delivery names: of its claim file, and of the wanted kind."""

from __future__ import annotations

from typing import Any

from syncer.domain.deliveries import StoredDelivery
from syncer.domain.errors import FieldError, InvalidError
from syncer.ports.store import UnitOfWork
from syncer.sdk import Kind, Operation
from syncer.services.outgoing import RECORDS_NOTE


async def named_records(
    uow: UnitOfWork, operation: Operation, delivery: StoredDelivery
) -> dict[str, Any]:
    """Give the note of the records that a payload names.

    Raises:
        InvalidError: one is not there, is of another claim file, or of another kind.
    """
    found: dict[str, list[str]] = {}
    for field, kind in operation.records.items():
        id_ = delivery.payload.get(field)
        if isinstance(id_, str):
            found[field] = await _record(uow, field, id_, kind, delivery.lane.claim_file_id)
    return {RECORDS_NOTE: found}


async def _record(uow: UnitOfWork, field: str, id_: str, kind: Kind, claim_file: str) -> list[str]:
    record = await uow.records.get(id_)
    if record is None or record.key.kind is not kind or record.claim_file_id != claim_file:
        text = f"is no {kind} of the claim file; give the id of its record"
        fault = FieldError(pointer=f"/payload/{field}", message=text)
        raise InvalidError("The delivery is not valid.", [fault])
    return [record.key.kind.value, record.key.partner_ref]
