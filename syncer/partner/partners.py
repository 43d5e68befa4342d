"""All partners of this installation, and the sessions that links get to them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import AsyncExitStack
from datetime import datetime
from functools import partial
from types import TracebackType
from typing import Self

from syncer.domain.errors import NotFoundError, SyncerError
from syncer.domain.links import LinkKey
from syncer.domain.stored import BreakerState
from syncer.observability import Event, get_logger
from syncer.partner.bounds import Bounds
from syncer.partner.breaker import State
from syncer.partner.logins import Kept
from syncer.partner.partner import Partner, Target
from syncer.partner.session import PartnerSession
from syncer.ports.ambient import Chance, Clock
from syncer.ports.sessions import BreakerMemory, RequestMeter, SendingWatch, SignIn

SIGN_OUT_CORRELATION_ID = "sign-out"
"""Of requests that end a login: no pass or delivery makes them."""

_log = get_logger(__name__)


class Partners:
    """Gives sessions to partners; an async context manager that owns their connections.

    Breakers are restored on entering and saved, in the background, whenever they move.
    """

    def __init__(
        self,
        targets: Mapping[str, Target],
        *,
        clock: Clock,
        chance: Chance,
        memory: BreakerMemory,
        meter: RequestMeter | None = None,
        bounds: Bounds | None = None,
    ) -> None:
        self._targets = targets
        self._clock = clock
        self._chance = chance
        self._memory = memory
        self._meter = meter
        self._bounds = bounds or Bounds()
        self._partners: dict[str, Partner] = {}
        self._saving: dict[str, asyncio.Task[None]] = {}
        self._unsaved: dict[str, BreakerState] = {}
        self._owned = AsyncExitStack()

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as owned:
            owned.push_async_callback(self._finish_saving)
            for connector, target in self._targets.items():
                partner = self._make(connector, target)
                self._partners[connector] = await owned.enter_async_context(partner)
                owned.push_async_callback(partner.logins.sign_out, partial(_signed_in, partner))
            for saved in await self._memory.load():
                if saved.connector in self._partners:
                    self._partners[saved.connector].breaker.restore(saved)
            self._owned = owned.pop_all()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._owned.aclose()

    def http(
        self,
        link: LinkKey,
        *,
        auth_headers: Mapping[str, str],
        correlation_id: str,
        sign_in: SignIn | None = None,
        watch: SendingWatch | None = None,
    ) -> PartnerSession:
        """Make the session of one pass, check, download or attempt.

        Raises:
            NotFoundError: the link's connector has no partner here.
        """
        partner = self._partner_of(link)
        return PartnerSession(
            partner, link, auth_headers, correlation_id, sign_in=sign_in, watch=watch
        )

    async def sign_out(self, link: LinkKey, *, generation: int | None) -> None:
        """End the login of a link at the partner, if there is one."""
        partner = self._partners.get(link.connector)
        if partner is not None:
            await partner.logins.sign_out(partial(_signed_in, partner), (link, generation))

    def hold(self, link: LinkKey) -> datetime | None:
        """Say until when the partner asked us to leave this link alone, None when it did not."""
        return self._partner_of(link).holds.until(link)

    def _partner_of(self, link: LinkKey) -> Partner:
        partner = self._partners.get(link.connector)
        if partner is None:
            raise NotFoundError(f"There is no partner for connector {link.connector}.")
        return partner

    def _make(self, connector: str, target: Target) -> Partner:
        return Partner(
            connector,
            target,
            clock=self._clock,
            chance=self._chance,
            meter=self._meter,
            bounds=self._bounds,
            breaker_moved=self._breaker_moved,
        )

    def _breaker_moved(self, state: State, remembered: BreakerState) -> None:
        _report(state, remembered)
        connector = remembered.connector
        if self._meter is not None:
            self._meter.breaker_moved(connector, state)
        self._unsaved[connector] = remembered
        if connector not in self._saving:
            saving = asyncio.create_task(self._save(connector), name=f"breaker:{connector}")
            self._saving[connector] = saving

    async def _save(self, connector: str) -> None:
        """Save the newest state; one that cannot be saved lives on in this process alone."""
        try:
            while (state := self._unsaved.pop(connector, None)) is not None:
                await self._memory.save(state)
        except SyncerError:
            self._unsaved.pop(connector, None)
        finally:
            del self._saving[connector]

    async def _finish_saving(self) -> None:
        await asyncio.gather(*self._saving.values())


def _signed_in(partner: Partner, link: LinkKey, kept: Kept) -> PartnerSession:
    """Make a session that carries a login as it is."""
    return PartnerSession(partner, link, kept.headers, SIGN_OUT_CORRELATION_ID)


def _report(state: State, remembered: BreakerState) -> None:
    """Log that the breaker opened, once and not for every failed probe, and that it closed."""
    if state is State.OPEN and remembered.openings == 1:
        _log.warning(
            Event.BREAKER_OPENED,
            connector=remembered.connector,
            until=str(remembered.open_until),
        )
    elif state is State.CLOSED:
        _log.info(Event.BREAKER_CLOSED, connector=remembered.connector)
