"""All services of a running process, as the outer floors see them."""

from __future__ import annotations

from dataclasses import dataclass

from syncer.ports.ambient import Clock, Ids
from syncer.ports.blobs import BlobStore
from syncer.ports.plugins import ConnectorRegistry
from syncer.ports.store import Store
from syncer.ports.vault import Vault
from syncer.services.accepting import Acceptance
from syncer.services.attachments import AttachmentService
from syncer.services.attention import Attention
from syncer.services.changes import ChangeReading
from syncer.services.choices import Choices
from syncer.services.claim_events import ClaimEvents
from syncer.services.claim_files import ClaimFiles
from syncer.services.deliveries import DeliveryService
from syncer.services.document_rules import DocumentRuleService
from syncer.services.documents import DocumentService
from syncer.services.excludes import Excludes
from syncer.services.intake import Intake
from syncer.services.links import LinkService
from syncer.services.mails import MailService
from syncer.services.missing_documents import MissingDocuments
from syncer.services.opening import LinkOpener
from syncer.services.pull import PullService
from syncer.services.quarantine import QuarantineService
from syncer.services.readiness import Readiness
from syncer.services.records import RecordReading
from syncer.services.refresh import RefreshService
from syncer.services.register import Registration
from syncer.services.reminders import Reminders
from syncer.services.repairers import RepairerService
from syncer.services.settings import SettingsInForce
from syncer.services.waivers import Waivers


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """The services and the ports beneath them, wired once."""

    store: Store
    vault: Vault
    registry: ConnectorRegistry
    blobs: BlobStore
    clock: Clock
    ids: Ids
    settings: SettingsInForce
    opener: LinkOpener
    health: Readiness
    links: LinkService
    repairers: RepairerService
    registration: Registration
    intake: Intake
    excludes: Excludes
    records: RecordReading
    choices: Choices
    claim_files: ClaimFiles
    documents: DocumentService
    claim_events: ClaimEvents
    waivers: Waivers
    document_rules: DocumentRuleService
    missing_documents: MissingDocuments
    attachments: AttachmentService
    acceptance: Acceptance
    deliveries: DeliveryService
    mails: MailService
    reminders: Reminders
    quarantine: QuarantineService
    refresh: RefreshService
    pull: PullService
    changes: ChangeReading
    attention: Attention
