"""The services of credentials over a real store and vault, with a played partner on loopback."""

from __future__ import annotations

import asyncio
import base64
import os
import sqlite3
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from pydantic import Field

from syncer.dispatch.ambient import SystemChance
from syncer.domain.errors import ConflictError, NotFoundError
from syncer.domain.feed import FeedEntry
from syncer.domain.links import Link, LinkKey
from syncer.domain.records import Kind
from syncer.domain.stored import AuditEntry, BreakerState, Repairer, SealedCredential
from syncer.partner import FolderRoots, Partners, Target
from syncer.ports.plugins import ConnectorState, Installed
from syncer.ports.store import Store, UnitOfWork
from syncer.sdk import Connector, Credentials, Page, PartnerLimits, Secret, Settings
from syncer.sdk import Link as OpenLink
from syncer.services.audit import AuditTrail, DecryptTally
from syncer.services.keys import KeyRotation
from syncer.services.opening import LinkOpener
from syncer.services.register import Registered, Registration
from syncer.services.reset import CredentialReset
from syncer.services.settings import SettingsInForce
from syncer.testing import FakeClock, serve_app
from syncer.vault import KeyRingVault, open_vault
from tests.stores import opened_store

LINK = LinkKey("garage-7", "door")
OTHER = LinkKey("garage-8", "door")
GOOD = {"shop": "475869429", "key": "key-good-0123456789"}
LIMITS = PartnerLimits(concurrent=64, source="none: a test")


class DoorCredentials(Credentials):
    shop: str = Field(pattern="^[0-9]+$")
    key: Secret = Field(min_length=8)


class DoorConnector(Connector[DoorCredentials, Settings]):
    """Knocks with its key; a partner that listens says where the first pass starts."""

    name = "door"
    title = "Door"
    version = "1"
    wire_format = "profile"
    kinds = frozenset(Kind)
    credentials = DoorCredentials
    limits = LIMITS

    def auth_headers(self, credentials: DoorCredentials) -> Mapping[str, str]:
        return {"X-Api-Key": credentials.key.get_secret_value()}

    async def check(self, link: OpenLink[DoorCredentials, Settings]) -> None:
        await link.http.request("GET", "/check")

    async def first_cursor(self, link: OpenLink[DoorCredentials, Settings]) -> str | None:
        answer = await link.http.request("GET", "/cursor")
        return answer.body.decode()

    async def pull(self, link: OpenLink[DoorCredentials, Settings], cursor: str | None) -> Page:
        return Page()


class DoorRegistry:
    def __init__(self) -> None:
        self.installed = {
            "door": _installed("door", ConnectorState.READY, DoorConnector()),
            "off": _installed("off", ConnectorState.DISABLED),
        }

    def all(self) -> Sequence[Installed]:
        return list(self.installed.values())

    def get(self, name: str) -> Installed:
        if name not in self.installed:
            raise NotFoundError("There is no such connector.")
        return self.installed[name]

    def usable(self, name: str) -> Connector[Any, Any]:
        installed = self.get(name)
        if installed.connector is None:
            raise ConflictError("link_unavailable", "not now")
        return installed.connector

    def quarantine(self, name: str, reason: str) -> None:
        self.installed[name] = _installed(name, ConnectorState.QUARANTINED, reason=reason)


def _installed(
    name: str,
    state: ConnectorState,
    connector: Connector[Any, Any] | None = None,
    reason: str | None = None,
) -> Installed:
    is_enabled = state is not ConnectorState.DISABLED
    return Installed(
        name=name, enabled=is_enabled, state=state, reason=reason, connector=connector, table={}
    )


@dataclass
class PlayedDoor:
    """The partner: knows one key; may be told to answer something else."""

    knocks: list[str] = field(default_factory=list)
    status: int | None = None
    cursor_status: int = 200
    wait: asyncio.Event | None = None

    async def answer(self, request: web.Request) -> web.Response:
        self.knocks.append(request.path)
        if self.wait is not None:
            await self.wait.wait()
        if self.status is not None:
            return web.Response(status=self.status)
        if request.headers.get("X-Api-Key") != GOOD["key"]:
            return web.Response(status=401)
        if request.path == "/cursor":
            return web.Response(status=self.cursor_status, text="cursor-1")
        return web.Response(text="{}")


class NoMemory:
    async def load(self) -> Sequence[BreakerState]:
        return ()

    async def save(self, state: BreakerState) -> None:
        """A breaker of a test is not kept."""


class RushingClock(FakeClock):
    """A wait passes at once."""

    async def sleep(self, seconds: float) -> None:
        self.advance(timedelta(seconds=seconds))
        await asyncio.sleep(0)


@dataclass
class Desk:
    """The services of credentials, and ways to look behind them."""

    store: Store
    database: Path
    vault: KeyRingVault
    sessions: Partners
    door: PlayedDoor
    clock: FakeClock
    registry: DoorRegistry = field(default_factory=DoorRegistry)

    def __post_init__(self) -> None:
        self.tally = DecryptTally(self.store, self.vault, self.clock)
        self.opener = LinkOpener(
            registry=self.registry,
            vault=self.vault,
            sessions=self.sessions,
            folders=FolderRoots({}, clock=self.clock),
            settings=SettingsInForce(
                groups={}, from_env={}, default_interval=timedelta(minutes=15)
            ),
            tally=self.tally.opened,
        )
        self.registration = Registration(
            store=self.store,
            registry=self.registry,
            vault=self.vault,
            opener=self.opener,
            clock=self.clock,
        )
        self.resets = CredentialReset(store=self.store, vault=self.vault, clock=self.clock)
        self.rotation = KeyRotation(store=self.store, vault=self.vault, clock=self.clock)
        self.trail = AuditTrail(store=self.store, vault=self.vault)

    async def register(
        self, body: Mapping[str, Any] = GOOD, link: LinkKey = LINK, **options: Any
    ) -> Registered:
        options.setdefault("verify", True)
        return await self.registration.register(link, body, correlation_id="request-1", **options)

    async def link(self, key: LinkKey = LINK) -> Link:
        async with self.store.read() as uow:
            link = await uow.links.get(key)
        assert link is not None
        return link

    async def sealed(self, key: LinkKey = LINK) -> SealedCredential | None:
        async with self.store.read() as uow:
            return await uow.credentials.get(key)

    async def audit(self) -> list[AuditEntry]:
        async with self.store.read() as uow:
            return await uow.audit.walk(after=0, limit=1000)

    async def actions(self) -> list[str]:
        """Give the audited actions after those of the start."""
        return [entry.action for entry in await self.audit()][2:]

    async def told(self) -> list[FeedEntry]:
        async with self.store.read() as uow:
            return await uow.feed.read(await uow.feed.tail(), limit=1000)

    def meddle(self, *statements: str) -> None:
        """Change the database behind the program's back, past its triggers, as who owns it can."""
        connection = sqlite3.connect(self.database)
        names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")
        for (name,) in names.fetchall():
            connection.execute(f'DROP TRIGGER "{name}"')
        for statement in statements:
            connection.execute(statement)
        connection.commit()
        connection.close()


def contents(place: Path) -> list[bytes]:
    """Read the files at a place."""
    files = [path for path in (place, *place.glob("*")) if path.is_file()]
    assert files
    return [path.read_bytes() for path in files]


OpenDesk = Callable[..., Any]


@pytest.fixture
def clock() -> FakeClock:
    return RushingClock()


@pytest.fixture
def key_file(tmp_path: Path) -> Callable[[str], Path]:
    def make(name: str) -> Path:
        path = tmp_path / name
        path.write_bytes(base64.b64encode(os.urandom(32)))
        path.chmod(0o400)
        return path

    return make


@pytest.fixture
def root_key(key_file: Callable[[str], Path]) -> Path:
    return key_file("root.key")


@pytest.fixture
async def door() -> PlayedDoor:
    return PlayedDoor()


@pytest.fixture
async def sessions(door: PlayedDoor, clock: FakeClock) -> AsyncIterator[Partners]:
    app = web.Application()
    app.router.add_get("/{path:.*}", door.answer)
    async with serve_app(app) as base_url:
        targets = {"door": Target(base_url=base_url, allow_insecure=True, limits=LIMITS)}
        async with Partners(
            targets, clock=clock, chance=SystemChance(), memory=NoMemory()
        ) as partners:
            yield partners


@pytest.fixture
def database(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    return tmp_path / "data" / "syncer.db"


@pytest.fixture
async def store(database: Path, clock: FakeClock) -> AsyncIterator[Store]:
    async with opened_store(database, clock) as store:

        async def furnish(uow: UnitOfWork) -> None:
            prefilled = {"door": {"shop": GOOD["shop"], "unknown": "x"}}
            await uow.repairers.put(Repairer(id="garage-7", name="Seven"))
            await uow.repairers.put(Repairer(id="garage-8", name="Eight", prefilled=prefilled))
            await uow.links.ensure(["door"])

        await store.write(furnish)
        yield store


@pytest.fixture
def open_desk(
    store: Store, database: Path, sessions: Partners, door: PlayedDoor, clock: FakeClock
) -> OpenDesk:
    """Open the services with key files, as a start does."""

    async def start(key_file: Path | None, *retired: Path) -> Desk:
        vault = await open_vault(store, key_file, retired, clock=clock)
        return Desk(store, database, vault, sessions, door, clock)

    return start


@pytest.fixture
async def desk(open_desk: OpenDesk, root_key: Path) -> Desk:
    opened: Desk = await open_desk(root_key)
    return opened
