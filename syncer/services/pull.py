"""A pass: pull page after page over one link, store each, then fetch what the records announced."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Collection
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from functools import partial

from syncer.domain import links
from syncer.domain.errors import (
    ConflictError,
    NotFoundError,
    PageLoopError,
    PartnerTimeoutError,
    PayloadError,
    RateLimitedError,
)
from syncer.domain.links import LinkKey, LinkState
from syncer.domain.passes import Pass, PassTrigger
from syncer.domain.records import Kind, Record, RecordKey
from syncer.domain.stored import SealedCredential
from syncer.observability import log_context
from syncer.observability.crash_points import crash_point
from syncer.ports.ambient import Clock, Ids
from syncer.ports.plugins import ConnectorRegistry
from syncer.ports.store import Store, UnitOfWork
from syncer.sdk import Connector, Page
from syncer.services.attachments import AttachmentService
from syncer.services.fixed_records import CONTRADICTS, contradicts
from syncer.services.guard import (
    HUNG,
    USUAL_PATIENCE,
    Patience,
    guarded,
    guarded_apart,
    set_aside,
    watched,
)
from syncer.services.leftovers import LeftoverRecords
from syncer.services.live import LivePass, PassBoard
from syncer.services.opening import AnyConnector, AnyLink, LinkOpener
from syncer.services.page import PageStorer
from syncer.services.pass_end import PassEnd, Progress
from syncer.services.settling import settle

LONGEST_LISTING_SECONDS = 600
"""After which no further page is begun; each call of the connector is bounded by itself."""
MOST_PAGES = 10_000
LONG_LISTINGS_AT_ONCE = 8
"""Of one partner, where the store is what they wait for. A page is held until it is stored, so that
a first load of many links would fill the memory; eight keep the writer busy."""

_WHY_NOT = {
    LinkState.UNCONFIGURED: ("link_unconfigured", "The link has no credentials yet."),
    LinkState.PAUSED: ("link_paused", "The link is paused; resume it first."),
    LinkState.CREDENTIALS_REJECTED: (
        "credentials_rejected",
        "The partner refused the link's credentials; resume the link or have them reset.",
    ),
    LinkState.SUPERSEDED: ("superseded", "Another connector has taken this one's place."),
    LinkState.UNAVAILABLE: ("link_unavailable", "The link is unavailable."),
}


def require_active(link: links.Link) -> None:
    """Refuse a link that cannot run.

    Raises:
        ConflictError: with the code that says why.
    """
    if link.state is not LinkState.ACTIVE:
        code, text = _WHY_NOT[link.state]
        raise ConflictError(code, text)


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedLink:
    """A link with all that a pass needs to work on it."""

    stored: links.Link
    connector: AnyConnector
    link: AnyLink


@dataclass(frozen=True, slots=True, kw_only=True)
class PullService:
    """Runs passes. At most one works on a link at any time; the board sees to that."""

    store: Store
    registry: ConnectorRegistry
    opener: LinkOpener
    pages: PageStorer
    leftovers: LeftoverRecords
    attachments: AttachmentService
    board: PassBoard
    end: PassEnd
    clock: Clock
    ids: Ids
    patience: Patience = USUAL_PATIENCE
    _long: defaultdict[str, asyncio.Semaphore] = field(
        default_factory=lambda: defaultdict(lambda: asyncio.Semaphore(LONG_LISTINGS_AT_ONCE))
    )

    async def run(self, live: LivePass) -> None:
        """Run a pass from the board to its end. Raises nothing but its own cancelling."""
        if not live.take():
            return
        progress = Progress()
        key = live.key
        context = log_context(pass_id=live.pass_.id, connector=key.connector, repairer=key.repairer)
        with context, watched(self.patience, lambda: self._hung(live)):
            await self.end.watch(live, progress, self._run(live, progress))

    async def _run(self, live: LivePass, progress: Progress) -> None:
        live.check_cancel()
        await self.end.begin(live)
        opened = await self._open(live, progress)
        progress.began = True
        if opened.stored.has_leftovers:
            done = await self.leftovers.complete(live.key, opened.connector, opened.link)
            live.pass_.counts += done
            await self._fetch(live, opened, progress)
        cursor = await self._start(opened)
        while True:
            live.wants_listing_again = False
            before = live.pass_.counts
            reached = await self._list_pages(live, opened, cursor)
            if live.pass_.counts.delayed == before.delayed:
                progress.cursor = cursor = reached
            crash_point("listing-ended")
            if live.pass_.counts.imported > before.imported:
                await self._fetch(live, opened, progress)
            if not live.wants_listing_again:
                return

    async def _fetch(self, live: LivePass, opened: OpenedLink, progress: Progress) -> None:
        fetched = await self.attachments.fetch_pending(live.key, opened.connector, opened.link)
        live.pass_.counts.attachments += fetched.stored
        progress.is_partial |= not fetched.is_whole

    async def _open(self, live: LivePass, progress: Progress) -> OpenedLink:
        if live.link is None or live.sealed is None:
            live.link, live.sealed = await self._load(live.key)
        link, sealed = live.link, live.sealed
        progress.generation = link.generation
        require_active(link)
        if link.hold_until is not None and link.hold_until > self.clock.now():
            text = "The partner asked to be left alone for a while."
            raise RateLimitedError(text, retry_at=link.hold_until)
        connector = self.registry.usable(live.key.connector)
        opened = self.opener.open(link, sealed, correlation_id=live.pass_.id)
        opened = replace(opened, ask_held=partial(self._held, live.key))
        return OpenedLink(stored=link, connector=connector, link=opened)

    async def _load(self, key: LinkKey) -> tuple[links.Link, SealedCredential]:
        async with self.store.read() as uow:
            found = await uow.links.with_credential(key)
        if found is None:
            raise NotFoundError("There is no such link.")
        link, sealed = found
        require_active(link)
        if sealed is None:
            raise ConflictError(*_WHY_NOT[LinkState.UNCONFIGURED])
        return link, sealed

    async def _held(self, key: LinkKey, kind: Kind, but: Collection[str]) -> list[str]:
        """Give what the store holds of a kind, for connectors that compare."""
        async with self.store.read() as uow:
            return await uow.records.refs(key, kind, but=but)

    def _hung(self, live: LivePass) -> None:
        set_aside(self.registry, live.key.connector, HUNG)
        self.end.give_up(live)

    async def _start(self, opened: OpenedLink) -> str | None:
        """Give the cursor to begin with; the very first pass asks the connector for it."""
        stored, link = opened.stored, opened.link
        if stored.cursor is not None:
            return stored.cursor
        if link.start_date is None and stored.activation_cursor is not None:
            return stored.activation_cursor
        first = await guarded(opened.connector.first_cursor(link))
        if link.start_date is None and first is not None:
            await self._note_activation(stored.key, first)
        return first

    async def _note_activation(self, key: LinkKey, cursor: str) -> None:
        """Keep where the link began, so that a first pass that fails begins there again."""

        async def write(uow: UnitOfWork) -> None:
            await uow.links.note_activation(key, cursor)

        await self.store.write(write)

    async def _list_pages(
        self, live: LivePass, opened: OpenedLink, cursor: str | None
    ) -> str | None:
        """Pull and store one whole listing; gives the cursor for the next one."""
        seen = {cursor}
        until = self.clock.monotonic() + LONGEST_LISTING_SECONDS
        is_long = opened.stored.cursor is None
        waits_for_store = _waits_for_store(live, opened)
        while True:
            is_bounded = is_long and waits_for_store
            async with self._long[live.key.connector] if is_bounded else nullcontext():
                cursor, is_long = await self._list_page(live, opened, cursor)
            if not is_long:
                return cursor
            live.announce()
            await asyncio.sleep(0)  # pages that come from memory would keep everybody waiting
            live.check_cancel()
            if cursor in seen or len(seen) >= MOST_PAGES:
                raise PageLoopError("the listing does not come to an end")
            seen.add(cursor)
            if self.clock.monotonic() > until:
                text = "The listing took longer than a pass may; what was stored stays."
                raise PartnerTimeoutError(text)

    async def _list_page(
        self, live: LivePass, opened: OpenedLink, cursor: str | None
    ) -> tuple[str | None, bool]:
        """Pull, store and settle one page, and hold it no longer; gives cursor and ``has_more``.

        A page of which something is delayed is not settled: it comes again.
        """
        page = await guarded(opened.connector.pull(opened.link, cursor))
        crash_point("page-pulled")
        taken = await self.pages.take(live.key, opened.connector, opened.link, page)
        live.pass_.counts += taken
        crash_point("page-stored")
        if not taken.delayed:
            await settle(opened.connector, opened.link, page)
        opened.link.forget()
        live.pass_.pages += 1
        return page.next_cursor or cursor, page.has_more

    async def reread(self, key: LinkKey, record: RecordKey) -> None:
        """Ask the partner for one object again and take it in as a page would.

        Raises:
            NotFoundError: the partner cannot be asked for a single object.
            PayloadError: it still cannot be read.
            ConflictError: the link cannot run.
        """
        while (other := self.board.of_link(key)) is not None:
            await other.ended()
        live = self._own_live(key)
        self.board.put(live)
        try:
            opened = await self._open(live, Progress())
            found = await guarded_apart(
                opened.connector.reread(opened.link, record),
                self.patience,
                lambda: set_aside(self.registry, key.connector, HUNG),
            )
            await self._refuse_contradiction(key, opened.connector, found)
            page = Page(records=[found], originals=[b""])
            await self.pages.take(key, opened.connector, opened.link, page)
            await self._resolve(key, record)
            await self.attachments.fetch_pending(key, opened.connector, opened.link)
        finally:
            self.board.remove(live)
            live.close()

    async def _refuse_contradiction(
        self, key: LinkKey, connector: AnyConnector, found: object
    ) -> None:
        if connector.fixed_records and isinstance(found, Record):
            async with self.store.read() as uow:
                if await contradicts(uow, key, connector, found):
                    raise PayloadError(CONTRADICTS)

    def _own_live(self, key: LinkKey) -> LivePass:
        now = self.clock.now()
        pass_ = Pass(id=self.ids.new(), link=key, trigger=PassTrigger.REFRESH, created_at=now)
        return LivePass(pass_=pass_, kept=False, is_taken=True)

    async def _resolve(self, key: LinkKey, record: RecordKey) -> None:
        at = self.clock.now()

        async def write(uow: UnitOfWork) -> None:
            await uow.quarantine.resolve(key, [record], at)

        await self.store.write(write)


def _waits_for_store(live: LivePass, opened: OpenedLink) -> bool:
    """Say whether a listing may wait for others.

    A refresh waits for nobody, and one whose records are completed waits for its own partner's
    limits: bounding those would only make each other wait.
    """
    completes = type(opened.connector).complete is not Connector.complete
    return live.pass_.trigger is PassTrigger.SCHEDULE and not completes
