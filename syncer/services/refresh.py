"""Refresh now: join the pass that is there or start one ahead of scheduled work; watch, cancel."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from syncer.domain.errors import ConflictError, NotFoundError, VaultSealedError
from syncer.domain.links import Link, LinkKey, LinkState
from syncer.domain.passes import Pass, PassError, PassState, PassTrigger
from syncer.domain.stored import LinkFilter, SealedCredential
from syncer.observability import Event, get_logger
from syncer.observability.crash_points import crash_point
from syncer.ports.ambient import Clock, Ids
from syncer.ports.dispatch import Dispatcher
from syncer.ports.plugins import ConnectorRegistry
from syncer.ports.store import Store, UnitOfWork
from syncer.ports.vault import Vault
from syncer.services.live import LivePass, PassBoard
from syncer.services.pull import PullService, require_active

LINKS_AT_ONCE = 500

_log = get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Joined:
    """A pass that a refresh led to; ``joined`` when it was queued or running already."""

    pass_: Pass
    joined: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wanted:
    """A link to be refreshed, with what was read of it already."""

    key: LinkKey
    link: Link | None = None
    sealed: SealedCredential | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshService:
    """Starts passes on demand, and shows and stops passes of any kind."""

    store: Store
    vault: Vault
    registry: ConnectorRegistry
    dispatcher: Dispatcher
    pull: PullService
    board: PassBoard
    clock: Clock
    ids: Ids

    async def start(self, *, repairer: str | None, connector: str | None) -> list[Joined]:
        """Start or join a pass for one link, or for every active link of what is named.

        A running pass that is joined lists once more before it ends.

        Raises:
            VaultSealedError: nothing can be opened.
            NotFoundError: no such repairer or connector.
            ConflictError: the one link, or every link of the repairer, cannot run; or the connector
                is disabled.
        """
        if self.vault.sealed_reason is not None:
            raise VaultSealedError(self.vault.sealed_reason)
        self.dispatcher.make_way()
        wanted = await self._wanted(repairer, connector)
        passes = [self._join(one.key) or self._queue(one) for one in wanted]
        crash_point("refresh-asked")
        try:
            await self.store.write(_Keep([live for live, _ in passes]).run)
        except BaseException:
            self._take_back([live for live, joined in passes if not joined])
            raise
        crash_point("refresh-kept")
        for live, _ in passes:
            if not live.is_taken:
                self._dispatch(live)
        return [Joined(pass_=live.snapshot(), joined=joined) for live, joined in passes]

    async def _wanted(self, repairer: str | None, connector: str | None) -> list[_Wanted]:
        if connector is not None and not self.registry.usable(connector).pulls:
            text = "Nothing is read from this partner; there is nothing to refresh."
            raise ConflictError("link_unavailable", text)
        if repairer is not None and connector is not None:
            return [await self._one(LinkKey(repairer, connector))]
        if repairer is not None:
            await self._require_repairer(repairer)
        keys = await self._active(repairer, connector)
        if repairer is not None and not keys:
            raise ConflictError("link_unconfigured", "The repairer has no active link.")
        return [_Wanted(key=key) for key in keys]

    async def _require_repairer(self, repairer: str) -> None:
        async with self.store.read() as uow:
            known = await uow.repairers.get(repairer)
        if known is None:
            raise NotFoundError("There is no such repairer.")

    async def _one(self, key: LinkKey) -> _Wanted:
        async with self.store.read() as uow:
            found = await uow.links.with_credential(key)
        if found is None:
            await self._require_repairer(key.repairer)
            raise NotFoundError("There is no such link.")
        link, sealed = found
        require_active(link)
        return _Wanted(key=key, link=link, sealed=sealed)

    async def _active(self, repairer: str | None, connector: str | None) -> list[LinkKey]:
        usable = [
            one.name
            for one in self.registry.all()
            if one.connector is not None and one.connector.pulls
        ]
        wanted = LinkFilter(
            enabled=usable,
            repairers=(repairer,) if repairer else None,
            connectors=(connector,) if connector else None,
            states=(LinkState.ACTIVE,),
        )
        keys: list[LinkKey] = []
        found: list[Link] = []
        while not keys or len(found) == LINKS_AT_ONCE:
            async with self.store.read() as uow:
                found = await uow.links.find(
                    wanted, after=keys[-1] if keys else None, limit=LINKS_AT_ONCE
                )
            if not found:
                break
            keys.extend(link.key for link in found)
        return keys

    def _join(self, key: LinkKey) -> tuple[LivePass, bool] | None:
        live = self.board.of_link(key)
        if live is None:
            return None
        live.kept = True
        live.wants_listing_again = live.is_taken
        if not live.is_taken:
            live.link = live.sealed = None  # what was read when it was queued may be old by now
        return live, True

    def _queue(self, wanted: _Wanted) -> tuple[LivePass, bool]:
        now = self.clock.now()
        pass_ = Pass(
            id=self.ids.new(), link=wanted.key, trigger=PassTrigger.REFRESH, created_at=now
        )
        live = LivePass(pass_=pass_, kept=True, link=wanted.link, sealed=wanted.sealed)
        self.board.put(live)
        return live, False

    def _take_back(self, lives: Sequence[LivePass]) -> None:
        """Take passes off the board that nobody will start, so that the next refresh makes new."""
        for live in lives:
            if live.take():
                self.board.remove(live)
                live.close()

    def _dispatch(self, live: LivePass) -> None:
        self.dispatcher.start(live.key.connector, lambda: self.pull.run(live), on_demand=True)

    async def wait(self, ids: Sequence[str], seconds: float) -> bool:
        """Wait until passes have ended; False when the time was over before."""
        lives = [live for id_ in ids if (live := self.board.by_id(id_)) is not None]
        try:
            async with asyncio.timeout(seconds):
                for live in lives:
                    await live.ended()
        except TimeoutError:
            return False
        return True

    async def get(self, id_: str) -> Pass:
        """Give a pass as it stands now.

        Raises:
            NotFoundError: there is none, or it was an idle scheduled one.
        """
        live = self.board.by_id(id_)
        if live is not None:
            return live.snapshot()
        async with self.store.read() as uow:
            pass_ = await uow.passes.get(id_)
        if pass_ is None:
            raise NotFoundError("There is no such pass.")
        return pass_

    async def find(
        self,
        *,
        repairers: tuple[str, ...] | None,
        connectors: tuple[str, ...] | None,
        states: tuple[str, ...] | None,
        after: str | None,
        limit: int,
    ) -> tuple[list[Pass], int]:
        """List kept passes, newest first, with the exact total."""
        async with self.store.read() as uow:
            found = await uow.passes.find(
                repairers=repairers,
                connectors=connectors,
                states=states,
                after=after,
                limit=limit,
            )
            total = await uow.passes.count(
                repairers=repairers, connectors=connectors, states=states
            )
        lives = (self.board.by_id(pass_.id) for pass_ in found)
        shown = [
            live.snapshot() if live is not None else pass_
            for live, pass_ in zip(lives, found, strict=True)
        ]
        return shown, total

    async def watch(self, id_: str) -> AsyncIterator[Pass]:
        """Give a pass each time it has moved on, and last when it has ended.

        Raises:
            NotFoundError: there is no such pass.
        """
        live = self.board.by_id(id_)
        if live is None:
            yield await self.get(id_)
            return
        while True:
            shown = live.snapshot()
            yield shown
            if shown.state.has_ended:
                return
            if not live.pass_.state.has_ended:
                await live.moved()

    async def cancel(self, id_: str) -> Pass:
        """Stop a pass after the page in hand; a queued one at once.

        Raises:
            NotFoundError: there is no such pass.
            ConflictError: ``pass_ended``.
        """
        pass_ = await self.get(id_)
        live = self.board.by_id(id_)
        if live is None or pass_.state.has_ended:
            raise ConflictError("pass_ended", "The pass has ended already.")
        live.wants_cancel = True
        if not live.is_taken:
            await self.pull.run(live)
        return live.snapshot()

    async def recover(self) -> None:
        """End the passes that an earlier process left behind; called once at start."""
        now = self.clock.now()
        error = PassError(code="interrupted", text="The program stopped before the pass ended.")

        async def write(uow: UnitOfWork) -> int:
            unended = await uow.passes.unended()
            for pass_ in unended:
                pass_.state, pass_.error, pass_.ended_at = PassState.FAILED, error, now
                await uow.passes.save(pass_)
            return len(unended)

        crash_point("passes-before-recovery")
        if abandoned := await self.store.write(write):
            _log.info(Event.PASSES_ABANDONED, passes=abandoned)


@dataclass(frozen=True, slots=True)
class _Keep:
    """Gives passes a row, unless the pass has written one itself meanwhile."""

    lives: Sequence[LivePass]

    async def run(self, uow: UnitOfWork) -> None:
        for live in self.lives:
            if await uow.passes.get(live.pass_.id) is None:
                await uow.passes.save(live.snapshot())
