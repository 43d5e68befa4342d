"""Deliveries, their files, what their attempts noted, and what the attempts came to."""

from __future__ import annotations

from sqlalchemy import ForeignKey, Index, PrimaryKeyConstraint, UniqueConstraint

from syncer.domain.deliveries import DeliveryState, LostAnswer, Outcome
from syncer.store.tables.columns import (
    flag,
    maybe_text,
    maybe_whole,
    number,
    of_link,
    one_of,
    table,
    text,
    whole,
)

delivery = table(
    "delivery",
    number("number"),
    text("id"),
    text("repairer"),
    text("connector"),
    text("claim_file_id"),
    text("operation"),
    text("state"),
    maybe_text("waiting_for"),
    flag("holds_lane"),
    maybe_whole("next_attempt_at"),
    maybe_text("lease"),
    maybe_whole("lease_until"),
    maybe_whole("attempt_at"),
    text("depends_on"),
    text("lost_answer"),
    flag("dry_run"),
    flag("in_doubt"),
    flag("was_sent"),
    whole("failures"),
    maybe_whole("failing_since"),
    whole("accepted_at"),
    whole("updated_at"),
    text("key"),
    maybe_text("reason"),
    text("payload"),
    maybe_text("receipt"),
    UniqueConstraint("id", name="uq_delivery_id"),
    of_link(),
    one_of("state", DeliveryState),
    one_of("lost_answer", LostAnswer),
)
delivery.c.claim_file_id.append_foreign_key(ForeignKey("claim_file.id", ondelete="RESTRICT"))
Index("ix_delivery_lane", delivery.c.claim_file_id, delivery.c.number)
Index(
    "ix_delivery_held",
    delivery.c.claim_file_id,
    delivery.c.connector,
    delivery.c.number,
    sqlite_where=delivery.c.holds_lane,
    postgresql_where=delivery.c.holds_lane,
)
Index("ix_delivery_due", *(delivery.c[n] for n in ("state", "connector", "next_attempt_at")))
Index("ix_delivery_ended", delivery.c.state, delivery.c.updated_at)

delivery_file = table(
    "delivery_file",
    text("delivery_id"),
    whole("place"),
    text("file_id"),
    text("type"),
    text("name"),
    text("content_type"),
    whole("bytes"),
    text("sha256"),
    PrimaryKeyConstraint("delivery_id", "place"),
)
delivery_file.c.delivery_id.append_foreign_key(ForeignKey("delivery.id", ondelete="CASCADE"))
Index("ix_delivery_file_content", delivery_file.c.sha256)

delivery_note = table(
    "delivery_note",
    text("delivery_id"),
    text("step"),
    text("value"),
    PrimaryKeyConstraint("delivery_id", "step"),
)
delivery_note.c.delivery_id.append_foreign_key(ForeignKey("delivery.id", ondelete="CASCADE"))

delivery_attempt = table(
    "delivery_attempt",
    number("number"),
    text("delivery_id"),
    whole("at"),
    text("outcome"),
    maybe_text("code"),
    maybe_text("text"),
    one_of("outcome", Outcome),
)
delivery_attempt.c.delivery_id.append_foreign_key(ForeignKey("delivery.id", ondelete="CASCADE"))
Index("ix_delivery_attempt_delivery", delivery_attempt.c.delivery_id, delivery_attempt.c.number)
