"""Limits per link: how many requests may begin in a window, and how many may be under way.

A request takes one of ``requests`` tokens when it begins and gives it back one ``period`` after
its answer began. The partner counted the request somewhere between the two, so no window of the
partner's own clock can hold more than ``requests`` of them, however long they travelled. A gate
that is idle and whose tokens are all back is dropped, so links at rest cost nothing.
"""

from __future__ import annotations

import asyncio
from collections import deque

from syncer.domain.links import LinkKey
from syncer.ports.ambient import Clock
from syncer.sdk.http import PartnerLimits

MARGIN_SECONDS = 0.01
"""Added to the period: clocks tick in milliseconds, and a partner may count both ends."""
SHORTEST_WAIT_SECONDS = 0.001


class Gate:
    """The gate of one link. Requests pass in the order in which they came."""

    __slots__ = (
        "_changed",
        "_clock",
        "_limits",
        "_resting",
        "_taken",
        "_turn",
        "running",
        "waiting",
    )

    def __init__(self, limits: PartnerLimits, clock: Clock) -> None:
        self._limits = limits
        self._clock = clock
        self._resting: deque[float] = deque()
        self._taken = 0
        self._turn: asyncio.Lock | None = None
        self._changed: asyncio.Event | None = None
        self.running = 0
        self.waiting = 0

    def try_enter(self) -> bool:
        """Pass if that needs no waiting."""
        if self.waiting or not self._has_room():
            return False
        self._take()
        return True

    async def enter(self) -> None:
        """Wait for the turn and pass."""
        if self._turn is None or self._changed is None:
            self._turn, self._changed = asyncio.Lock(), asyncio.Event()
        self.waiting += 1
        try:
            async with self._turn:
                while not self._has_room():
                    await self._room_may_be(self._changed)
                self._take()
        finally:
            self.waiting -= 1

    def answered(self) -> None:
        """Let the token of a request rest, because its answer began."""
        self._taken -= 1
        if self._limits.requests is not None:
            rest = self._limits.period.total_seconds() + MARGIN_SECONDS
            self._resting.append(self._clock.monotonic() + rest)
            self._wake()

    def unused(self) -> None:
        """Give a token back at once, because nothing was sent."""
        self._taken -= 1
        self._wake()

    def leave(self) -> None:
        """Say that a request is over."""
        self.running -= 1
        self._wake()

    @property
    def is_idle(self) -> bool:
        """Say whether nobody is in the gate or before it."""
        return not self.running and not self.waiting

    @property
    def rested_at(self) -> float:
        """When the last resting token is back, on the monotonic clock."""
        return self._resting[-1] if self._resting else 0.0

    def _has_room(self) -> bool:
        if self.running >= self._limits.concurrent:
            return False
        allowed = self._limits.requests
        return allowed is None or self._taken + self._count_resting() < allowed

    def _count_resting(self) -> int:
        resting = self._resting
        if resting:
            now = self._clock.monotonic()
            while resting and resting[0] <= now:
                resting.popleft()
        return len(resting)

    def _take(self) -> None:
        self.running += 1
        self._taken += 1

    def _wake(self) -> None:
        if self._changed is not None:
            self._changed.set()

    async def _room_may_be(self, changed: asyncio.Event) -> None:
        """Wait for a request to end or, when only tokens are missing, for the next one back."""
        if self.running < self._limits.concurrent and self._resting:
            wait = self._resting[0] - self._clock.monotonic()
            await self._clock.sleep(max(wait, SHORTEST_WAIT_SECONDS))
        else:
            changed.clear()
            await changed.wait()


class Gates:
    """The gates of a partner's links, made when needed and dropped when idle."""

    def __init__(self, limits: PartnerLimits, clock: Clock) -> None:
        self._limits = limits
        self._clock = clock
        self._gates: dict[LinkKey, Gate] = {}
        self._idle: dict[LinkKey, Gate] = {}

    def __len__(self) -> int:
        return len(self._gates)

    def of(self, link: LinkKey) -> Gate:
        """Give the gate of a link; it must be entered before the next await."""
        gate = self._gates.get(link)
        if gate is None:
            gate = self._gates[link] = Gate(self._limits, self._clock)
        else:
            self._idle.pop(link, None)
        return gate

    def settle(self, link: LinkKey, gate: Gate) -> None:
        """Note that a request left its gate, and drop gates that have come to rest."""
        if gate.is_idle:
            self._idle[link] = gate
            self._drop_rested()

    def _drop_rested(self) -> None:
        now = self._clock.monotonic()
        while self._idle:
            link, gate = next(iter(self._idle.items()))
            if gate.rested_at > now:
                return
            del self._idle[link], self._gates[link]
