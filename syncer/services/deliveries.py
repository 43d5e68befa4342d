"""Deliveries as persons see and move them: read, retried, cancelled, resolved."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from syncer.domain import outbox
from syncer.domain.deliveries import WAITING, DeliveryFilter, StoredDelivery
from syncer.domain.errors import NotFoundError, SyncerError
from syncer.domain.links import Link, LinkKey, LinkState
from syncer.ports.ambient import Clock
from syncer.ports.plugins import ConnectorRegistry, ConnectorState
from syncer.ports.store import Store, UnitOfWork
from syncer.sdk import Receipt
from syncer.services.admission import Admission
from syncer.services.delivery_effects import events_of, keep_moved, take_effect
from syncer.services.delivery_json import HELD_BY_LINK, delivery_view
from syncer.services.outgoing import outgoing
from syncer.services.record_json import Json
from syncer.services.verdicts import receipt_json

Move = Callable[[StoredDelivery], StoredDelivery]
Requirement = Callable[[UnitOfWork, StoredDelivery], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveriesFound:
    """A stretch of the list; ``last`` is where the next one starts, None at the end."""

    items: list[Json]
    last: str | None
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryService:
    """Shows deliveries, and does with them what persons may do."""

    store: Store
    registry: ConnectorRegistry
    admission: Admission
    clock: Clock
    nudge: Callable[[], None]

    async def find(
        self, wanted: DeliveryFilter, *, after: str | None = None, limit: int = 50
    ) -> DeliveriesFound:
        """List newest first; ``total`` is exact."""
        async with self.store.read() as uow:
            rows = await uow.deliveries.find(wanted, after=after, limit=limit + 1)
            total = await uow.deliveries.count(wanted)
            page = rows[:limit]
            items = await self._shown(uow, page)
        last = page[-1].id if len(rows) > limit else None
        return DeliveriesFound(items=items, last=last, total=total)

    async def one(self, id_: str) -> Json:
        """Give one delivery.

        Raises:
            NotFoundError: there is none of that id.
        """
        async with self.store.read() as uow:
            return await self._shown_one(uow, await _stored(uow, id_))

    async def retry(self, id_: str) -> Json:
        """Make another attempt now, whatever the last one came to, if a new one would be accepted.

        Raises:
            NotFoundError: there is none of that id.
            ConflictError: ``state_forbids``, or what acceptance would say to a new one.
            InvalidError: what the claim file holds now does not allow it.
        """
        move = partial(outbox.retried, now=self.clock.now())
        view = await self._move(id_, move, require=self.admission.require)
        self.nudge()
        return view

    async def cancel(self, id_: str) -> Json:
        """Take back a delivery that waits.

        Raises:
            NotFoundError: there is none of that id.
            ConflictError: ``state_forbids``.
        """
        view = await self._move(id_, partial(outbox.cancelled, now=self.clock.now()))
        self.nudge()
        return view

    async def resolve(self, id_: str, *, is_delivered: bool, note: str | None) -> Json:
        """Enter what a person found out at the partner; what did not arrive is sent again.

        Raises:
            NotFoundError: there is none of that id.
            ConflictError: ``state_forbids``.
        """
        now = self.clock.now()
        by_hand = Receipt(at=now, raw={"resolved": "delivered", "note": note})

        def move(stored: StoredDelivery) -> StoredDelivery:
            after = outbox.resolved(stored, is_delivered=is_delivered, note=note, now=now)
            return replace(after, receipt=receipt_json(by_hand, now=now)) if is_delivered else after

        view = await self._move(id_, move, receipt=by_hand if is_delivered else None)
        self.nudge()
        return view

    async def _move(
        self,
        id_: str,
        move: Move,
        *,
        receipt: Receipt | None = None,
        require: Requirement | None = None,
    ) -> Json:
        now = self.clock.now()

        async def work(uow: UnitOfWork) -> Json:
            before = await _stored(uow, id_)
            after = move(before)
            if require is not None:
                await require(uow, before)
            await keep_moved(uow, before, after, at=now)
            if receipt is not None:
                await self._take_effect(uow, after, receipt)
            return await self._shown_one(uow, await _stored(uow, id_))

        return await self.store.write(work)

    async def _take_effect(self, uow: UnitOfWork, stored: StoredDelivery, receipt: Receipt) -> None:
        """Let what a person knows to have arrived change its claim file, if its connector can."""
        connector = self.registry.get(stored.link.connector).connector
        if connector is None:
            return
        claim_file = await uow.claim_files.get(stored.lane.claim_file_id)
        try:
            delivery = outgoing(stored, connector, claim_file)
        except SyncerError:
            return
        events = events_of(connector, delivery, receipt)
        at = self.clock.now()
        await take_effect(uow, stored, receipt, events, connector=connector, at=at)

    async def _shown(self, uow: UnitOfWork, rows: Sequence[StoredDelivery]) -> list[Json]:
        holds: dict[LinkKey, str] = {}
        for key in {row.link for row in rows if row.state in WAITING}:
            reason = self._held_by(key, await uow.links.get(key))
            if reason is not None:
                holds[key] = reason
        return [delivery_view(row, holds) for row in rows]

    async def _shown_one(self, uow: UnitOfWork, row: StoredDelivery) -> Json:
        [view] = await self._shown(uow, [row])
        return view

    def _held_by(self, key: LinkKey, link: Link | None) -> str | None:
        """Say why deliveries of a link wait, None when they do not wait for it."""
        installed = self.registry.get(key.connector)
        if installed.state is not ConnectorState.READY:
            return f"{HELD_BY_LINK}{installed.state.value}"
        if link is None or link.state is LinkState.ACTIVE:
            return None
        if link.state is LinkState.CREDENTIALS_REJECTED:
            return link.state.value
        return f"{HELD_BY_LINK}{link.state.value}"


async def _stored(uow: UnitOfWork, id_: str) -> StoredDelivery:
    delivery = await uow.deliveries.get(id_)
    if delivery is None:
        raise NotFoundError("There is no delivery of this id.")
    return delivery
