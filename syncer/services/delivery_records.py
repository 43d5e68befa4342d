"""Records that the payload of a delivery names: of its claim file, and of the wanted kind."""

from __future__ import annotations

from collections.abc import Mapping

from syncer.domain.deliveries import StoredDelivery
from syncer.domain.errors import FieldError, InvalidError
from syncer.domain.records import Kind, RecordKey
from syncer.ports.store import UnitOfWork
from syncer.services.opening import AnyConnector
from syncer.services.outgoing import operation_of

Named = Mapping[str, RecordKey]
"""By the field of the payload."""


async def named_records(
    uow: UnitOfWork, connector: AnyConnector, delivery: StoredDelivery
) -> Named:
    """Find the records that a payload names.

    Raises:
        InvalidError: one is not there, is of another claim file, or of another kind.
    """
    operation = operation_of(connector, delivery.operation)
    found: dict[str, RecordKey] = {}
    for field, kind in (operation.records if operation else {}).items():
        id_ = delivery.payload.get(field)
        if isinstance(id_, str):
            found[field] = await _record(uow, field, id_, kind, delivery.lane.claim_file_id)
    return found


async def records_there(
    uow: UnitOfWork, connector: AnyConnector, delivery: StoredDelivery
) -> Named:
    """Find what a payload names at an attempt; none where one has gone since it was accepted."""
    try:
        return await named_records(uow, connector, delivery)
    except InvalidError:
        return {}


async def _record(uow: UnitOfWork, field: str, id_: str, kind: Kind, claim_file: str) -> RecordKey:
    record = await uow.records.get(id_)
    if record is None or record.key.kind is not kind or record.claim_file_id != claim_file:
        text = f"is no {kind} of the claim file; give the id of its record"
        fault = FieldError(pointer=f"/payload/{field}", message=text)
        raise InvalidError("The delivery is not valid.", [fault])
    return record.key
