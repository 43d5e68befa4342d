"""All repositories over one transaction or one snapshot."""

from __future__ import annotations

from syncer.ports import store as ports
from syncer.ports.ambient import Clock, Ids
from syncer.ports.deliveries import Deliveries
from syncer.ports.documents import Completeness, DocumentRules, Documents
from syncer.ports.dwells import Dwells
from syncer.ports.lives import Lives
from syncer.ports.mails import Mails
from syncer.store.connection import Connection
from syncer.store.repositories.attachments import AttachmentTable
from syncer.store.repositories.audit import AuditTable
from syncer.store.repositories.claim_files import ClaimFileTable
from syncer.store.repositories.completeness import CompletenessTable
from syncer.store.repositories.credentials import CredentialTable
from syncer.store.repositories.deliveries import DeliveryTable
from syncer.store.repositories.document_rules import DocumentRuleTable
from syncer.store.repositories.documents import DocumentTable
from syncer.store.repositories.dwells import DwellTable
from syncer.store.repositories.feed import FeedTable
from syncer.store.repositories.links import LinkTable
from syncer.store.repositories.lives import LifeTable
from syncer.store.repositories.mails import MailTable
from syncer.store.repositories.notes import NoteTable
from syncer.store.repositories.passes import PassTable
from syncer.store.repositories.pruning import OldRows
from syncer.store.repositories.quarantine import QuarantineTable
from syncer.store.repositories.records import RecordTable
from syncer.store.repositories.repairers import RepairerTable


class SqlUnitOfWork:
    """The repositories of one write or one read."""

    def __init__(self, connection: Connection, *, clock: Clock, ids: Ids) -> None:
        self.repairers: ports.Repairers = RepairerTable(connection, clock)
        self.links: ports.Links = LinkTable(connection)
        self.records: ports.Records = RecordTable(connection)
        self.claim_files: ports.ClaimFiles = ClaimFileTable(connection, ids)
        self.lives: Lives = LifeTable(connection)
        self.attachments: ports.Attachments = AttachmentTable(connection)
        self.documents: Documents = DocumentTable(connection)
        self.deliveries: Deliveries = DeliveryTable(connection)
        self.document_rules: DocumentRules = DocumentRuleTable(connection)
        self.completeness: Completeness = CompletenessTable(connection)
        self.quarantine: ports.Quarantine = QuarantineTable(connection)
        self.mails: Mails = MailTable(connection)
        self.dwells: Dwells = DwellTable(connection)
        self.passes: ports.Passes = PassTable(connection)
        self._feed = FeedTable(connection)
        self.feed: ports.Feed = self._feed
        self.credentials: ports.CredentialSlots = CredentialTable(connection)
        self.audit: ports.Audit = AuditTable(connection)
        self.notes: ports.Notes = NoteTable(connection)
        self.pruning: ports.Pruning = OldRows(connection)

    async def flush(self) -> bool:
        """Number and write the feed entries, as the last statements; False when there are none."""
        return await self._feed.flush()
