"""What may be sent now: the checks of a new delivery, and of one that is to be sent once more."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from syncer.domain.claim_files import ClaimFile
from syncer.domain.completeness import Row
from syncer.domain.deliveries import DeliveryFilter, DeliveryState, StoredDelivery
from syncer.domain.errors import ConflictError
from syncer.domain.links import Link, LinkState
from syncer.ports.plugins import ConnectorRegistry, ConnectorState, Installed
from syncer.ports.store import UnitOfWork
from syncer.sdk import Delivery, Operation, Payload
from syncer.services.completeness import documents_missing, missing_from
from syncer.services.delivery_records import named_records
from syncer.services.guard import purely_guarded
from syncer.services.outgoing import outgoing
from syncer.services.settings import SettingsInForce

_IN_VAIN = frozenset({DeliveryState.REJECTED, DeliveryState.CANCELLED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """Asks again what acceptance asked, before a person's retry."""

    registry: ConnectorRegistry
    settings: SettingsInForce

    async def require(self, uow: UnitOfWork, stored: StoredDelivery) -> None:
        """Check that a delivery which was given up may be sent as things are now.

        One that may have arrived is not asked about: its next attempt finds out, or repeats it
        under its key. The state of the link is not looked at either: the delivery waits for it.

        Raises:
            SyncerError: what acceptance would say to a new one.
        """
        if not _is_given_up(stored):
            return
        installed = sending_connector(self.registry, stored.link.connector)
        link = await uow.links.get(stored.link)
        claim_file = await uow.claim_files.get(stored.lane.claim_file_id)
        delivery = await as_seen(uow, stored, installed, claim_file)
        operation, payload = delivery.operation, delivery.payload
        if claim_file is not None and operation.makes_claim_file:
            await require_in_vain(uow, claim_file, operation, besides=stored.id)
        ids = {file.id for file in stored.files}
        held = {file.type for file in stored.files}
        await documents_left_out(uow, operation, payload, claim_file, going=ids, held=held)
        if link is not None:
            check(delivery, installed, link, self.settings)


def _is_given_up(stored: StoredDelivery) -> bool:
    if stored.state is DeliveryState.NEEDS_ATTENTION:
        return not stored.in_doubt
    return stored.state in {DeliveryState.REJECTED, DeliveryState.BLOCKED}


def sending_connector(registry: ConnectorRegistry, name: str) -> Installed:
    """Give a connector that can send.

    Raises:
        NotFoundError: there is none of that name.
        ConflictError: ``superseded``, ``connector_disabled``, ``link_not_active``.
    """
    installed = registry.get(name)
    if installed.state is ConnectorState.SUPERSEDED:
        by = installed.superseded_by or ""
        text = f"Nothing is sent to {name} any more: {by} has taken its place. Send it there."
        raise ConflictError("superseded", text, superseded_by=by)
    if installed.state is ConnectorState.DISABLED:
        text = f"The connector {name} is not enabled in this installation."
        raise ConflictError("connector_disabled", text)
    if installed.connector is None:
        text = f"The connector {name} was set aside: {installed.reason}"
        raise ConflictError("link_not_active", text, state=LinkState.UNAVAILABLE.value)
    return installed


async def require_in_vain(
    uow: UnitOfWork, claim_file: ClaimFile, operation: Operation, *, besides: str | None = None
) -> None:
    """Check that nothing but refused requests made the claim file that an operation would make.

    Raises:
        ConflictError: ``transition_refused``: it was asked for before, and not in vain.
    """
    earlier = DeliveryFilter(claim_files=(claim_file.id,), operations=(operation.name,))
    for one in await uow.deliveries.find(earlier, after=None, limit=100):
        if one.state not in _IN_VAIN and one.id != besides:
            text = f"{operation.title} was asked for already for this claim."
            raise ConflictError("transition_refused", text, id=claim_file.id)


async def documents_left_out(
    uow: UnitOfWork,
    operation: Operation,
    payload: Payload,
    claim_file: ClaimFile | None,
    *,
    going: Collection[str],
    held: Collection[str] = (),
) -> list[Row]:
    """Give the expected documents that are missing, where the operation minds.

    ``going`` are the ids of the documents that go along; ``held`` are types of which a copy goes
    whatever became of the document since.

    Raises:
        DocumentsMissingError: and nobody asked to send without them.
    """
    if claim_file is None or not operation.gated:
        return []
    found = await missing_from(uow, claim_file, going)
    missing = [row for row in found if row.type not in held]
    if missing and not getattr(payload, "allow_incomplete", False):
        raise documents_missing(missing)
    return missing


async def as_seen(
    uow: UnitOfWork, stored: StoredDelivery, installed: Installed, claim_file: ClaimFile | None
) -> Delivery[Any]:
    """Give a delivery as its connector sees it, with the records that it names.

    Raises:
        InvalidError: a record is not there, is of another claim file, or of another kind.
    """
    assert installed.connector is not None
    records = await named_records(uow, installed.connector, stored)
    return outgoing(stored, installed.connector, claim_file, records=records)


def check(
    delivery: Delivery[Any], installed: Installed, link: Link, settings: SettingsInForce
) -> None:
    """Have the connector check a delivery.

    Raises:
        SyncerError: the connector refuses it, or is broken.
    """
    connector = installed.connector
    assert connector is not None
    effective = settings.of(installed, link.settings)
    purely_guarded("validate", lambda: connector.validate(delivery, effective.model))
