"""Passes that are kept, and the change feed."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Index

from syncer.domain.passes import PassState, PassTrigger
from syncer.store.tables.columns import (
    maybe_text,
    maybe_whole,
    of_link,
    one_of,
    table,
    text,
    whole,
)

kept_pass = table(
    "pass",
    text("id", key=True),
    text("repairer"),
    text("connector"),
    text("trigger"),
    text("state"),
    whole("pages"),
    text("counts"),
    maybe_text("error_code"),
    maybe_text("error_text"),
    maybe_whole("retry_at"),
    whole("created_at"),
    maybe_whole("started_at"),
    maybe_whole("ended_at"),
    of_link(),
    one_of("trigger", PassTrigger),
    one_of("state", PassState),
)
Index("ix_pass_link", *(kept_pass.c[name] for name in ("repairer", "connector", "id")))
Index("ix_pass_state", kept_pass.c.state, kept_pass.c.ended_at)

change = table(
    "change",
    whole("seq", key=True),
    whole("at"),
    text("type"),
    text("repairer"),
    text("connector"),
    text("subject_type"),
    text("subject_id"),
    text("data"),
)

feed_head = table(
    "feed_head",
    whole("one", key=True),
    whole("seq"),
    whole("pruned"),
    CheckConstraint("one = 1", name="one"),
    CheckConstraint("pruned <= seq", name="pruned"),
)
