"""An outbox over a real store, with a connector that sends as a test says."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, ClassVar

from syncer.dispatch.ambient import SystemChance, UuidIds
from syncer.dispatch.local import LocalDispatcher
from syncer.domain.claim_files import ClaimFile, Origin
from syncer.domain.deliveries import DeliveryFilter, LostAnswer
from syncer.domain.documents import Document
from syncer.domain.errors import ConflictError, NotFoundError
from syncer.domain.feed import ChangeType
from syncer.domain.links import LinkKey, LinkState
from syncer.domain.records import ClaimRef, Kind
from syncer.domain.stored import Repairer, SealedCredential
from syncer.partner import FolderRoots
from syncer.ports.plugins import ConnectorState, Installed
from syncer.ports.sessions import SendingWatch
from syncer.ports.store import Store, UnitOfWork
from syncer.sdk import (
    Connector,
    Credentials,
    Delivery,
    FileRule,
    Link,
    Operation,
    Page,
    PartnerLimits,
    Payload,
    Receipt,
    Settings,
)
from syncer.services.accepting import Acceptance, NewDelivery, Remember
from syncer.services.admission import Admission
from syncer.services.attempts import Attempts
from syncer.services.deliveries import DeliveryService
from syncer.services.guard import Patience
from syncer.services.leases import Leases
from syncer.services.opening import LinkOpener
from syncer.services.outbox import Outbox
from syncer.services.settings import SettingsInForce
from syncer.store.blobs import FileBlobStore

LINK = LinkKey("garage-7", "paper")
Act = Callable[["Sheet"], Awaitable[Receipt]]


class Text(Payload):
    """What the paper connector sends."""

    text: str = ""
    number: int | None = None


class Opening(Payload):
    """Makes a claim file."""

    claim_number: str


@dataclass
class Sheet:
    """One attempt as the scripted connector sees it."""

    delivery: Delivery[Any]
    watch: Any

    def send(self) -> object:
        """Send something, as a session would."""
        return self.watch.leaving()

    def refuse(self, mark: object) -> None:
        """Be clearly refused, as a session would say."""
        self.watch.took_no_effect(mark)


class PaperConnector(Connector[Credentials, Settings]):
    """Sends as a test says."""

    name = "paper"
    title = "Paper"
    version = "1"
    wire_format = "profile"
    kinds = frozenset(Kind)
    credentials = Credentials
    limits = PartnerLimits(source="none")
    operations: ClassVar = (
        Operation(name="keyed", title="Keyed", payload=Text, lost_answer=LostAnswer.KEY),
        Operation(name="looked", title="Looked", payload=Text, lost_answer=LostAnswer.LOOKUP),
        Operation(name="blind", title="Blind", payload=Text, lost_answer=LostAnswer.NEITHER),
        Operation(
            name="follow",
            title="Follow",
            payload=Text,
            lost_answer=LostAnswer.KEY,
            depends_on=frozenset({"keyed", "blind"}),
            dry_run=True,
        ),
        Operation(
            name="filed",
            title="Filed",
            payload=Text,
            lost_answer=LostAnswer.KEY,
            files=FileRule(least=1, most=2, content_types={"image/png"}, most_bytes=1_000),
        ),
        Operation(
            name="step", title="Step", payload=Text, lost_answer=LostAnswer.KEY, is_local=True
        ),
        Operation(
            name="opening",
            title="Opening",
            payload=Opening,
            lost_answer=LostAnswer.KEY,
            makes_claim_file=True,
        ),
    )

    def __init__(self) -> None:
        self.acts: list[Act] = []
        self.found: list[Receipt | Exception | None] = []
        self.delivered: list[Delivery[Any]] = []
        self.refusal: Exception | None = None

    async def check(self, link: Link[Credentials, Settings]) -> None:
        """All is well."""

    async def pull(self, link: Link[Credentials, Settings], cursor: str | None) -> Page:
        return Page()

    def validate(self, delivery: Delivery[Any], settings: Settings) -> None:
        if self.refusal is not None:
            raise self.refusal

    def claim_of(self, payload: Payload) -> ClaimRef:
        assert isinstance(payload, Opening)
        number = payload.claim_number
        return ClaimRef(partner_ref=f"X:{number}", reference=number, claim_number=number)

    async def deliver(self, link: Link[Credentials, Settings], delivery: Delivery[Any]) -> Receipt:
        self.delivered.append(delivery)
        act = self.acts.pop(0) if self.acts else accept
        watch: Any = link.http
        return await act(Sheet(delivery, watch))

    async def look_up(
        self, link: Link[Credentials, Settings], delivery: Delivery[Any]
    ) -> Receipt | None:
        found = self.found.pop(0) if self.found else None
        if isinstance(found, Exception):
            raise found
        return found


async def accept(sheet: Sheet) -> Receipt:
    """Take it, as a partner that has nothing to say."""
    sheet.send()
    return Receipt(partner_ref=None, raw={"key": sheet.delivery.key})


def fail(error: Exception, *, sends: bool = True, refused: bool = False) -> Act:
    """Send (or not) and fail."""

    async def act(sheet: Sheet) -> Receipt:
        if sends:
            mark = sheet.send()
            if refused:
                sheet.refuse(mark)
        raise error

    return act


class PaperRegistry:
    """The paper connector and, beside it, one that cannot be used in each way."""

    def __init__(self) -> None:
        self.paper = PaperConnector()
        self.installed = {
            "paper": _installed("paper", ConnectorState.READY, self.paper),
            "off": _installed("off", ConnectorState.DISABLED),
            "odd": _installed("odd", ConnectorState.QUARANTINED, reason="import failed"),
            "old": _installed("old", ConnectorState.SUPERSEDED, self.paper, by="paper"),
        }

    def all(self) -> list[Installed]:
        return sorted(self.installed.values(), key=lambda one: one.name)

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
    *,
    reason: str | None = None,
    by: str | None = None,
) -> Installed:
    return Installed(
        name=name,
        enabled=state is not ConnectorState.DISABLED,
        state=state,
        reason=reason,
        superseded_by=by,
        connector=connector,
        table={},
    )


class OpenVault:
    """A vault that is never sealed and holds nothing."""

    sealed_reason = None

    def open(self, sealed: SealedCredential) -> dict[str, str]:
        return {}


class Watched:
    """Sessions that hand the attempt's watch to the connector."""

    def http(self, *_: object, watch: SendingWatch | None = None, **__: object) -> Any:
        return watch


class NoTroubles:
    """Fails a test whose work breaks the rules."""

    def __init__(self) -> None:
        self.raised: list[BaseException] = []

    def work_raised(self, partner: str, error: BaseException) -> None:
        self.raised.append(error)

    def work_hung(self, partner: str) -> None:
        """Be told."""


@dataclass
class Office:
    """One process over a store; several of them may share one."""

    store: Store
    clock: Any
    blobs: FileBlobStore
    registry: PaperRegistry = field(default_factory=PaperRegistry)
    sessions: Any = field(default_factory=Watched)
    chance: Any = field(default_factory=SystemChance)
    ids: UuidIds = field(default_factory=UuidIds)
    patience: Patience = field(default_factory=Patience)

    def __post_init__(self) -> None:
        settings = SettingsInForce(groups={}, from_env={}, default_interval=timedelta(minutes=15))
        registry: Any = self.registry
        vault: Any = OpenVault()
        self.troubles = NoTroubles()
        self.dispatcher = LocalDispatcher(8, ["paper"], clock=self.clock, report=self.troubles)
        self.leases = Leases(store=self.store, clock=self.clock)
        self.attempts = Attempts(
            store=self.store,
            blobs=self.blobs,
            registry=registry,
            opener=LinkOpener(
                registry=registry,
                vault=vault,
                sessions=self.sessions,
                folders=FolderRoots({}, clock=self.clock),
                settings=settings,
            ),
            leases=self.leases,
            clock=self.clock,
            ids=self.ids,
            chance=self.chance,
            patience=self.patience,
        )
        self.outbox = Outbox(
            store=self.store,
            vault=vault,
            registry=registry,
            dispatcher=self.dispatcher,
            attempts=self.attempts,
            clock=self.clock,
            chance=self.chance,
        )
        self.acceptance = Acceptance(
            store=self.store,
            registry=registry,
            settings=settings,
            clock=self.clock,
            ids=self.ids,
            nudge=self.outbox.nudge,
        )
        self.deliveries = DeliveryService(
            store=self.store,
            registry=registry,
            admission=Admission(registry=registry, settings=settings),
            clock=self.clock,
            nudge=self.outbox.nudge,
        )

    @property
    def paper(self) -> PaperConnector:
        """The connector."""
        return self.registry.paper

    def use(self, connector: PaperConnector) -> None:
        """Put another connector in the place of the scripted one."""
        self.registry.paper = connector
        self.registry.installed["paper"] = _installed("paper", ConnectorState.READY, connector)

    def supersede(self, by: str) -> None:
        """Let another connector take the place of the scripted one."""
        self.registry.installed["paper"] = _installed(
            "paper", ConnectorState.SUPERSEDED, self.paper, by=by
        )

    async def add_connector(self, name: str) -> None:
        """Install the same connector under another name, with an active link."""
        self.registry.installed[name] = _installed(name, ConnectorState.READY, self.paper)
        key = LinkKey(LINK.repairer, name)

        async def work(uow: UnitOfWork) -> None:
            await uow.links.ensure([name])
            await uow.links.set_state(key, LinkState.ACTIVE, None)

        await self.store.write(work)

    def giving(self, partner_ref: str) -> Act:
        """Make a partner that takes it and names the claim so."""

        async def act(sheet: Sheet) -> Receipt:
            sheet.send()
            return Receipt(partner_ref=partner_ref)

        return act

    async def furnish(self, reference: str = "2026-1") -> str:
        """Make repairer, active link and a claim file; gives the file's id."""

        async def work(uow: UnitOfWork) -> None:
            await uow.repairers.put(Repairer(id=LINK.repairer, name="Garage"))
            await uow.links.ensure(["paper", "old"])
            for connector in ("paper", "old"):
                key = LinkKey(LINK.repairer, connector)
                await uow.links.set_state(key, LinkState.ACTIVE, None)

        await self.store.write(work)
        return await self.claim_file(reference)

    async def claim_file(self, reference: str, partner_ref: str | None = None) -> str:
        """Make a claim file; gives its id."""
        now = self.clock.now()
        made = ClaimFile(
            id=self.ids.new(),
            link=LINK,
            origin=Origin.PLANNING,
            reference=reference,
            partner_ref=partner_ref,
            claim_number=None,
            claim_type=None,
            partner_data={},
            person_data={},
            person_set_at={},
            created_at=now,
            updated_at=now,
        )
        await self.store.write(lambda uow: uow.claim_files.make(made))
        return made.id

    async def ask(
        self,
        claim_file: str | None,
        operation: str = "keyed",
        payload: Mapping[str, Any] | None = None,
        *,
        remember: Remember | None = None,
        **more: Any,
    ) -> str:
        """Have a delivery accepted; gives its id."""
        new = NewDelivery(
            claim_file=claim_file, operation=operation, payload=dict(payload or {}), **more
        )
        view = await self.acceptance.accept(new, remember=remember)
        return str(view["id"])

    async def work(self) -> None:
        """Sweep, and let everything that is due end."""
        await self.outbox.sweep()
        while tasks := list(self.dispatcher._running):
            await asyncio.wait(tasks, timeout=10)
        assert self.troubles.raised == []

    def with_patience(self, patience: Patience) -> Office:
        """Give an office over the same store and connector that waits no longer than this."""
        return Office(
            store=self.store,
            clock=self.clock,
            blobs=self.blobs,
            registry=self.registry,
            patience=patience,
        )

    async def until(self, condition: Callable[[], object]) -> None:
        """Let others work until something holds, a bounded time."""
        async with asyncio.timeout(10):
            while not condition():  # noqa: ASYNC110  what is waited for has no event
                await asyncio.sleep(0.001)

    async def set_link(self, state: LinkState) -> None:
        """Put the link into a state."""
        await self.store.write(lambda uow: uow.links.set_state(LINK, state, None))

    async def document(self, claim_file: str, content: bytes, name: str = "bild.png") -> str:
        """Hand in a document; gives its id."""
        async with self.blobs.receive() as writer:
            await writer.write(content)
            blob = await writer.finish()
            await writer.keep()
        document = Document(
            id=self.ids.new(),
            claim_file_id=claim_file,
            type="photo",
            name=name,
            content_type="image/png",
            bytes=blob.bytes,
            sha256=blob.sha256,
            at=self.clock.now(),
        )
        await self.store.write(lambda uow: uow.documents.add(document))
        return document.id

    async def remove_document(self, id_: str) -> None:
        """Take a document away again."""
        await self.store.write(lambda uow: uow.documents.remove(id_))

    async def partner_ref(self, claim_file: str) -> str | None:
        """Give the partner's id of a claim file."""
        async with self.store.read() as uow:
            found = await uow.claim_files.get(claim_file)
        assert found is not None
        return found.partner_ref

    async def count(self, wanted: DeliveryFilter) -> int:
        """Count deliveries."""
        async with self.store.read() as uow:
            return await uow.deliveries.count(wanted)

    async def exists(self, id_: str) -> bool:
        """Say whether a delivery is there."""
        async with self.store.read() as uow:
            return await uow.deliveries.get(id_) is not None

    async def shown(self, id_: str) -> dict[str, Any]:
        """Give a delivery as the API shows it."""
        return await self.deliveries.one(id_)

    async def state(self, id_: str) -> str:
        """Give the state of a delivery."""
        return str((await self.shown(id_))["state"])

    async def told(self, id_: str) -> list[str]:
        """Give the states that the feed told of a delivery."""
        async with self.store.read() as uow:
            entries = await uow.feed.read(await uow.feed.tail(), limit=1000)
        return [
            entry.change.data["state"]
            for entry in entries
            if entry.change.type is ChangeType.DELIVERY_UPDATED and entry.change.subject_id == id_
        ]
