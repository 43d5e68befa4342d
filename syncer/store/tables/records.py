"""Inbound records and the versions that they had."""

from __future__ import annotations

from sqlalchemy import ForeignKey, Index, UniqueConstraint

from syncer.domain.intake import DecidedBy, IntakeState
from syncer.domain.records import Kind
from syncer.store.tables.columns import (
    binary,
    flag,
    maybe_flag,
    maybe_text,
    maybe_whole,
    number,
    of_link,
    one_of,
    table,
    text,
    whole,
)

record = table(
    "record",
    text("id", key=True),
    text("repairer"),
    text("connector"),
    text("kind"),
    text("partner_ref"),
    text("revision"),
    whole("version"),
    text("status"),
    whole("status_changed_at"),
    whole("received_at"),
    text("intake"),
    maybe_text("rule"),
    text("decided_by"),
    maybe_text("person_state"),
    whole("decided_at"),
    maybe_whole("taken_over_at"),
    maybe_whole("taken_over_version"),
    maybe_text("claim_file_id"),
    flag("withdrawn"),
    flag("incomplete"),
    maybe_flag("smart_expertise"),
    maybe_text("folded_number"),
    maybe_text("folded_plate"),
    maybe_text("folded_name"),
    maybe_text("folded_make"),
    maybe_text("folded_model"),
    maybe_text("folded_site"),
    maybe_text("folded_claim_number"),
    binary("body"),
    UniqueConstraint("repairer", "connector", "partner_ref", "kind", name="uq_record_key"),
    of_link(),
    one_of("kind", Kind),
    one_of("intake", IntakeState),
    one_of("decided_by", DecidedBy),
    one_of("person_state", (IntakeState.ACCEPTED, IntakeState.DISMISSED)),
)
record.c.claim_file_id.append_foreign_key(ForeignKey("claim_file.id", ondelete="RESTRICT"))

Index("ix_record_listed", record.c.status_changed_at.desc(), record.c.id)
Index(
    "ix_record_counted",
    *(record.c[name] for name in ("repairer", "connector", "intake", "taken_over_at")),
)
Index("ix_record_claim_file", record.c.claim_file_id)
Index(
    "ix_record_incomplete",
    record.c.repairer,
    record.c.connector,
    record.c.id,
    sqlite_where=record.c.incomplete,
    postgresql_where=record.c.incomplete,
)

record_version = table(
    "record_version",
    number("number"),
    text("record_id"),
    whole("version"),
    text("revision"),
    text("status"),
    whole("status_changed_at"),
    whole("received_at"),
    whole("replaced_at"),
    binary("body"),
)
record_version.c.record_id.append_foreign_key(ForeignKey("record.id", ondelete="RESTRICT"))
Index("ix_record_version_record", record_version.c.record_id, record_version.c.number)
Index("ix_record_version_replaced", record_version.c.replaced_at)
