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
    _make_lives()
    _make_claim_file_event()


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
