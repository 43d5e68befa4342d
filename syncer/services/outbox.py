"""The outbox's own sweep: starts what is due, and judges what a dead process left behind."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import datetime

from syncer.domain.outbox import abandoned, settle
from syncer.observability import Event, get_logger
from syncer.observability.crash_points import crash_point
from syncer.ports.ambient import Chance, Clock
from syncer.ports.dispatch import Dispatcher
from syncer.ports.plugins import ConnectorRegistry, ConnectorState
from syncer.ports.store import Store, UnitOfWork
from syncer.ports.vault import Vault
from syncer.services.attempts import Attempts
from syncer.services.delivery_effects import keep_moved

MOST_AT_ONCE = 256
ABANDONED_AT_ONCE = 100
LONGEST_PAUSE_SECONDS = 1.0
BACKLOG_PAUSE_SECONDS = 0.05

_log = get_logger(__name__)


@dataclass(slots=True, kw_only=True)
class Outbox:
    """Starts attempts at deliveries when they are due, in slots apart from what comes in."""

    store: Store
    vault: Vault
    registry: ConnectorRegistry
    dispatcher: Dispatcher
    attempts: Attempts
    clock: Clock
    chance: Chance
    _started: set[str] = field(default_factory=set)
    _nudged: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self) -> None:
        """Sweep until cancelled."""
        while True:
            has_more = await self.sweep()
            await self._pause(BACKLOG_PAUSE_SECONDS if has_more else LONGEST_PAUSE_SECONDS)

    def nudge(self) -> None:
        """Sweep at once: something became due."""
        self._nudged.set()

    async def sweep(self) -> bool:
        """Start what is due, as far as there is room; True when more may be due already."""
        if self.vault.sealed_reason is not None:
            return False
        now = self.clock.now()
        async with self.store.read() as uow:
            names = await uow.deliveries.due_connectors(now)
            has_expired = await uow.deliveries.has_expired(now)
        if has_expired:
            await self.rescue(now)
        has_more = False
        for installed in self.registry.all():
            if installed.name in names and installed.state is ConnectorState.READY:
                limit = min(self.dispatcher.room(installed.name), MOST_AT_ONCE)
                has_more |= limit <= 0 or await self._start_due(installed.name, limit)
        return has_more

    async def _start_due(self, connector: str, limit: int) -> bool:
        now, asked_for = self.clock.now(), limit + len(self._started)
        async with self.store.read() as uow:
            due = await uow.deliveries.due(now, connector=connector, limit=asked_for)
        for id_ in [id_ for id_ in due if id_ not in self._started][:limit]:
            self._start(connector, id_)
        return len(due) == asked_for

    def _start(self, connector: str, id_: str) -> None:
        self._started.add(id_)

        async def work() -> None:
            try:
                await self.attempts.run(id_)
            finally:
                self._started.discard(id_)

        self.dispatcher.start(connector, work, on_demand=False)

    async def recover(self, *, alone: bool) -> None:
        """Judge what an earlier process left; called once at start, before anything is sent.

        ``alone``: no other process works on this store, so every lease there is of a dead one.
        Where others may work, a lease is waited for until it ends.
        """
        crash_point("deliveries-before-recovery")
        await self.rescue(None if alone else self.clock.now())

    async def rescue(self, before: datetime | None) -> None:
        """Judge the attempts whose lease ended, unless they are this process's own."""
        while True:
            async with self.store.read() as uow:
                found = await uow.deliveries.expired(before, limit=ABANDONED_AT_ONCE)
            ids = [one.id for one in found if one.id not in self.attempts.leases]
            if not ids:
                return
            jitters = {id_: self.chance.uniform(0.0, 1.0) for id_ in ids}
            rescued = await self.store.write(_Rescue(jitters, before, self.clock.now()).run)
            crash_point("deliveries-recovered")
            if rescued:
                _log.warning(Event.DELIVERIES_RECOVERED, deliveries=rescued)
            if len(found) < ABANDONED_AT_ONCE:
                return

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._nudged.wait()
        except TimeoutError:
            pass
        self._nudged.clear()


@dataclass(frozen=True, slots=True)
class _Rescue:
    """Takes deliveries from whoever held them, if their leases are still over."""

    jitters: dict[str, float]
    before: datetime | None
    now: datetime

    async def run(self, uow: UnitOfWork) -> int:
        rescued = 0
        for id_, jitter in self.jitters.items():
            held = await uow.deliveries.get(id_)
            if held is None or held.lease is None or not self._is_over(held.lease_until):
                continue
            after = settle(held, abandoned(held), now=self.now, jitter=jitter)
            rescued += await keep_moved(uow, held, after, at=self.now)
        return rescued

    def _is_over(self, until: datetime | None) -> bool:
        return self.before is None or (until is not None and until < self.before)
