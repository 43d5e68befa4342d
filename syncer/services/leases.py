"""An attempt in progress: the lease under which it is made, and what left during it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from syncer.domain.deliveries import StoredDelivery
from syncer.domain.errors import LeaseLostError, RetryableError
from syncer.observability import Event, get_logger
from syncer.ports.ambient import Clock
from syncer.ports.store import Store, UnitOfWork

LEASE = timedelta(seconds=60)
HEARTBEAT = timedelta(seconds=15)
SAFETY = timedelta(seconds=5)
"""Nothing more is sent so shortly before a lease ends: it still has to get there."""

_log = get_logger(__name__)


@dataclass(slots=True, kw_only=True, eq=False)
class LiveAttempt:
    """One attempt of this process; implements ``SendingWatch``.

    What leaves is in doubt until it is known to have had no effect, or a step is noted.
    """

    delivery: StoredDelivery
    lease: str
    clock: Clock
    held_until: float
    """On the monotonic clock."""
    is_ending: bool = False
    has_sent: bool = False
    note_lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    _doubts: set[object] = field(default_factory=set)

    @property
    def in_doubt(self) -> bool:
        """Whether something that left may have taken effect without being noted."""
        return bool(self._doubts)

    def leaving(self) -> object:
        """Note that a sending is about to leave.

        Raises:
            LeaseLostError: the lease ended, or ends before the sending could get there.
        """
        if self.clock.monotonic() > self.held_until - SAFETY.total_seconds():
            raise LeaseLostError("The attempt took too long and may send nothing more.")
        self.has_sent = True
        mark = object()
        self._doubts.add(mark)
        return mark

    def took_no_effect(self, mark: object) -> None:
        """Forget a sending that surely had no effect."""
        self._doubts.discard(mark)

    def doubts_so_far(self) -> frozenset[object]:
        """Give what is in doubt now, to be settled once a note is kept."""
        return frozenset(self._doubts)

    def settle(self, doubts: frozenset[object]) -> None:
        """Forget what a note that was kept settles."""
        self._doubts -= doubts


@dataclass(slots=True, kw_only=True)
class Leases:
    """The attempts of this process, kept alive together."""

    store: Store
    clock: Clock
    is_stopping: bool = False
    _live: dict[str, LiveAttempt] = field(default_factory=dict)

    def __contains__(self, id_: object) -> bool:
        return id_ in self._live

    def __iter__(self) -> Iterator[LiveAttempt]:
        return iter(list(self._live.values()))

    def make(self, delivery: StoredDelivery, lease: str, held_until: float) -> LiveAttempt:
        """Make an attempt of a delivery whose lease is being taken; it is not entered yet."""
        return LiveAttempt(delivery=delivery, lease=lease, clock=self.clock, held_until=held_until)

    def begin(self, live: LiveAttempt) -> None:
        """Enter an attempt, so that its lease is renewed."""
        self._live[live.delivery.id] = live

    def stop(self) -> None:
        """Take nothing more: the program stops."""
        self.is_stopping = True

    def end(self, live: LiveAttempt) -> None:
        """Take an attempt off; twice is harmless."""
        if self._live.get(live.delivery.id) is live:
            del self._live[live.delivery.id]

    def until(self) -> tuple[datetime, float]:
        """Give the end of a lease that is taken now, by both clocks."""
        seconds = LEASE.total_seconds()
        return self.clock.now() + LEASE, self.clock.monotonic() + seconds

    async def run(self) -> None:
        """Renew all leases every so often until cancelled."""
        while True:
            await self.clock.sleep(HEARTBEAT.total_seconds())
            try:
                await self.renew()
            except RetryableError as error:
                _log.warning(Event.UPKEEP_DELAYED, code=error.code, text=str(error))

    async def renew(self) -> None:
        """Hold on to every delivery of this process; what others took may send nothing more."""
        lives = {live.delivery.id: live for live in self._live.values()}
        if not lives:
            return
        leases = {id_: live.lease for id_, live in lives.items()}
        until, held_until = self.until()

        async def write(uow: UnitOfWork) -> set[str]:
            return await uow.deliveries.renew(leases, until=until)

        lost = await self.store.write(write)
        for id_, live in lives.items():
            live.held_until = self.clock.monotonic() if id_ in lost else held_until

    async def note(self, live: LiveAttempt, step: str, value: Any) -> None:
        """Keep a note of an attempt and settle what left before it.

        Raises:
            LeaseLostError: somebody else has the delivery.
        """
        async with live.note_lock:
            settled = live.doubts_so_far()

            async def write(uow: UnitOfWork) -> bool:
                return await uow.deliveries.note(live.delivery.id, live.lease, step, value)

            if not await self.store.write(write):
                live.held_until = self.clock.monotonic()
                raise LeaseLostError("Another process took the delivery over.")
            live.settle(settled)
