"""The first schema.

Revision ID: 0001
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from syncer.store import postgresql, sqlite

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

WHOLE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
FLAG = sa.Boolean().with_variant(sa.Integer(), "sqlite")
KINDS = (
    "kind IN ('mission', 'quote', 'notice', 'follow_up', 'payment_notice', 'solicitation', "
    "'appointment', 'comment', 'invoice', 'document')"
)


def upgrade() -> None:
    """Make all tables, the head of the feed, and the triggers that guard the credentials."""
    _make_answer()
    _make_audit()
    _make_breaker()
    _make_change()
    _make_credential_reset()
    _make_feed_head()
    _make_note()
    _make_repairer()
    _make_link()
    _make_claim_file()
    _make_credential()
    _make_link_event()
    _make_pass()
    _make_quarantined()
    _make_unknown_item()
    _make_attachment()
    _make_credential_key()
    _make_record()
    _make_record_version()
    op.execute("INSERT INTO feed_head (one, seq, pruned) VALUES (1, 0, 0)")
    dialect = sqlite if op.get_bind().dialect.name == "sqlite" else postgresql
    for statement in dialect.refusals():
        op.execute(statement)


def _make_answer() -> None:
    op.create_table(
        "answer",
        sa.Column("route", sa.Text(), nullable=False),
        sa.Column("idempotency_key", sa.Text(), nullable=False),
        sa.Column("at", WHOLE, autoincrement=False, nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.Column("status", WHOLE, nullable=True),
        sa.Column("headers", sa.Text(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("route", "idempotency_key", name=op.f("pk_answer")),
        sqlite_strict=True,
    )
    op.create_index("ix_answer_at", "answer", ["at"], unique=False)


def _make_audit() -> None:
    op.create_table(
        "audit",
        sa.Column("seq", WHOLE, autoincrement=False, nullable=False),
        sa.Column("chain", WHOLE, autoincrement=False, nullable=False),
        sa.Column("at", WHOLE, autoincrement=False, nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("repairer", sa.Text(), nullable=True),
        sa.Column("connector", sa.Text(), nullable=True),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("mac", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_audit")),
        sqlite_strict=True,
    )


def _make_breaker() -> None:
    op.create_table(
        "breaker",
        sa.Column("connector", sa.Text(), nullable=False),
        sa.Column("open_until", WHOLE, nullable=True),
        sa.Column("openings", WHOLE, autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("connector", name=op.f("pk_breaker")),
        sqlite_strict=True,
    )


def _make_change() -> None:
    op.create_table(
        "change",
        sa.Column("seq", WHOLE, autoincrement=False, nullable=False),
        sa.Column("at", WHOLE, autoincrement=False, nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("repairer", sa.Text(), nullable=False),
        sa.Column("connector", sa.Text(), nullable=False),
        sa.Column("subject_type", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.Text(), nullable=False),
        sa.Column("data", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_change")),
        sqlite_strict=True,
    )


def _make_credential_reset() -> None:
    op.create_table(
        "credential_reset",
        sa.Column("credential_id", sa.LargeBinary(), nullable=False),
        sa.Column("ticket", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("at", WHOLE, autoincrement=False, nullable=False),
        sa.CheckConstraint("length(ticket) > 0", name=op.f("ck_credential_reset_ticket")),
        sa.PrimaryKeyConstraint("credential_id", name=op.f("pk_credential_reset")),
        sqlite_strict=True,
    )


def _make_feed_head() -> None:
    op.create_table(
        "feed_head",
        sa.Column("one", WHOLE, autoincrement=False, nullable=False),
        sa.Column("seq", WHOLE, autoincrement=False, nullable=False),
        sa.Column("pruned", WHOLE, autoincrement=False, nullable=False),
        sa.CheckConstraint("one = 1", name=op.f("ck_feed_head_one")),
        sa.CheckConstraint("pruned <= seq", name=op.f("ck_feed_head_pruned")),
        sa.PrimaryKeyConstraint("one", name=op.f("pk_feed_head")),
        sqlite_strict=True,
    )


def _make_note() -> None:
    op.create_table(
        "note",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_note")),
        sqlite_strict=True,
    )


def _make_repairer() -> None:
    op.create_table(
        "repairer",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("sites", sa.Text(), nullable=False),
        sa.Column("prefilled", sa.Text(), nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("created_at", WHOLE, autoincrement=False, nullable=False),
        sa.CheckConstraint("origin IN ('file', 'api')", name=op.f("ck_repairer_origin")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_repairer")),
        sqlite_strict=True,
    )


def _make_link() -> None:
    op.create_table(
        "link",
        sa.Column("repairer", sa.Text(), nullable=False),
        sa.Column("connector", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("generation", WHOLE, autoincrement=False, nullable=False),
        sa.Column("settings", sa.Text(), nullable=False),
        sa.Column("start_date", sa.Text(), nullable=True),
        sa.Column("cursor", sa.Text(), nullable=True),
        sa.Column("activation_cursor", sa.Text(), nullable=True),
        sa.Column("first_pass_at", WHOLE, nullable=True),
        sa.Column("next_due_at", WHOLE, nullable=True),
        sa.Column("hold_until", WHOLE, nullable=True),
        sa.Column("last_pass_id", sa.Text(), nullable=True),
        sa.Column("last_pass_state", sa.Text(), nullable=True),
        sa.Column("last_pass_ended_at", WHOLE, nullable=True),
        sa.Column("last_success_at", WHOLE, nullable=True),
        sa.CheckConstraint(
            "state IN ('unconfigured', 'active', 'credentials_rejected', 'paused', "
            "'superseded', 'unavailable')",
            name=op.f("ck_link_state"),
        ),
        sa.ForeignKeyConstraint(
            ["repairer"], ["repairer.id"], name=op.f("fk_link_repairer"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("repairer", "connector", name=op.f("pk_link")),
        sqlite_strict=True,
    )
    op.create_index(
        "ix_link_due",
        "link",
        ["next_due_at"],
        unique=False,
        sqlite_where=sa.text("state = 'active'"),
        postgresql_where=sa.text("state = 'active'"),
    )


def _make_claim_file() -> None:
    op.create_table(
        "claim_file",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("repairer", sa.Text(), nullable=False),
        sa.Column("connector", sa.Text(), nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=True),
        sa.Column("partner_ref", sa.Text(), nullable=True),
        sa.Column("claim_number", sa.Text(), nullable=True),
        sa.Column("claim_type", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=True),
        sa.Column("partner_data", sa.Text(), nullable=False),
        sa.Column("person_data", sa.Text(), nullable=False),
        sa.Column("person_set_at", sa.Text(), nullable=False),
        sa.Column("contributed_at", WHOLE, nullable=True),
        sa.Column("created_at", WHOLE, autoincrement=False, nullable=False),
        sa.Column("updated_at", WHOLE, autoincrement=False, nullable=False),
        sa.Column("folded_reference", sa.Text(), nullable=True),
        sa.Column("folded_partner_ref", sa.Text(), nullable=True),
        sa.Column("folded_claim_number", sa.Text(), nullable=True),
        sa.CheckConstraint("origin IN ('partner', 'planning')", name=op.f("ck_claim_file_origin")),
        sa.ForeignKeyConstraint(
            ["repairer", "connector"],
            ["link.repairer", "link.connector"],
            name=op.f("fk_claim_file_link"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_claim_file")),
        sa.UniqueConstraint(
            "repairer", "connector", "partner_ref", name="uq_claim_file_partner_ref"
        ),
        sqlite_strict=True,
    )
    op.create_index(
        "ix_claim_file_listed",
        "claim_file",
        [sa.literal_column("updated_at DESC"), "id"],
        unique=False,
    )
    op.create_index(
        "ix_claim_file_reference",
        "claim_file",
        ["repairer", "connector", "reference"],
        unique=False,
    )


def _make_credential() -> None:
    op.create_table(
        "credential",
        sa.Column("credential_id", sa.LargeBinary(), nullable=False),
        sa.Column("repairer", sa.Text(), nullable=False),
        sa.Column("connector", sa.Text(), nullable=False),
        sa.Column("generation", WHOLE, autoincrement=False, nullable=False),
        sa.Column("schema", sa.Text(), nullable=False),
        sa.Column("fields", sa.Text(), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", WHOLE, autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(
            ["repairer", "connector"],
            ["link.repairer", "link.connector"],
            name=op.f("fk_credential_link"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("credential_id", name=op.f("pk_credential")),
        sa.UniqueConstraint("repairer", "connector", name="uq_credential_link"),
        sqlite_strict=True,
    )


def _make_link_event() -> None:
    op.create_table(
        "link_event",
        sa.Column("number", WHOLE, autoincrement=True, nullable=False),
        sa.Column("repairer", sa.Text(), nullable=False),
        sa.Column("connector", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("at", WHOLE, autoincrement=False, nullable=False),
        sa.CheckConstraint(
            "kind IN ('auth_failure', 'verification')", name=op.f("ck_link_event_kind")
        ),
        sa.ForeignKeyConstraint(
            ["repairer", "connector"],
            ["link.repairer", "link.connector"],
            name=op.f("fk_link_event_link"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_link_event")),
        sqlite_strict=True,
    )
    op.create_index(
        "ix_link_event_link", "link_event", ["repairer", "connector", "kind", "at"], unique=False
    )


def _make_pass() -> None:
    op.create_table(
        "pass",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("repairer", sa.Text(), nullable=False),
        sa.Column("connector", sa.Text(), nullable=False),
        sa.Column("trigger", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("pages", WHOLE, autoincrement=False, nullable=False),
        sa.Column("counts", sa.Text(), nullable=False),
        sa.Column("error_code", sa.Text(), nullable=True),
        sa.Column("error_text", sa.Text(), nullable=True),
        sa.Column("retry_at", WHOLE, nullable=True),
        sa.Column("created_at", WHOLE, autoincrement=False, nullable=False),
        sa.Column("started_at", WHOLE, nullable=True),
        sa.Column("ended_at", WHOLE, nullable=True),
        sa.CheckConstraint(
            "state IN ('queued', 'running', 'succeeded', 'partial', 'failed', 'cancelled')",
            name=op.f("ck_pass_state"),
        ),
        sa.CheckConstraint("trigger IN ('schedule', 'refresh')", name=op.f("ck_pass_trigger")),
        sa.ForeignKeyConstraint(
            ["repairer", "connector"],
            ["link.repairer", "link.connector"],
            name=op.f("fk_pass_link"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pass")),
        sqlite_strict=True,
    )
    op.create_index("ix_pass_link", "pass", ["repairer", "connector", "id"], unique=False)
    op.create_index("ix_pass_state", "pass", ["state", "ended_at"], unique=False)


def _make_quarantined() -> None:
    op.create_table(
        "quarantined",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("repairer", sa.Text(), nullable=False),
        sa.Column("connector", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=True),
        sa.Column("partner_ref", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("raw_hash", sa.LargeBinary(), nullable=False),
        sa.Column("at", WHOLE, autoincrement=False, nullable=False),
        sa.Column("resolved_at", WHOLE, nullable=True),
        sa.Column("raw", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint(KINDS, name=op.f("ck_quarantined_kind")),
        sa.ForeignKeyConstraint(
            ["repairer", "connector"],
            ["link.repairer", "link.connector"],
            name=op.f("fk_quarantined_link"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_quarantined")),
        sqlite_strict=True,
    )
    op.create_index(
        "ix_quarantined_waiting",
        "quarantined",
        ["repairer", "connector", "partner_ref"],
        unique=False,
        sqlite_where=sa.text("resolved_at IS NULL"),
        postgresql_where=sa.text("resolved_at IS NULL"),
    )


def _make_unknown_item() -> None:
    op.create_table(
        "unknown_item",
        sa.Column("repairer", sa.Text(), nullable=False),
        sa.Column("connector", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("partner_ref", sa.Text(), nullable=False),
        sa.Column("at", WHOLE, autoincrement=False, nullable=False),
        sa.Column("raw", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["repairer", "connector"],
            ["link.repairer", "link.connector"],
            name=op.f("fk_unknown_item_link"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint(
            "repairer", "connector", "type", "partner_ref", name=op.f("pk_unknown_item")
        ),
        sqlite_strict=True,
    )


def _make_attachment() -> None:
    op.create_table(
        "attachment",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("repairer", sa.Text(), nullable=False),
        sa.Column("connector", sa.Text(), nullable=False),
        sa.Column("owner_kind", sa.Text(), nullable=False),
        sa.Column("owner_ref", sa.Text(), nullable=False),
        sa.Column("partner_ref", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("announced_type", sa.Text(), nullable=True),
        sa.Column("announced_bytes", WHOLE, nullable=True),
        sa.Column("announced_sha256", sa.Text(), nullable=True),
        sa.Column("taken_at", WHOLE, nullable=True),
        sa.Column("claim_file_id", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("stored_type", sa.Text(), nullable=True),
        sa.Column("stored_bytes", WHOLE, nullable=True),
        sa.Column("stored_sha256", sa.Text(), nullable=True),
        sa.Column("offered_at", WHOLE, autoincrement=False, nullable=False),
        sa.Column("ended_at", WHOLE, nullable=True),
        sa.CheckConstraint(
            "state IN ('pending', 'stored', 'refused')", name=op.f("ck_attachment_state")
        ),
        sa.ForeignKeyConstraint(
            ["claim_file_id"],
            ["claim_file.id"],
            name=op.f("fk_attachment_claim_file"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["repairer", "connector"],
            ["link.repairer", "link.connector"],
            name=op.f("fk_attachment_link"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attachment")),
        sa.UniqueConstraint(
            "owner_ref",
            "owner_kind",
            "repairer",
            "connector",
            "partner_ref",
            name="uq_attachment_key",
        ),
        sqlite_strict=True,
    )
    op.create_index("ix_attachment_claim_file", "attachment", ["claim_file_id"], unique=False)
    op.create_index("ix_attachment_content", "attachment", ["stored_sha256"], unique=False)
    op.create_index(
        "ix_attachment_counted",
        "attachment",
        ["repairer", "connector", "state", "id"],
        unique=False,
    )


def _make_credential_key() -> None:
    op.create_table(
        "credential_key",
        sa.Column("credential_id", sa.LargeBinary(), nullable=False),
        sa.Column("kid", sa.LargeBinary(), nullable=False),
        sa.Column("wrapped_key", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["credential_id"],
            ["credential.credential_id"],
            name=op.f("fk_credential_key_credential"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("credential_id", name=op.f("pk_credential_key")),
        sqlite_strict=True,
    )
    op.create_index("ix_credential_key_kid", "credential_key", ["kid"], unique=False)


def _make_record() -> None:
    op.create_table(
        "record",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("repairer", sa.Text(), nullable=False),
        sa.Column("connector", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("partner_ref", sa.Text(), nullable=False),
        sa.Column("revision", sa.Text(), nullable=False),
        sa.Column("version", WHOLE, autoincrement=False, nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("status_changed_at", WHOLE, autoincrement=False, nullable=False),
        sa.Column("received_at", WHOLE, autoincrement=False, nullable=False),
        sa.Column("intake", sa.Text(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=True),
        sa.Column("decided_by", sa.Text(), nullable=False),
        sa.Column("person_state", sa.Text(), nullable=True),
        sa.Column("decided_at", WHOLE, autoincrement=False, nullable=False),
        sa.Column("taken_over_at", WHOLE, nullable=True),
        sa.Column("taken_over_version", WHOLE, nullable=True),
        sa.Column("claim_file_id", sa.Text(), nullable=True),
        sa.Column("withdrawn", FLAG, nullable=False),
        sa.Column("incomplete", FLAG, nullable=False),
        sa.Column("smart_expertise", FLAG, nullable=True),
        sa.Column("folded_number", sa.Text(), nullable=True),
        sa.Column("folded_plate", sa.Text(), nullable=True),
        sa.Column("folded_name", sa.Text(), nullable=True),
        sa.Column("folded_make", sa.Text(), nullable=True),
        sa.Column("folded_model", sa.Text(), nullable=True),
        sa.Column("folded_site", sa.Text(), nullable=True),
        sa.Column("folded_claim_number", sa.Text(), nullable=True),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("decided_by IN ('rule', 'person')", name=op.f("ck_record_decided_by")),
        sa.CheckConstraint(
            "intake IN ('queued', 'accepted', 'dismissed', 'excluded')",
            name=op.f("ck_record_intake"),
        ),
        sa.CheckConstraint(KINDS, name=op.f("ck_record_kind")),
        sa.CheckConstraint(
            "person_state IN ('accepted', 'dismissed')", name=op.f("ck_record_person_state")
        ),
        sa.ForeignKeyConstraint(
            ["claim_file_id"],
            ["claim_file.id"],
            name=op.f("fk_record_claim_file"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["repairer", "connector"],
            ["link.repairer", "link.connector"],
            name=op.f("fk_record_link"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_record")),
        sa.UniqueConstraint("repairer", "connector", "partner_ref", "kind", name="uq_record_key"),
        sqlite_strict=True,
    )
    op.create_index("ix_record_claim_file", "record", ["claim_file_id"], unique=False)
    op.create_index(
        "ix_record_counted",
        "record",
        ["repairer", "connector", "intake", "taken_over_at"],
        unique=False,
    )
    op.create_index(
        "ix_record_incomplete",
        "record",
        ["repairer", "connector", "id"],
        unique=False,
        sqlite_where=sa.text("incomplete"),
        postgresql_where=sa.text("incomplete"),
    )
    op.create_index(
        "ix_record_listed",
        "record",
        [sa.literal_column("status_changed_at DESC"), "id"],
        unique=False,
    )


def _make_record_version() -> None:
    op.create_table(
        "record_version",
        sa.Column("number", WHOLE, autoincrement=True, nullable=False),
        sa.Column("record_id", sa.Text(), nullable=False),
        sa.Column("version", WHOLE, autoincrement=False, nullable=False),
        sa.Column("revision", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("status_changed_at", WHOLE, autoincrement=False, nullable=False),
        sa.Column("received_at", WHOLE, autoincrement=False, nullable=False),
        sa.Column("replaced_at", WHOLE, autoincrement=False, nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["record_id"], ["record.id"], name=op.f("fk_record_version_record"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_record_version")),
        sqlite_strict=True,
    )
    op.create_index(
        "ix_record_version_record", "record_version", ["record_id", "number"], unique=False
    )
    op.create_index("ix_record_version_replaced", "record_version", ["replaced_at"], unique=False)
    # ### end Alembic commands ###
