"""What runs in the background for as long as the host does."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from syncer.bootstrap.troubles import Troubles
from syncer.bootstrap.wiring import Ports, Wired
from syncer.dispatch.watchdog import LoopWatchdog
from syncer.domain.errors import RetryableError, ShuttingDownError, SyncerError
from syncer.observability import Event, get_logger
from syncer.observability.metrics import metrics
from syncer.ports.ambient import Clock

AGAIN_SECONDS = 1.0
"""How long a background task that failed waits before it goes on."""
GAUGE_SECONDS = 5.0
ALLOCATIONS_PER_COLLECTION = 20_000
"""Passes make many short-lived objects and hardly any cycles; Python's own 700 is for less."""

_log = get_logger(__name__)


@asynccontextmanager
async def working(wired: Wired, ports: Ports) -> AsyncIterator[None]:
    """Run dispatcher, sweep and housekeeping while the block runs."""
    await wired.services.refresh.recover()
    await wired.outbound.outbox.recover(alone=wired.outbound.is_alone)
    await wired.letterbox.queue.recover(alone=wired.outbound.is_alone)
    _calm_collector()
    troubles = Troubles(ports.registry)
    packages = {
        type(one.connector).__module__.partition(".")[0]: one.name
        for one in ports.registry.all()
        if one.connector is not None
    }
    async with wired.dispatcher, wired.outbound.dispatcher:
        with LoopWatchdog(
            packages,
            troubles.loop_blocked,
            stuck=troubles.loop_stuck,
            lagged=metrics.loop_lagged,
        ):
            gauges = _Gauges(ports)
            each = [
                wired.sweep.run,
                wired.outbound.outbox.run,
                wired.outbound.outbox.attempts.leases.run,
                wired.letterbox.queue.run,
                wired.letterbox.status_mails.run,
                wired.letterbox.dwell.run,
                wired.idle.run,
                wired.services.pull.end.run,
                wired.retention.run,
                wired.decrypts.run,
                gauges.run,
            ]
            tasks = [asyncio.create_task(_keep_up(work, ports.clock)) for work in each]
            try:
                yield
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.wait(tasks)
                await _flush(wired)


async def _flush(wired: Wired) -> None:
    """Write what was collected in memory, as far as the store lets us."""
    for flush in (wired.idle.flush, wired.decrypts.flush):
        try:
            await flush()
        except SyncerError as error:
            _log.warning(Event.UPKEEP_DELAYED, code=error.code, text=str(error))


def _calm_collector() -> None:
    """Let the garbage collector pass by what lives as long as the process: code and wiring."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(ALLOCATIONS_PER_COLLECTION)


async def _keep_up(work: Callable[[], Awaitable[None]], clock: Clock) -> None:
    """Run a background task until it is cancelled; what fails for now is begun again."""
    task = asyncio.current_task()
    while task is None or not task.cancelling():
        try:
            await work()
        except ShuttingDownError:
            return
        except RetryableError as error:
            _log.warning(Event.UPKEEP_DELAYED, code=error.code, text=str(error))
        except Exception as error:  # noqa: BLE001 - the process's top: sync must go on
            _log.error(Event.UNEXPECTED, exc_info=error)
        await clock.sleep(AGAIN_SECONDS)


@dataclass(frozen=True, slots=True)
class _Gauges:
    ports: Ports

    async def run(self) -> None:
        while True:
            async with self.ports.store.read() as uow:
                head = await uow.feed.head()
            metrics.feed_reached(head.seq)
            await self.ports.clock.sleep(GAUGE_SECONDS)
