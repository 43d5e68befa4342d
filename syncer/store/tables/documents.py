"""Documents of claim files, what is expected, what is said of it, and what it comes to."""

from __future__ import annotations

from sqlalchemy import ForeignKey, Index, PrimaryKeyConstraint, Table, UniqueConstraint

from syncer.domain.completeness import By, MarkState, RulesOrigin
from syncer.store.tables.columns import flag, maybe_text, maybe_whole, one_of, table, text, whole

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
Index("ix_claim_document_content", claim_document.c.sha256)

document_rule = table(
    "document_rule",
    text("connector"),
    text("claim_type"),
    text("origin"),
    text("documents"),
    PrimaryKeyConstraint("connector", "claim_type"),
    one_of("origin", RulesOrigin),
)

document_mark = table(
    "document_mark",
    text("claim_file_id"),
    text("type"),
    text("said_by"),
    text("state"),
    maybe_text("reason"),
    whole("at"),
    PrimaryKeyConstraint("claim_file_id", "type", "said_by"),
    one_of("said_by", By),
    one_of("state", MarkState),
)

completeness = table(
    "completeness",
    text("claim_file_id", key=True),
    whole("received"),
    whole("missing"),
    whole("waived"),
    maybe_whole("missing_since"),
)
Index(
    "ix_completeness_missing",
    completeness.c.claim_file_id,
    sqlite_where=completeness.c.missing > 0,
    postgresql_where=completeness.c.missing > 0,
)


def _of_claim_file(of: Table) -> None:
    of.c.claim_file_id.append_foreign_key(ForeignKey("claim_file.id", ondelete="RESTRICT"))


for _table in (claim_document, document_mark, completeness):
    _of_claim_file(_table)
