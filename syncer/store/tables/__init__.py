"""All tables. Column order is deliberate: what filters read stands before long bodies."""

from syncer.store.tables.claim_file_events import claim_file_event
from syncer.store.tables.claim_files import attachment, claim_file, claim_file_alias
from syncer.store.tables.columns import metadata
from syncer.store.tables.deliveries import (
    delivery,
    delivery_attempt,
    delivery_file,
    delivery_note,
)
from syncer.store.tables.documents import (
    claim_document,
    completeness,
    document_mark,
    document_rule,
)
from syncer.store.tables.dwells import dwell
from syncer.store.tables.links import link, link_event, repairer
from syncer.store.tables.mails import mail
from syncer.store.tables.notes import answer, breaker, note
from syncer.store.tables.passes import change, feed_head, kept_pass
from syncer.store.tables.records import record, record_version
from syncer.store.tables.set_aside import quarantined, unknown_item
from syncer.store.tables.vault import audit, credential, credential_key, credential_reset

__all__ = [
    "answer",
    "attachment",
    "audit",
    "breaker",
    "change",
    "claim_document",
    "claim_file",
    "claim_file_alias",
    "claim_file_event",
    "completeness",
    "credential",
    "credential_key",
    "credential_reset",
    "delivery",
    "delivery_attempt",
    "delivery_file",
    "delivery_note",
    "document_mark",
    "document_rule",
    "dwell",
    "feed_head",
    "kept_pass",
    "link",
    "link_event",
    "mail",
    "metadata",
    "note",
    "quarantined",
    "record",
    "record_version",
    "repairer",
    "unknown_item",
]
