"""Documents of claim files."""

from __future__ import annotations

from sqlalchemy import ForeignKey, Index, UniqueConstraint

from syncer.store.tables.columns import flag, table, text, whole

claim_document = table(
    "claim_document",
    text("id", key=True),
    text("claim_file_id"),
    text("type"),
    text("name"),
    text("content_type"),
    whole("bytes"),
    text("sha256"),
    whole("at"),
    flag("is_attachment"),
    UniqueConstraint("claim_file_id", "sha256", "type", name="uq_claim_document_content"),
)
claim_document.c.claim_file_id.append_foreign_key(ForeignKey("claim_file.id", ondelete="RESTRICT"))
Index("ix_claim_document_content", claim_document.c.sha256)
