"""Which service gets what: the objects of one process, built from the floors up."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from syncer.bootstrap.letterbox import Letterbox, wire_letterbox
from syncer.bootstrap.outbound import Outbound, wire_outbound
from syncer.bootstrap.troubles import Troubles
from syncer.dispatch.ambient import SystemClock
from syncer.dispatch.local import LocalDispatcher
from syncer.mail import Room
from syncer.services.attachments import AttachmentService
from syncer.services.attention import Attention
from syncer.services.attention_of_deliveries import ParkedDeliveries, StrandedDeliveries
from syncer.services.attention_of_documents import IncompleteFiles
from syncer.services.attention_of_files import OverdueFiles, ParkedMails
from syncer.services.attention_of_host import HostTroubles, LinkTroubles, UnreadItems
from syncer.services.attention_of_records import OpenSolicitations
from syncer.services.audit import DecryptTally
from syncer.services.catalog import Services
from syncer.services.changes import ChangeReading
from syncer.services.choices import Choices
from syncer.services.claim_events import ClaimEvents
from syncer.services.claim_files import ClaimFiles
from syncer.services.document_rules import DocumentRuleService
from syncer.services.documents import DocumentService
from syncer.services.excludes import Excludes
from syncer.services.guard import USUAL_PATIENCE, Patience
from syncer.services.intake import Intake
from syncer.services.leftovers import LeftoverRecords
from syncer.services.links import LinkService
from syncer.services.live import PassBoard
from syncer.services.missing_documents import MissingDocuments
from syncer.services.open_links import OpenLinks
from syncer.services.opening import LinkOpener
from syncer.services.outcomes import OutcomeBatch
from syncer.services.page import PageStorer
from syncer.services.pass_end import PassEnd
from syncer.services.pull import PullService
from syncer.services.quarantine import QuarantineService
from syncer.services.readiness import Readiness
from syncer.services.records import RecordReading
from syncer.services.refresh import RefreshService
from syncer.services.register import VERIFICATION_PATIENCE, Registration
from syncer.services.repairers import RepairerService
from syncer.services.retention import Retention
from syncer.services.settings import SettingsInForce
from syncer.services.sweep import Sweep
from syncer.services.waivers import Waivers

if TYPE_CHECKING:
    from syncer.config import Settings
    from syncer.ports.ambient import Clock, Ids
    from syncer.ports.blobs import BlobStore
    from syncer.ports.folders import Folders
    from syncer.ports.mail import MailRoom
    from syncer.ports.plugins import ConnectorRegistry
    from syncer.ports.sessions import Sessions
    from syncer.ports.store import Store
    from syncer.ports.vault import Vault


def _without_mail() -> MailRoom:
    return Room(None, clock=SystemClock())


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """What the services stand on."""

    store: Store
    blobs: BlobStore
    vault: Vault
    registry: ConnectorRegistry
    sessions: Sessions
    folders: Folders
    clock: Clock
    ids: Ids
    mail: MailRoom = field(default_factory=_without_mail)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wired:
    """The services, and what runs in the background for them."""

    services: Services
    sweep: Sweep
    idle: OutcomeBatch
    retention: Retention
    decrypts: DecryptTally
    dispatcher: LocalDispatcher
    outbound: Outbound
    letterbox: Letterbox

    async def drain(self, deadline: timedelta) -> None:
        """Start nothing more, and let what comes in and what leaves end within the deadline."""
        self.outbound.outbox.attempts.leases.stop()
        await asyncio.gather(
            self.dispatcher.drain(deadline), self.outbound.dispatcher.drain(deadline)
        )


def wire(
    ports: Ports, settings: Settings, *, started_at: datetime, patience: Patience = USUAL_PATIENCE
) -> Wired:
    """Wire the services of one process."""
    wiring = _Wiring(ports, settings, patience)
    pull = wiring.pull()
    dispatcher = wiring.dispatcher()
    sweep = wiring.sweep(pull, dispatcher)
    outbound = wire_outbound(
        ports, settings, opener=wiring.opener, settings=wiring.settings, patience=patience
    )
    return Wired(
        services=wiring.services(pull, dispatcher, sweep, outbound, started_at),
        sweep=sweep,
        idle=wiring.idle,
        retention=wiring.retention(),
        decrypts=wiring.decrypts,
        dispatcher=dispatcher,
        outbound=outbound,
        letterbox=wiring.letterbox,
    )


class _Wiring:
    def __init__(self, ports: Ports, settings: Settings, patience: Patience) -> None:
        self.ports = ports
        self.config = settings
        self.patience = patience
        self.board = PassBoard()
        self.idle = OutcomeBatch(ports.store, ports.clock)
        self.settings = SettingsInForce(
            groups=settings.groups,
            from_env=settings.from_env,
            default_interval=settings.sync.interval,
        )
        self.decrypts = DecryptTally(store=ports.store, vault=ports.vault, clock=ports.clock)
        self.opener = LinkOpener(
            registry=ports.registry,
            vault=ports.vault,
            sessions=ports.sessions,
            folders=ports.folders,
            settings=self.settings,
            mail=ports.mail,
            tally=self.decrypts.opened,
        )
        self.open_links = OpenLinks(registry=ports.registry, has_mail=ports.mail.is_configured)
        self.letterbox = wire_letterbox(ports, self.settings)
        self.attachments = AttachmentService(
            store=ports.store,
            blobs=ports.blobs,
            clock=ports.clock,
            max_bytes=settings.sync.attachment_max_bytes,
        )

    def pull(self) -> PullService:
        ports = self.ports
        store, clock, ids = ports.store, ports.clock, ports.ids
        return PullService(
            store=store,
            registry=ports.registry,
            opener=self.opener,
            pages=PageStorer(store=store, clock=clock, ids=ids),
            leftovers=LeftoverRecords(store=store, clock=clock, ids=ids),
            attachments=self.attachments,
            board=self.board,
            end=PassEnd(store=store, board=self.board, idle=self.idle, clock=clock),
            clock=clock,
            ids=ids,
            patience=self.patience,
        )

    def dispatcher(self) -> LocalDispatcher:
        enabled = [one.name for one in self.ports.registry.all() if one.enabled]
        return LocalDispatcher(
            self.config.sync.concurrency,
            enabled,
            clock=self.ports.clock,
            report=Troubles(self.ports.registry),
        )

    def sweep(self, pull: PullService, dispatcher: LocalDispatcher) -> Sweep:
        return Sweep(
            store=self.ports.store,
            vault=self.ports.vault,
            registry=self.ports.registry,
            opener=self.opener,
            dispatcher=dispatcher,
            pull=pull,
            board=self.board,
            clock=self.ports.clock,
            ids=self.ports.ids,
        )

    def retention(self) -> Retention:
        kept = self.config.retention
        return Retention(
            store=self.ports.store,
            blobs=self.ports.blobs,
            clock=self.ports.clock,
            passes=kept.passes,
            changes=kept.changes,
            history=kept.history,
        )

    def choices(self) -> Choices:
        return Choices(
            store=self.ports.store,
            registry=self.ports.registry,
            opener=self.opener,
            clock=self.ports.clock,
            patience=self.patience,
        )

    def registration(self, sweep: Sweep) -> Registration:
        patience = min(self.patience.call, VERIFICATION_PATIENCE.call)
        return Registration(
            store=self.ports.store,
            registry=self.ports.registry,
            vault=self.ports.vault,
            opener=self.opener,
            clock=self.ports.clock,
            nudge=sweep.nudge,
            patience=replace(self.patience, call=patience),
        )

    def refresh(self, pull: PullService, dispatcher: LocalDispatcher) -> RefreshService:
        return RefreshService(
            store=self.ports.store,
            vault=self.ports.vault,
            registry=self.ports.registry,
            dispatcher=dispatcher,
            pull=pull,
            board=self.board,
            clock=self.ports.clock,
            ids=self.ports.ids,
        )

    def attention(self, started_at: datetime) -> Attention:
        ports = self.ports
        host = HostTroubles(
            registry=ports.registry, vault=ports.vault, mail=ports.mail, started_at=started_at
        )
        sections = (
            host,
            LinkTroubles(registry=ports.registry),
            ParkedDeliveries(),
            StrandedDeliveries(registry=ports.registry),
            UnreadItems(),
            OpenSolicitations(registry=ports.registry),
            IncompleteFiles(),
            ParkedMails(),
            OverdueFiles(),
        )
        return Attention(store=ports.store, sections=sections)

    def services(
        self,
        pull: PullService,
        dispatcher: LocalDispatcher,
        sweep: Sweep,
        outbound: Outbound,
        started_at: datetime,
    ) -> Services:
        ports = self.ports
        store, registry, vault = ports.store, ports.registry, ports.vault
        clock, ids = ports.clock, ports.ids
        return Services(
            store=store,
            vault=vault,
            registry=registry,
            blobs=ports.blobs,
            clock=clock,
            ids=ids,
            settings=self.settings,
            opener=self.opener,
            health=Readiness(store, vault),
            links=LinkService(
                store=store,
                registry=registry,
                settings=self.settings,
                clock=clock,
                rescheduled=lambda _key: sweep.nudge(),
            ),
            repairers=RepairerService(
                store=store, registry=registry, clock=clock, open_links=self.open_links
            ),
            registration=self.registration(sweep),
            intake=Intake(store=store, clock=clock),
            excludes=Excludes(
                store=store,
                registry=registry,
                settings=self.settings,
                clock=clock,
                wake=sweep.wake,
            ),
            records=RecordReading(store=store),
            choices=self.choices(),
            claim_files=ClaimFiles(store=store, registry=registry, clock=clock, ids=ids),
            documents=DocumentService(store=store, clock=clock, ids=ids),
            claim_events=ClaimEvents(store=store, registry=registry, clock=clock, ids=ids),
            waivers=Waivers(store=store, registry=registry, clock=clock, ids=ids),
            document_rules=DocumentRuleService(store=store, registry=registry, clock=clock),
            missing_documents=MissingDocuments(store=store),
            attachments=self.attachments,
            acceptance=outbound.acceptance,
            deliveries=outbound.deliveries,
            mails=self.letterbox.mails,
            reminders=self.letterbox.reminders,
            quarantine=QuarantineService(store=store, reread=pull.reread),
            refresh=self.refresh(pull, dispatcher),
            pull=pull,
            changes=ChangeReading(store=store),
            attention=self.attention(started_at),
        )
