"""Small durable facts: notes, breakers and remembered answers."""

from __future__ import annotations

from sqlalchemy import Index, PrimaryKeyConstraint

from syncer.store.tables.columns import (
    binary,
    maybe_whole,
    table,
    text,
    whole,
)

note = table("note", text("name", key=True), binary("value"))

breaker = table(
    "breaker", text("connector", key=True), maybe_whole("open_until"), whole("openings")
)

answer = table(
    "answer",
    text("route"),
    text("idempotency_key"),
    whole("at"),
    binary("fingerprint"),
    maybe_whole("status"),
    text("headers"),
    binary("body"),
    PrimaryKeyConstraint("route", "idempotency_key"),
)
Index("ix_answer_at", answer.c.at)
