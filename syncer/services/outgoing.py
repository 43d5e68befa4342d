"""Deliveries as connectors see them: payload, claim file, and files that are read as they leave."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Any

import msgspec
from pydantic import ValidationError

from syncer.domain.claim_files import ClaimFile
from syncer.domain.deliveries import DeliveryFile, StoredDelivery
from syncer.domain.errors import (
    ConnectorFailedError,
    FieldError,
    InvalidError,
    NotFoundError,
    PayloadError,
)
from syncer.domain.records import RecordKey
from syncer.ports.blobs import BlobStore
from syncer.sdk import Delivery, Operation, OutgoingFile, Payload
from syncer.services.opening import AnyConnector
from syncer.services.settings import field_errors

KeepNote = Callable[[str, Any], Awaitable[None]]


async def keep_nothing(_step: str, _value: Any) -> None:
    """Keep no note: no attempt is made."""


def operation_of(connector: AnyConnector, name: str) -> Operation | None:
    """Give a connector's operation of that name."""
    return next((one for one in connector.operations if one.name == name), None)


def read_payload(operation: Operation, given: Mapping[str, Any]) -> Payload:
    """Validate a payload by its operation's model.

    Raises:
        InvalidError: with a pointer below ``/payload`` for each fault.
    """
    try:
        return operation.payload.model_validate_json(msgspec.json.encode(given))
    except ValidationError as error:
        faults = [
            FieldError(pointer=f"/payload{fault.pointer}", message=fault.message)
            for fault in field_errors(error)
        ]
        raise InvalidError("The payload is not valid.", faults) from None


def outgoing(
    delivery: StoredDelivery,
    connector: AnyConnector,
    claim_file: ClaimFile | None,
    blobs: BlobStore | None = None,
    *,
    records: Mapping[str, RecordKey] | None = None,
    keep_note: KeepNote = keep_nothing,
) -> Delivery[Any]:
    """Give a stored delivery as its connector sees it; without blobs its files cannot be read.

    ``records`` are those that the payload names; asked for while it is accepted and attempted.

    Raises:
        ConnectorFailedError: the connector no longer has the operation, or reads its payload.
    """
    operation = operation_of(connector, delivery.operation)
    if operation is None:
        raise ConnectorFailedError(f"the connector has no operation {delivery.operation} any more")
    try:
        payload = read_payload(operation, delivery.payload)
    except InvalidError:
        raise ConnectorFailedError("the stored payload does not fit the operation now") from None
    return Delivery(
        id=delivery.id,
        key=delivery.key,
        operation=operation,
        payload=payload,
        claim_file=claim_file,
        files=outgoing_files(delivery.files, blobs),
        records=records or {},
        in_doubt=delivery.in_doubt,
        was_sent=delivery.was_sent,
        dry_run=delivery.dry_run,
        accepted_at=delivery.accepted_at,
        notes=delivery.notes,
        keep_note=keep_note,
    )


def outgoing_files(files: Sequence[DeliveryFile], blobs: BlobStore | None) -> list[OutgoingFile]:
    """Give files with their contents behind them."""
    return [
        OutgoingFile(
            id=file.id,
            type=file.type,
            name=file.name,
            content_type=file.content_type,
            size_bytes=file.size_bytes,
            sha256=file.sha256,
            chunks=_Content(blobs, file).chunks,
        )
        for file in files
    ]


async def first_missing(files: Sequence[DeliveryFile], blobs: BlobStore) -> DeliveryFile | None:
    """Give the first file whose content is not in the store."""
    for file in files:
        if await blobs.open(file.sha256) is None:
            return file
    return None


class _Content:
    def __init__(self, blobs: BlobStore | None, file: DeliveryFile) -> None:
        self._blobs = blobs
        self._file = file

    async def chunks(self) -> AsyncIterator[bytes]:
        if self._blobs is None:
            raise PayloadError("files are read only while a delivery is made")
        try:
            async for chunk in self._blobs.read(self._file.sha256):
                yield chunk
        except NotFoundError:
            text = f"the content of {self._file.name} is not in the store"
            raise PayloadError(text) from None
