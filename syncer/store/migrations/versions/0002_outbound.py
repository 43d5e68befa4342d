"""What leaves: deliveries, documents, and the life of claim files.

Revision ID: 0002
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

WHOLE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
FLAG = sa.Boolean().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the tables and columns that 0001 did not have."""
    _make_claim_document()
    _make_document_rule()
    _make_document_mark()
    _make_completeness()
    _make_lives()
    _make_claim_file_event()
    _make_delivery()
    _make_claim_file_alias()
    _make_delivery_parts()
    _make_mail()
    _make_dwell()


def _make_claim_document() -> None:
    op.create_table(
        "claim_document",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("claim_file_id", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("content_type", sa.Text(), nullable=False),
        sa.Column("bytes", WHOLE, autoincrement=False, nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("at", WHOLE, autoincrement=False, nullable=False),
        sa.Column("is_attachment", FLAG, nullable=False),
        sa.ForeignKeyConstraint(
            ["claim_file_id"],
            ["claim_file.id"],
            name=op.f("fk_claim_document_claim_file"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_claim_document")),
        sa.UniqueConstraint("claim_file_id", "sha256", "type", name="uq_claim_document_content"),
        sqlite_strict=True,
    )
    op.create_index("ix_claim_document_content", "claim_document", ["sha256"], unique=False)


def _make_lives() -> None:
    op.add_column("claim_file", sa.Column("selectable", FLAG, nullable=True))
    op.add_column("claim_file", sa.Column("selectable_reason", sa.Text(), nullable=True))
    op.execute(
        "ALTER TABLE claim_file ADD COLUMN stage TEXT CONSTRAINT ck_claim_file_stage "
        "CHECK (stage IN ('quote', 'converted', 'archived'))"
    )
    op.add_column("claim_file", sa.Column("life", sa.Text(), nullable=True))


def _make_claim_file_event() -> None:
    op.create_table(
        "claim_file_event",
        sa.Column("number", WHOLE, autoincrement=True, nullable=False),
        sa.Column("claim_file_id", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("at", WHOLE, autoincrement=False, nullable=False),
        sa.Column("sorted_by", WHOLE, autoincrement=False, nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("data", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("place", WHOLE, nullable=True),
        sa.Column("from_state", sa.Text(), nullable=True),
        sa.Column("to_state", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("record_id", sa.Text(), nullable=True),
        sa.Column("delivery_id", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "outcome IN ('moved', 'filed', 'refused', 'waiting')",
            name=op.f("ck_claim_file_event_outcome"),
        ),
        sa.ForeignKeyConstraint(
            ["claim_file_id"],
            ["claim_file.id"],
            name=op.f("fk_claim_file_event_claim_file"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["record_id"],
            ["record.id"],
            name=op.f("fk_claim_file_event_record"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_claim_file_event")),
        sa.UniqueConstraint("claim_file_id", "key", name="uq_claim_file_event_key"),
        sqlite_strict=True,
    )


def _make_delivery() -> None:
    op.create_table(
        "delivery",
        sa.Column("number", WHOLE, autoincrement=True, nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("repairer", sa.Text(), nullable=False),
        sa.Column("connector", sa.Text(), nullable=False),
        sa.Column("claim_file_id", sa.Text(), nullable=False),
        sa.Column("operation", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("waiting_for", sa.Text(), nullable=True),
        sa.Column("holds_lane", FLAG, nullable=False),
        sa.Column("next_attempt_at", WHOLE, nullable=True),
        sa.Column("lease", sa.Text(), nullable=True),
        sa.Column("lease_until", WHOLE, nullable=True),
        sa.Column("attempt_at", WHOLE, nullable=True),
        sa.Column("depends_on", sa.Text(), nullable=False),
        sa.Column("lost_answer", sa.Text(), nullable=False),
        sa.Column("dry_run", FLAG, nullable=False),
        sa.Column("in_doubt", FLAG, nullable=False),
        sa.Column("was_sent", FLAG, nullable=False),
        sa.Column("failures", WHOLE, autoincrement=False, nullable=False),
        sa.Column("failing_since", WHOLE, nullable=True),
        sa.Column("accepted_at", WHOLE, autoincrement=False, nullable=False),
        sa.Column("updated_at", WHOLE, autoincrement=False, nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("receipt", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "state IN ('queued', 'sending', 'sent', 'delivered', 'retrying', 'needs_attention', "
            "'rejected', 'blocked', 'cancelled')",
            name=op.f("ck_delivery_state"),
        ),
        sa.CheckConstraint(
            "lost_answer IN ('key', 'lookup', 'neither')", name=op.f("ck_delivery_lost_answer")
        ),
        sa.ForeignKeyConstraint(
            ["claim_file_id"],
            ["claim_file.id"],
            name=op.f("fk_delivery_claim_file"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["repairer", "connector"],
            ["link.repairer", "link.connector"],
            name=op.f("fk_delivery_link"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_delivery")),
        sa.UniqueConstraint("id", name="uq_delivery_id"),
        sqlite_strict=True,
    )
    op.create_index("ix_delivery_lane", "delivery", ["claim_file_id", "number"], unique=False)
    op.create_index(
        "ix_delivery_held",
        "delivery",
        ["claim_file_id", "connector", "number"],
        unique=False,
        sqlite_where=sa.text("holds_lane"),
        postgresql_where=sa.text("holds_lane"),
    )
    op.create_index(
        "ix_delivery_due", "delivery", ["state", "connector", "next_attempt_at"], unique=False
    )
    op.create_index("ix_delivery_ended", "delivery", ["state", "updated_at"], unique=False)


def _make_claim_file_alias() -> None:
    op.create_table(
        "claim_file_alias",
        sa.Column("repairer", sa.Text(), nullable=False),
        sa.Column("connector", sa.Text(), nullable=False),
        sa.Column("partner_ref", sa.Text(), nullable=False),
        sa.Column("claim_file_id", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["claim_file_id"],
            ["claim_file.id"],
            name=op.f("fk_claim_file_alias_claim_file"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint(
            "repairer", "connector", "partner_ref", name=op.f("pk_claim_file_alias")
        ),
        sqlite_strict=True,
    )
    op.create_index("ix_claim_file_alias_file", "claim_file_alias", ["claim_file_id"], unique=False)


def _make_delivery_parts() -> None:
    op.create_table(
        "delivery_file",
        sa.Column("delivery_id", sa.Text(), nullable=False),
        sa.Column("place", WHOLE, autoincrement=False, nullable=False),
        sa.Column("file_id", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("content_type", sa.Text(), nullable=False),
        sa.Column("bytes", WHOLE, autoincrement=False, nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        _of_delivery("delivery_file"),
        sa.PrimaryKeyConstraint("delivery_id", "place", name=op.f("pk_delivery_file")),
        sqlite_strict=True,
    )
    op.create_index("ix_delivery_file_content", "delivery_file", ["sha256"], unique=False)
    op.create_table(
        "delivery_note",
        sa.Column("delivery_id", sa.Text(), nullable=False),
        sa.Column("step", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        _of_delivery("delivery_note"),
        sa.PrimaryKeyConstraint("delivery_id", "step", name=op.f("pk_delivery_note")),
        sqlite_strict=True,
    )
    op.create_table(
        "delivery_attempt",
        sa.Column("number", WHOLE, autoincrement=True, nullable=False),
        sa.Column("delivery_id", sa.Text(), nullable=False),
        sa.Column("at", WHOLE, autoincrement=False, nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=True),
        sa.Column("text", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "outcome IN ('done', 'not_sent', 'retry', 'ambiguous', 'rejected', 'blocked', "
            "'credentials_rejected', 'gone', 'failed')",
            name=op.f("ck_delivery_attempt_outcome"),
        ),
        _of_delivery("delivery_attempt"),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_delivery_attempt")),
        sqlite_strict=True,
    )
    op.create_index(
        "ix_delivery_attempt_delivery",
        "delivery_attempt",
        ["delivery_id", "number"],
        unique=False,
    )


def _of_delivery(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["delivery_id"],
        ["delivery.id"],
        name=op.f(f"fk_{table}_delivery"),
        ondelete="CASCADE",
    )


def _make_mail() -> None:
    op.create_table(
        "mail",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("repairer", sa.Text(), nullable=False),
        sa.Column("connector", sa.Text(), nullable=False),
        sa.Column("claim_file_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("next_attempt_at", WHOLE, nullable=True),
        sa.Column("lease", sa.Text(), nullable=True),
        sa.Column("lease_until", WHOLE, nullable=True),
        sa.Column("attempts", WHOLE, autoincrement=False, nullable=False),
        sa.Column("once", sa.Text(), nullable=True),
        sa.Column("recipient", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("created_at", WHOLE, autoincrement=False, nullable=False),
        sa.Column("ended_at", WHOLE, nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("facts", sa.Text(), nullable=False),
        sa.CheckConstraint("kind IN ('reminder', 'status')", name=op.f("ck_mail_kind")),
        sa.CheckConstraint(
            "state IN ('queued', 'sending', 'sent', 'retrying', 'needs_attention', 'rejected', "
            "'cancelled')",
            name=op.f("ck_mail_state"),
        ),
        sa.ForeignKeyConstraint(
            ["claim_file_id"],
            ["claim_file.id"],
            name=op.f("fk_mail_claim_file"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["repairer", "connector"],
            ["link.repairer", "link.connector"],
            name=op.f("fk_mail_link"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mail")),
        sa.UniqueConstraint("once", name="uq_mail_once"),
        sqlite_strict=True,
    )
    op.create_index("ix_mail_due", "mail", ["state", "next_attempt_at"], unique=False)
    op.create_index("ix_mail_claim_file", "mail", ["claim_file_id", "id"], unique=False)


def _make_dwell() -> None:
    op.create_table(
        "dwell",
        sa.Column("claim_file_id", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("since", WHOLE, autoincrement=False, nullable=False),
        sa.Column("limit_text", sa.Text(), nullable=False),
        sa.Column("told_at", WHOLE, autoincrement=False, nullable=False),
        sa.Column("is_past", FLAG, nullable=False),
        sa.ForeignKeyConstraint(
            ["claim_file_id"],
            ["claim_file.id"],
            name=op.f("fk_dwell_claim_file"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("claim_file_id", name=op.f("pk_dwell")),
        sqlite_strict=True,
    )


def _make_document_rule() -> None:
    op.create_table(
        "document_rule",
        sa.Column("connector", sa.Text(), nullable=False),
        sa.Column("claim_type", sa.Text(), nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("documents", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "origin IN ('file', 'api', 'connector', 'partner')",
            name=op.f("ck_document_rule_origin"),
        ),
        sa.PrimaryKeyConstraint("connector", "claim_type", name=op.f("pk_document_rule")),
        sqlite_strict=True,
    )


def _make_document_mark() -> None:
    op.create_table(
        "document_mark",
        sa.Column("claim_file_id", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("said_by", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("at", WHOLE, autoincrement=False, nullable=False),
        sa.CheckConstraint(
            "said_by IN ('person', 'partner')", name=op.f("ck_document_mark_said_by")
        ),
        sa.CheckConstraint(
            "state IN ('waived', 'rejected', 'received')", name=op.f("ck_document_mark_state")
        ),
        sa.ForeignKeyConstraint(
            ["claim_file_id"],
            ["claim_file.id"],
            name=op.f("fk_document_mark_claim_file"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("claim_file_id", "type", "said_by", name=op.f("pk_document_mark")),
        sqlite_strict=True,
    )


def _make_completeness() -> None:
    op.create_table(
        "completeness",
        sa.Column("claim_file_id", sa.Text(), nullable=False),
        sa.Column("received", WHOLE, autoincrement=False, nullable=False),
        sa.Column("missing", WHOLE, autoincrement=False, nullable=False),
        sa.Column("waived", WHOLE, autoincrement=False, nullable=False),
        sa.Column("missing_since", WHOLE, nullable=True),
        sa.ForeignKeyConstraint(
            ["claim_file_id"],
            ["claim_file.id"],
            name=op.f("fk_completeness_claim_file"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("claim_file_id", name=op.f("pk_completeness")),
        sqlite_strict=True,
    )
    op.create_index(
        "ix_completeness_missing",
        "completeness",
        ["claim_file_id"],
        unique=False,
        sqlite_where=sa.text("missing > 0"),
        postgresql_where=sa.text("missing > 0"),
    )
