"""Many links of one HTTP partner under a clock that tests move, wired as the program is."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from aiohttp import web

from syncer.bootstrap.wiring import Ports, Wired, wire
from syncer.config import Settings as HostSettings
from syncer.dispatch.ambient import UuidIds
from syncer.domain.links import LinkKey
from syncer.domain.schedule import next_due
from syncer.domain.stored import BreakerState, Repairer, SealedCredential
from syncer.partner import FolderRoots, Partners, Target
from syncer.ports.store import Store, UnitOfWork
from syncer.sdk import Connector, Kind, Link, Page, PartnerLimits, Settings
from syncer.store import FileBlobStore, open_store, sqlite_url
from syncer.testing import FakeClock, serve_app
from tests.sync.world import NoCredentials, OneConnector, OpenVault

INTERVAL = timedelta(minutes=15)
TICK = timedelta(seconds=10)
_STILL_LOOKS = 4
_LOOK_SECONDS = 0.002


class Listed(Connector[NoCredentials, Settings]):
    """Asks its partner one question a pass."""

    name = "listed"
    title = "Listed"
    version = "1"
    wire_format = "profile"
    kinds = frozenset({Kind.MISSION})
    credentials = NoCredentials
    limits = PartnerLimits(concurrent=4, source="none")

    def auth_headers(self, credentials: NoCredentials) -> Mapping[str, str]:
        """Nothing is sent."""
        return {}

    async def check(self, link: Link[NoCredentials, Settings]) -> None:
        """All is well."""

    async def pull(self, link: Link[NoCredentials, Settings], cursor: str | None) -> Page:
        """Ask for the list, which is empty."""
        await link.http.request("GET", f"/list/{link.repairer}")
        return Page(next_cursor="1")


class MiddleChance:
    """Chance without chance."""

    def uniform(self, low: float, high: float) -> float:
        """Give the middle."""
        return (low + high) / 2


class ForgetfulMemory:
    """Breakers are not restarted here."""

    async def load(self) -> Sequence[BreakerState]:
        """Give none."""
        return []

    async def save(self, state: BreakerState) -> None:
        """Forget it."""


@dataclass
class Countryside:
    """The partner, and the host with its links; ``asked`` are the instants of all requests."""

    clock: FakeClock
    wired: Wired
    store: Store
    is_down: bool = False
    asked: list[tuple[datetime, str, bool]] = field(default_factory=list)

    async def live(self, length: timedelta, *, sweeps: bool = True) -> None:
        """Let time pass tick by tick, with all that is due in it."""
        for _ in range(int(length / TICK)):
            self.clock.advance(TICK)
            while sweeps and await self.wired.sweep.sweep():
                await self._rest()
            await self._rest()

    async def _rest(self) -> None:
        """Wait until nothing moves but what waits for the clock."""
        board, still, before = self.wired.services.refresh.board, 0, (-1, -1, -1)
        while len(board) and still < _STILL_LOOKS:
            await asyncio.sleep(_LOOK_SECONDS)
            now = (len(board), len(self.asked), self.clock.sleepers)
            still, before = (still + 1 if now == before else 0), now

    async def answer(self, request: web.Request) -> web.Response:
        """Play the partner."""
        link = request.path.rpartition("/")[2]
        self.asked.append((self.clock.now(), link, not self.is_down))
        return web.Response(status=503 if self.is_down else 200, text="[]")

    def a_minute(self, since: datetime, until: datetime) -> list[int]:
        """Count the requests of each minute between two instants."""
        minutes = int((until - since) / timedelta(minutes=1))
        counted = Counter(
            int((at - since) / timedelta(minutes=1)) for at, _, _ in self.asked if at >= since
        )
        return [counted[minute] for minute in range(minutes)]

    def answered_since(self, since: datetime) -> set[str]:
        """Give the links that were answered well since an instant."""
        return {link for at, link, is_good in self.asked if is_good and at >= since}


@asynccontextmanager
async def countryside(folder: Path, links: int) -> AsyncIterator[Countryside]:
    """Furnish and open it."""
    clock, ids = FakeClock(), UuidIds()
    places: list[Countryside] = []

    async def answer(request: web.Request) -> web.Response:
        return await places[0].answer(request)

    app = web.Application()
    app.router.add_get("/list/{link}", answer)
    async with (
        serve_app(app) as base_url,
        open_store(sqlite_url(folder / "syncer.db"), clock=clock, ids=ids) as store,
        partners_at(base_url, clock) as partners,
    ):
        await store.write(lambda uow: furnish(uow, links, clock.now()))
        registry: Any = OneConnector(Listed())
        vault: Any = OpenVault()
        ports = Ports(
            store=store,
            blobs=FileBlobStore(folder / "files"),
            vault=vault,
            registry=registry,
            sessions=partners,
            folders=FolderRoots({}, clock=clock),
            clock=clock,
            ids=ids,
        )
        wired = wire(ports, HostSettings(data_dir=folder), started_at=clock.now())
        places.append(Countryside(clock, wired, store))
        async with wired.dispatcher:
            yield places[0]
            await wired.idle.flush()


@asynccontextmanager
async def partners_at(base_url: str, clock: FakeClock) -> AsyncIterator[Partners]:
    target = Target(base_url=base_url, allow_insecure=True, limits=Listed.limits)
    async with Partners(
        {Listed.name: target}, clock=clock, chance=MiddleChance(), memory=ForgetfulMemory()
    ) as partners:
        yield partners


async def furnish(uow: UnitOfWork, links: int, now: datetime) -> None:
    """Make links with credentials, spread over the interval as registering them does."""
    for number in range(links):
        await uow.repairers.put(Repairer(id=f"garage-{number}", name="Garage"))
    await uow.links.ensure([Listed.name])
    for number in range(links):
        key = LinkKey(f"garage-{number}", Listed.name)
        sealed = SealedCredential(
            id=number.to_bytes(16),
            link=key,
            generation=1,
            schema="listed@1",
            fields=("token",),
            payload=b"p",
            kid=b"k" * 8,
            wrapped_key=b"w",
            created_at=now,
        )
        await uow.credentials.add(sealed)
        due = next_due(key, now, INTERVAL)
        await uow.links.configured(key, generation=1, next_due_at=due, activation_cursor="0")
