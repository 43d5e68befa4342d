"""All repositories over one transaction or one snapshot."""

from __future__ import annotations

from syncer.ports.ambient import Clock, Ids
from syncer.store.connection import Connection
from syncer.store.repositories.attachments import AttachmentTable
from syncer.store.repositories.audit import AuditTable
from syncer.store.repositories.claim_files import ClaimFileTable
from syncer.store.repositories.credentials import CredentialTable
from syncer.store.repositories.feed import FeedTable
from syncer.store.repositories.links import LinkTable
from syncer.store.repositories.notes import NoteTable
from syncer.store.repositories.passes import PassTable
from syncer.store.repositories.pruning import OldRows
from syncer.store.repositories.quarantine import QuarantineTable
from syncer.store.repositories.records import RecordTable
from syncer.store.repositories.repairers import RepairerTable


class SqlUnitOfWork:
    """The repositories of one write or one read."""

    def __init__(self, connection: Connection, *, clock: Clock, ids: Ids) -> None:
        self.repairers = RepairerTable(connection, clock)
        self.links = LinkTable(connection)
        self.records = RecordTable(connection)
        self.claim_files = ClaimFileTable(connection, ids)
        self.attachments = AttachmentTable(connection)
        self.quarantine = QuarantineTable(connection)
        self.passes = PassTable(connection)
        self.feed = FeedTable(connection)
        self.credentials = CredentialTable(connection)
        self.audit = AuditTable(connection)
        self.notes = NoteTable(connection)
        self.pruning = OldRows(connection)

    async def flush(self) -> bool:
        """Number and write the feed entries, as the last statements; False when there are none."""
        return await self.feed.flush()
