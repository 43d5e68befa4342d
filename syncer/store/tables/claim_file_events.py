"""What happened to claim files."""

from __future__ import annotations

from sqlalchemy import ForeignKey, UniqueConstraint

from syncer.domain.lives import EventOutcome
from syncer.store.tables.columns import maybe_text, maybe_whole, number, one_of, table, text, whole

claim_file_event = table(
    "claim_file_event",
    number("number"),
    text("claim_file_id"),
    text("key"),
    text("name"),
    whole("at"),
    whole("sorted_by"),
    maybe_text("note"),
    text("data"),
    text("outcome"),
    maybe_whole("place"),
    maybe_text("from_state"),
    maybe_text("to_state"),
    maybe_text("reason"),
    maybe_text("record_id"),
    maybe_text("delivery_id"),
    UniqueConstraint("claim_file_id", "key", name="uq_claim_file_event_key"),
    one_of("outcome", EventOutcome),
)
claim_file_event.c.claim_file_id.append_foreign_key(
    ForeignKey("claim_file.id", ondelete="RESTRICT")
)
claim_file_event.c.record_id.append_foreign_key(ForeignKey("record.id", ondelete="RESTRICT"))
