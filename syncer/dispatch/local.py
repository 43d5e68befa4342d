"""The dispatcher of one process: every piece of work is an asyncio task."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Collection
from contextvars import Context
from dataclasses import dataclass, field
from datetime import timedelta
from types import TracebackType
from typing import Protocol, Self

from syncer.dispatch.slots import Slots
from syncer.domain.errors import ShuttingDownError
from syncer.ports.ambient import Clock

Work = Callable[[], Awaitable[None]]

ON_DEMAND_SHARE = 0.25
FEWEST_ON_DEMAND = 2
HEAD_START_SECONDS = 0.05
"""How long at most no scheduled work is begun beside on-demand work.

A loop full of idle passes makes each step of a refresh wait for its turn: alone it is through in a
fraction of this.
"""
BEGUN_IN_ONE_TURN = 8
"""Scheduled work begun in one turn of the event loop.

Passes that are begun together stay together: sixty-four that end in the same turn would make every
other piece of work wait for all their steps, turn after turn. A few at a time keep turns short.
"""
CANCELLING_SECONDS = 2.0
"""How long work that was cancelled may take to end."""
LONGEST_WORK = timedelta(minutes=30)
"""Work that runs longer is cancelled; every service bounds its own well below."""
_LOOK_SECONDS = 15.0


class TroubleReport(Protocol):
    """Hears of work that broke the rules; must not raise."""

    def work_raised(self, partner: str, error: BaseException) -> None:
        """Note that work let an exception escape."""
        ...

    def work_hung(self, partner: str) -> None:
        """Note that work went on although it was cancelled; its slot is lost to the others."""
        ...


def _nothing() -> None:
    pass


@dataclass(slots=True)
class _Lane:
    """What waits for one partner."""

    partner: str
    on_demand: deque[Work] = field(default_factory=deque)
    scheduled: deque[Work] = field(default_factory=deque)


@dataclass(slots=True)
class _Running:
    partner: str
    began_at: float
    is_cancelled: bool = False
    is_hung: bool = False


class _Pace:
    """How much scheduled work was begun in this turn of the event loop."""

    def __init__(self, on_next_turn: Callable[[], None]) -> None:
        self._on_next_turn = on_next_turn
        self._begun = 0

    @property
    def is_used_up(self) -> bool:
        return self._begun >= BEGUN_IN_ONE_TURN

    def note(self) -> None:
        """Note that a piece of work is begun."""
        if not self._begun:
            asyncio.get_running_loop().call_soon(self._next_turn)
        self._begun += 1

    def _next_turn(self) -> None:
        was_used_up, self._begun = self.is_used_up, 0
        if was_used_up:
            self._on_next_turn()


class _HeadStart:
    """A moment in which on-demand work has the loop to itself; real time, not the clock's.

    Scheduled work then has as long a time, so that refreshes without a pause leave it half of all.
    """

    def __init__(self, on_end: Callable[[], None]) -> None:
        self._on_end = on_end
        self._running = 0
        self._began_at = self._until = self._next_from = 0.0

    @property
    def is_on(self) -> bool:
        return asyncio.get_running_loop().time() < self._until

    def give(self) -> None:
        """Begin it, unless it is on or the last one is too short ago."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        if now < self._next_from:
            return
        self._began_at, self._until = now, now + HEAD_START_SECONDS
        self._next_from = self._until + HEAD_START_SECONDS
        loop.call_later(HEAD_START_SECONDS, self._on_end)

    def begun(self) -> None:
        """Note that a piece of on-demand work runs."""
        self._running += 1

    def ended(self) -> None:
        """Note that a piece of on-demand work is through; with the last one it is over."""
        self._running -= 1
        if not self._running and self.is_on:
            self._until = asyncio.get_running_loop().time()
            self._next_from = self._until + (self._until - self._began_at)


class LocalDispatcher:
    """Runs work within ``concurrency`` slots; an async context manager.

    A quarter as many slots again, at least two, are for on-demand work alone. Of both, every
    partner keeps some, so that one that is slow or dead delays nobody else's links. Within a
    partner work goes in order of arrival, on-demand first; partners take turns. On-demand work has
    a short head start in which no scheduled work is begun.
    """

    def __init__(
        self, concurrency: int, partners: Collection[str], *, clock: Clock, report: TroubleReport
    ) -> None:
        on_demand = max(FEWEST_ON_DEMAND, round(concurrency * ON_DEMAND_SHARE))
        self._slots = Slots(concurrency, len(partners))
        self._on_demand_slots = Slots(on_demand, len(partners))
        self._lanes = {partner: _Lane(partner) for partner in partners}
        self._turns = deque(self._lanes.values())
        self._running: dict[asyncio.Task[None], _Running] = {}
        self._clock = clock
        self._report = report
        self._head_start = _HeadStart(self._begin_next)
        self._pace = _Pace(self._begin_next)
        self._is_closed = False
        self._look_out: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._look_out = asyncio.create_task(self._look_for_hung(), name="dispatch:look-out")
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.drain(timedelta(0))
        if self._look_out is not None:
            self._look_out.cancel()
            await asyncio.wait({self._look_out})

    def start(self, partner: str, work: Work, *, on_demand: bool) -> None:
        """Take a piece of work and run it as soon as there is room.

        Raises:
            ShuttingDownError: the dispatcher was drained and takes nothing more.
        """
        if self._is_closed:
            raise ShuttingDownError("The process is stopping and takes no new work.")
        lane = self._lanes.get(partner)
        if lane is None:
            lane = self._lanes[partner] = _Lane(partner)
            self._turns.append(lane)
        (lane.on_demand if on_demand else lane.scheduled).append(work)
        if on_demand:
            self._head_start.give()
        while self._begin_on_demand(lane) or self._begin_scheduled(lane):
            pass

    def make_way(self) -> None:
        """Begin no scheduled work for a moment: work that somebody waits for is on its way."""
        self._head_start.give()

    def room(self, partner: str) -> int:
        """Say how many more pieces of scheduled work make sense now; none during a head start.

        As many may wait as can run, so that no slot is idle until the next look for due links.
        """
        if self._head_start.is_on:
            return 0
        lane = self._lanes.get(partner)
        waiting = len(lane.scheduled) + len(lane.on_demand) if lane is not None else 0
        return max(0, 2 * self._slots.most - self._slots.in_use(partner) - waiting)

    async def drain(self, deadline: timedelta) -> list[str]:
        """Take no more, drop what waits, let what runs finish in time and cancel the rest.

        Gives the names of the tasks that went on although cancelled; they are abandoned.
        """
        self._is_closed = True
        for lane in self._turns:
            lane.on_demand.clear()
            lane.scheduled.clear()
        tasks = {task for task, running in self._running.items() if not running.is_hung}
        if tasks and deadline > timedelta(0):
            _, tasks = await asyncio.wait(tasks, timeout=deadline.total_seconds())
        for task in tasks:
            task.cancel()
        if tasks:
            _, tasks = await asyncio.wait(tasks, timeout=CANCELLING_SECONDS)
        for task in tasks:
            self._report_hung(self._running[task])
        return sorted(task.get_name() for task in tasks)

    # -- starting and ending ----------------------------------------------------------------------

    def _begin_on_demand(self, lane: _Lane) -> bool:
        if not lane.on_demand:
            return False
        for slots in (self._on_demand_slots, self._slots):
            if slots.try_take(lane.partner):
                self._head_start.begun()
                self._begin(lane.partner, slots, lane.on_demand.popleft(), self._head_start.ended)
                return True
        return False

    def _begin_scheduled(self, lane: _Lane) -> bool:
        if not lane.scheduled or self._pace.is_used_up or self._head_start.is_on:
            return False
        if not self._slots.try_take(lane.partner):
            return False
        self._pace.note()
        self._begin(lane.partner, self._slots, lane.scheduled.popleft())
        return True

    def _begin(
        self, partner: str, slots: Slots, work: Work, and_then: Callable[[], None] = _nothing
    ) -> None:
        task = asyncio.create_task(
            self._run(partner, work),
            name=f"work:{partner}",
            context=Context(),  # nothing of whoever asked for it, or ended before it, sticks to it
        )
        self._running[task] = _Running(partner, self._clock.monotonic())

        def ended(task: asyncio.Task[None]) -> None:
            del self._running[task]
            slots.give_back(partner)
            and_then()
            self._begin_next()

        task.add_done_callback(ended)

    def _begin_next(self) -> None:
        """Fill the slots that are free, each partner in its turn."""
        for begin in (self._begin_on_demand, self._begin_scheduled):
            passed_by = 0
            while passed_by < len(self._turns):
                lane = self._turns[0]
                self._turns.rotate(-1)
                passed_by = 0 if begin(lane) else passed_by + 1

    async def _run(self, partner: str, work: Work) -> None:
        try:
            await work()
        except (asyncio.CancelledError, GeneratorExit):
            raise
        except BaseException as error:  # noqa: BLE001  the work boundary: nothing ends the host
            self._report.work_raised(partner, error)

    # -- hung work --------------------------------------------------------------------------------

    async def _look_for_hung(self) -> None:
        while True:
            await self._clock.sleep(_LOOK_SECONDS)
            now = self._clock.monotonic()
            for task, running in list(self._running.items()):
                if now - running.began_at <= LONGEST_WORK.total_seconds():
                    continue
                if running.is_cancelled:
                    self._report_hung(running)
                else:
                    running.is_cancelled = True
                    task.cancel()

    def _report_hung(self, running: _Running) -> None:
        if not running.is_hung:
            running.is_hung = True
            self._report.work_hung(running.partner)
