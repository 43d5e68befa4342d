"""One partner: its connection pool, limits, holds, breaker and retry budget."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import aiohttp

from syncer.domain.links import LinkKey
from syncer.domain.stored import BreakerState
from syncer.partner.bounds import Bounds
from syncer.partner.breaker import Breaker, State
from syncer.partner.egress import make_public_socket
from syncer.partner.holds import Holds
from syncer.partner.limiter import SHORTEST_WAIT_SECONDS, Gate, Gates
from syncer.partner.logins import Logins
from syncer.partner.request import Request, base_of
from syncer.partner.retry import RetryPolicy
from syncer.partner.tally import Tally
from syncer.ports.ambient import Chance, Clock
from syncer.ports.sessions import RequestMeter
from syncer.sdk.http import PartnerLimits

LARGE_BODY_BYTES = 1_048_576
_KEEP_ALIVE_SECONDS = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where a connector's partner is and what it allows; ``base_url`` was checked before."""

    base_url: str
    allow_insecure: bool = False
    limits: PartnerLimits


class Permit:
    """Leave to make one request; every one ends with ``end`` or ``abandon``."""

    __slots__ = ("_gate", "_is_resting", "_link", "_partner", "has_slot", "is_probe")

    def __init__(self, partner: Partner, link: LinkKey, gate: Gate) -> None:
        self._partner = partner
        self._link = link
        self._gate = gate
        self._is_resting = False
        self.has_slot = False
        self.is_probe = False

    def answered(self) -> None:
        """Say that the answer began."""
        self._is_resting = True
        self._gate.answered()

    def end(self, *, failed: bool | None) -> None:
        """Say how the request ended; None when it was given up by us and tells nothing."""
        if not self._is_resting:
            self._gate.answered()
        self._leave()
        breaker = self._partner.breaker
        if failed is not None:
            breaker.record(failed=failed, probe=self.is_probe)
        elif self.is_probe:
            breaker.abandon_probe()

    def abandon(self) -> None:
        """Give the permit back unused."""
        self._gate.unused()
        self._leave()

    def _leave(self) -> None:
        self._gate.leave()
        self._partner.gates.settle(self._link, self._gate)
        if self.has_slot and self._partner.slots is not None:
            self._partner.slots.release()


class Partner:
    """What all links of one partner share. An async context manager that owns the connections."""

    def __init__(
        self,
        connector: str,
        target: Target,
        *,
        clock: Clock,
        chance: Chance,
        meter: RequestMeter | None,
        bounds: Bounds,
        breaker_moved: Callable[[State, BreakerState], None],
    ) -> None:
        self.connector = connector
        self.base = base_of(target.base_url)
        self.clock = clock
        self.meter = meter
        self.bounds = bounds
        self.holds = Holds(clock)
        self.gates = Gates(target.limits, clock)
        self.logins = Logins()
        tally = Tally(clock)
        self.retry = RetryPolicy(clock=clock, chance=chance, tally=tally)
        self.breaker = Breaker(
            connector, clock=clock, chance=chance, tally=tally, moved=breaker_moved
        )
        most = target.limits.partner_concurrent
        self.slots = asyncio.Semaphore(most) if most is not None else None
        self._allow_insecure = target.allow_insecure
        self.timeout = aiohttp.ClientTimeout(
            total=bounds.deadline.total_seconds(), sock_connect=bounds.connect.total_seconds()
        )
        self._http: aiohttp.ClientSession | None = None

    def timeout_for(self, request: Request) -> aiohttp.ClientTimeout:
        """Give the bounds of one attempt; what is large to send gets the time that it takes."""
        body_bytes = request.body_bytes
        if body_bytes <= LARGE_BODY_BYTES:
            return self.timeout
        total = self.bounds.deadline.total_seconds()
        total += body_bytes / self.bounds.slowest_upload_bytes_per_second
        return aiohttp.ClientTimeout(total=total, sock_connect=self.timeout.sock_connect)

    @property
    def http(self) -> aiohttp.ClientSession:
        """The partner's connections."""
        assert self._http is not None, "the partner is used outside its context"
        return self._http

    async def __aenter__(self) -> Self:
        connector = aiohttp.TCPConnector(
            limit=0,  # the gates and the dispatcher bound what is under way
            keepalive_timeout=_KEEP_ALIVE_SECONDS,
            socket_factory=None if self._allow_insecure else make_public_socket,
        )
        self._http = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
            timeout=self.timeout,
        )
        # aiohttp sends an idempotent request a second time, unasked, when the connection breaks:
        # beyond our limits and our retry policy. It has no public switch (aiohttp 3.14).
        self._http._retry_connection = False  # noqa: SLF001
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.http.close()

    async def admit(self, link: LinkKey) -> Permit:
        """Wait for leave to make one request of a link.

        Raises:
            RateLimitedError: the partner asked us to leave the link alone for longer.
            PartnerUnavailableError: the circuit breaker is open.
        """
        self.holds.pause(link)
        self.breaker.check()
        gate = self.gates.of(link)
        if not gate.try_enter():
            try:
                await gate.enter()
            except BaseException:
                self.gates.settle(link, gate)
                raise
        permit = Permit(self, link, gate)
        try:
            await self._wait_for_partner(link, permit)
        except BaseException:
            permit.abandon()
            raise
        return permit

    async def _wait_for_partner(self, link: LinkKey, permit: Permit) -> None:
        if self.slots is not None:
            await self.slots.acquire()
            permit.has_slot = True
        while pause := self.holds.pause(link):
            await self.clock.sleep(max(pause, SHORTEST_WAIT_SECONDS))
        permit.is_probe = self.breaker.admit()
