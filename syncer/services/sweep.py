"""The sweep: finds links that are due and starts their passes, spread, without bursts."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from syncer.domain import schedule
from syncer.domain.links import Link, LinkKey
from syncer.domain.passes import Pass, PassTrigger
from syncer.domain.stored import SealedCredential
from syncer.observability import Event, get_logger
from syncer.observability.crash_points import crash_point
from syncer.ports.ambient import Clock, Ids
from syncer.ports.dispatch import Dispatcher
from syncer.ports.plugins import ConnectorRegistry, ConnectorState
from syncer.ports.store import Store, UnitOfWork
from syncer.ports.vault import Vault
from syncer.services.live import LivePass, PassBoard
from syncer.services.opening import LinkOpener
from syncer.services.pull import PullService

MOST_AT_ONCE = 256
LONGEST_PAUSE_SECONDS = 1.0
BACKLOG_PAUSE_SECONDS = 0.01
CLOCK_JUMP = timedelta(seconds=30)

_log = get_logger(__name__)


@dataclass(slots=True, kw_only=True)
class Sweep:
    """Starts scheduled passes when they are due."""

    store: Store
    vault: Vault
    registry: ConnectorRegistry
    opener: LinkOpener
    dispatcher: Dispatcher
    pull: PullService
    board: PassBoard
    clock: Clock
    ids: Ids
    _woken: set[LinkKey] = field(default_factory=set)
    _nudged: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self) -> None:
        """Sweep until cancelled."""
        await self.catch_up()
        wall, steady = self.clock.now(), self.clock.monotonic()
        while True:
            has_more = await self.sweep()
            await self._pause(BACKLOG_PAUSE_SECONDS if has_more else LONGEST_PAUSE_SECONDS)
            gone = timedelta(seconds=self.clock.monotonic() - steady)
            jump = self.clock.now() - wall - gone
            if abs(jump) > CLOCK_JUMP:
                _log.warning(Event.CLOCK_JUMPED, seconds=jump.total_seconds())
                await self.catch_up()
            wall, steady = self.clock.now(), self.clock.monotonic()

    async def sweep(self) -> bool:
        """Start what is due, as far as there is room; True when more may be due already."""
        if self.vault.sealed_reason is not None:
            return False
        await self._schedule_woken()
        has_more = False
        for name in self._usable():
            limit = min(self.dispatcher.room(name), MOST_AT_ONCE)
            if limit <= 0:
                has_more = True
                continue
            has_more |= await self._start_due(name, limit) == limit
        return has_more

    async def _start_due(self, connector: str, limit: int) -> int:
        now = self.clock.now()
        async with self.store.read() as uow:
            due = await uow.links.due(now, connectors=[connector], limit=limit)
        if not due:
            return 0
        crash_point("due-found")
        next_due = {link.key: self._next_due(link, now) for link, _ in due}

        async def write(uow: UnitOfWork) -> None:
            await uow.links.schedule(next_due)

        await self.store.write(write)
        crash_point("due-claimed")
        for link, sealed in due:
            self._start(link, sealed, now)
        crash_point("due-started")
        return len(due)

    def _start(self, link: Link, sealed: SealedCredential, now: datetime) -> None:
        if self.board.of_link(link.key) is not None:
            return
        pass_ = Pass(id=self.ids.new(), link=link.key, trigger=PassTrigger.SCHEDULE, created_at=now)
        live = LivePass(pass_=pass_, kept=False, link=link, sealed=sealed)
        self.board.put(live)
        self.dispatcher.start(link.key.connector, lambda: self.pull.run(live), on_demand=False)

    def _next_due(self, link: Link, now: datetime) -> datetime:
        return schedule.next_due(link.key, now, self.opener.effective(link).interval)

    async def catch_up(self) -> None:
        """Bring due times back into one interval after a stop or a jump of the clock.

        What was missed collapses into one late pass a link, spread like the usual ones.
        """
        now = self.clock.now()
        async with self.store.read() as uow:
            late = await uow.links.scheduled(connectors=self._usable(), before=now, after=None)
            early = await uow.links.scheduled(connectors=self._usable(), before=None, after=now)
        due = self._late(late, now)
        for link in early:
            interval = self.opener.effective(link).interval
            if link.next_due_at is not None and link.next_due_at > now + interval:
                due[link.key] = schedule.next_due(link.key, now, interval)

        async def write(uow: UnitOfWork) -> None:
            await uow.links.schedule(due)

        if due:
            await self.store.write(write)
        crash_point("caught-up")

    def _late(self, links: list[Link], now: datetime) -> dict[LinkKey, datetime]:
        times = {link.key: link.next_due_at for link in links if link.next_due_at is not None}
        if not times:
            return {}
        earliest = min(times.values())
        late: dict[LinkKey, datetime] = {}
        for link in links:
            if link.next_due_at is not None:
                interval = self.opener.effective(link).interval
                moved = schedule.late_due(link.next_due_at, now, earliest)
                late[link.key] = schedule.clamp_due(link.key, moved, now, interval)
        return late

    def _usable(self) -> list[str]:
        states = {ConnectorState.READY, ConnectorState.SUPERSEDED}
        return [
            one.name
            for one in self.registry.all()
            if one.state in states and one.connector is not None and one.connector.pulls
        ]

    def wake(self, key: LinkKey) -> None:
        """Start a pass over a link soon: something of it waits for the partner."""
        self._woken.add(key)
        self.nudge()

    def nudge(self) -> None:
        """Sweep at once: due times were changed."""
        self._nudged.set()

    async def _schedule_woken(self) -> None:
        woken, self._woken = self._woken, set()
        now = self.clock.now()

        async def write(uow: UnitOfWork) -> None:
            await uow.links.schedule(dict.fromkeys(woken, now))

        if not woken:
            return
        try:
            await self.store.write(write)
        except BaseException:
            self._woken |= woken
            raise

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._nudged.wait()
        except TimeoutError:
            pass
        self._nudged.clear()
