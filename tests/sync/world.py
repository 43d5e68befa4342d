"""A partner in memory, a connector for it, and the pull service over a real SQLite store."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from pydantic import Field

from syncer.dispatch.ambient import UuidIds
from syncer.domain.errors import PartnerUnavailableError
from syncer.domain.instants import instant_key, parse_instant, to_text
from syncer.domain.links import LinkKey, LinkState
from syncer.domain.passes import Pass, PassTrigger
from syncer.domain.stored import RecordFilter, Repairer, SealedCredential
from syncer.partner import FolderRoots
from syncer.ports.plugins import ConnectorState, Installed
from syncer.ports.store import Store, UnitOfWork
from syncer.sdk import (
    ClaimRef,
    Connector,
    Credentials,
    Kind,
    Link,
    Page,
    PartnerLimits,
    Record,
    Settings,
)
from syncer.services.attachments import AttachmentService
from syncer.services.leftovers import LeftoverRecords
from syncer.services.live import LivePass, PassBoard
from syncer.services.opening import LinkOpener
from syncer.services.outcomes import OutcomeBatch
from syncer.services.page import PageStorer
from syncer.services.pass_end import PassEnd
from syncer.services.pull import PullService
from syncer.services.settings import SettingsInForce
from syncer.store import FileBlobStore
from syncer.testing import FakeClock
from tests.stores import opened_store

KEY = LinkKey("garage-7", "model")
OVERLAP = timedelta(minutes=5)


@dataclass
class ModelObject:
    """An object at the model partner."""

    ref: str
    status: str
    changed_at: datetime
    version: int = 1


@dataclass
class ModelPartner:
    """Lists by (changed_at, ref) from a position; ``between`` happens before each page is read."""

    objects: dict[str, ModelObject] = field(default_factory=dict)
    between: list[Callable[[], None]] = field(default_factory=list)
    fail_in: int | None = None
    page_size: int = 3

    def page(self, since: str, position: list[str] | None) -> tuple[list[ModelObject], bool]:
        """Read one page."""
        if self.between:
            self.between.pop(0)()
        if self.fail_in is not None:
            self.fail_in -= 1
            if self.fail_in < 0:
                self.fail_in = None
                raise PartnerUnavailableError("the partner is away")
        rows = sorted((instant_key(to_text(one.changed_at)), one.ref) for one in self._all())
        rows = [row for row in rows if row[0] >= since]
        if position is not None:
            rows = [row for row in rows if row > (position[0], position[1])]
        page = [self.objects[ref] for _, ref in rows[: self.page_size]]
        return page, len(rows) > self.page_size

    def _all(self) -> list[ModelObject]:
        return list(self.objects.values())


class NoCredentials(Credentials):
    """One field, as every link has credentials."""

    token: str = Field(min_length=1)


class ModelConnector(Connector[NoCredentials, Settings]):
    """Reads the model partner."""

    name = "model"
    title = "Model"
    version = "1"
    wire_format = "profile"
    kinds = frozenset({Kind.MISSION})
    credentials = NoCredentials
    limits = PartnerLimits(source="none")

    def __init__(self, partner: ModelPartner) -> None:
        self.partner = partner

    def auth_headers(self, credentials: NoCredentials) -> Mapping[str, str]:
        """Nothing is sent."""
        return {}

    async def check(self, link: Link[NoCredentials, Settings]) -> None:
        """All is well."""

    async def pull(self, link: Link[NoCredentials, Settings], cursor: str | None) -> Page:
        """Read a page; the cursor holds since, position and the newest instant seen."""
        at: dict[str, Any] = json.loads(cursor) if cursor else {"since": ""}
        page, has_more = self.partner.page(at["since"], at.get("position"))
        newest = max([at.get("newest", ""), *(to_text(one.changed_at) for one in page)])
        if has_more:
            last = page[-1]
            position = [instant_key(to_text(last.changed_at)), last.ref]
            following = {"since": at["since"], "position": position, "newest": newest}
        else:
            following = {"since": _since(newest, at["since"])}
        return Page(
            records=[_record(one) for one in page],
            next_cursor=json.dumps(following),
            has_more=has_more,
        )


def _since(newest: str, since: str) -> str:
    if not newest:
        return since
    return max(since, instant_key(to_text(parse_instant(newest) - OVERLAP)))


def _record(one: ModelObject) -> Record:
    return Record(
        kind=Kind.MISSION,
        partner_ref=one.ref,
        revision=instant_key(to_text(one.changed_at)),
        status=one.status,
        status_changed_at=one.changed_at,
        version=one.version,
        claim=ClaimRef(partner_ref=one.ref, reference=one.ref),
    )


class OpenVault:
    """A vault with its door open: what is tested here is not the vault."""

    sealed_reason: str | None = None

    def open(self, sealed: SealedCredential) -> dict[str, str]:
        """Give the one field."""
        return {"token": "t"}


class OneConnector:
    """A registry of one connector."""

    def __init__(self, connector: Connector[Any, Any]) -> None:
        self.installed = Installed(
            name=connector.name,
            enabled=True,
            state=ConnectorState.READY,
            connector=connector,
            table={},
        )
        self.quarantined: list[str] = []

    def all(self) -> list[Installed]:
        """List it."""
        return [self.installed]

    def get(self, name: str) -> Installed:
        """Give it."""
        return self.installed

    def usable(self, name: str) -> Connector[Any, Any]:
        """Give it."""
        assert self.installed.connector is not None
        return self.installed.connector

    def quarantine(self, name: str, reason: str) -> None:
        """Note the reason."""
        self.quarantined.append(reason)


class NoSessions:
    """The model partner is not asked over HTTP."""

    def http(self, *_: object, **__: object) -> None:
        """Give nothing."""


class World:
    """The pull service over a store in a folder; ``close`` and ``open`` play a crash."""

    def __init__(self, folder: Path, connector: Connector[Any, Any]) -> None:
        self.folder = folder
        self.connector = connector
        self.clock = FakeClock()
        self.root = folder / "root"
        self.ids = UuidIds()
        self._owned = AsyncExitStack()

    async def open(self) -> None:
        """Open the store and wire the services."""
        opened = opened_store(self.folder / "syncer.db", self.clock, self.ids)
        self.store: Store = await self._owned.enter_async_context(opened)
        self.registry = OneConnector(self.connector)
        self.board = PassBoard()
        self.idle = OutcomeBatch(self.store, self.clock)
        self.pull = self._pull()
        await self.store.write(self._prepare)

    def _pull(self) -> PullService:
        settings = SettingsInForce(groups={}, from_env={}, default_interval=timedelta(minutes=15))
        registry: Any = self.registry
        vault: Any = OpenVault()
        sessions: Any = NoSessions()
        blobs = FileBlobStore(self.folder / "blobs")
        return PullService(
            store=self.store,
            registry=registry,
            opener=LinkOpener(
                registry=registry,
                vault=vault,
                sessions=sessions,
                folders=FolderRoots({self.connector.name: self.root}, clock=self.clock),
                settings=settings,
            ),
            pages=PageStorer(store=self.store, clock=self.clock, ids=self.ids),
            leftovers=LeftoverRecords(store=self.store, clock=self.clock, ids=self.ids),
            attachments=AttachmentService(
                store=self.store, blobs=blobs, clock=self.clock, max_bytes=1_000_000
            ),
            board=self.board,
            end=PassEnd(store=self.store, board=self.board, idle=self.idle, clock=self.clock),
            clock=self.clock,
            ids=self.ids,
        )

    async def _prepare(self, uow: UnitOfWork) -> None:
        await uow.repairers.put(Repairer(id=KEY.repairer, name="Garage"))
        await uow.links.ensure([KEY.connector])
        link = await uow.links.get(KEY)
        assert link is not None
        if link.state is LinkState.ACTIVE:
            return
        now = self.clock.now()
        sealed = SealedCredential(
            id=b"1" * 16,
            link=KEY,
            generation=1,
            schema="model@1",
            fields=("token",),
            payload=b"p",
            kid=b"k" * 8,
            wrapped_key=b"w",
            created_at=now,
        )
        await uow.credentials.add(sealed)
        await uow.links.configured(KEY, generation=1, next_due_at=now, activation_cursor=None)

    async def run_pass(self) -> Pass:
        """Run one refresh to its end."""
        pass_ = Pass(
            id=self.ids.new(),
            link=KEY,
            trigger=PassTrigger.REFRESH,
            created_at=self.clock.now(),
        )
        live = LivePass(pass_=pass_, kept=True)
        self.board.put(live)
        await self.pull.run(live)
        return live.snapshot()

    async def records(self) -> dict[str, tuple[str, datetime]]:
        """Give status and instant of every stored record by its reference."""
        async with self.store.read() as uow:
            rows = await uow.records.find(
                RecordFilter(intake=("queued", "accepted", "dismissed", "excluded")),
                after=None,
                limit=500,
            )
        found = {row.key.partner_ref: (row.status, row.status_changed_at) for row in rows}
        assert len(found) == len(rows), "a record stands twice"
        return found

    async def close(self) -> None:
        """Close the store."""
        await self._owned.aclose()
        self._owned = AsyncExitStack()
