"""Claim files that stayed in a state for longer than they may."""

from __future__ import annotations

from sqlalchemy import ForeignKey

from syncer.store.tables.columns import flag, table, text, whole

dwell = table(
    "dwell",
    text("claim_file_id", key=True),
    text("state"),
    whole("since"),
    text("limit_text"),
    whole("told_at"),
    flag("is_past"),
)
dwell.c.claim_file_id.append_foreign_key(ForeignKey("claim_file.id", ondelete="RESTRICT"))
