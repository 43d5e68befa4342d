"""Items that could not be read, and items of types that the connector does not know."""

from __future__ import annotations

from sqlalchemy import Index, PrimaryKeyConstraint

from syncer.domain.records import Kind
from syncer.store.tables.columns import (
    binary,
    maybe_text,
    maybe_whole,
    of_link,
    one_of,
    table,
    text,
    whole,
)

quarantined = table(
    "quarantined",
    text("id", key=True),
    text("repairer"),
    text("connector"),
    maybe_text("kind"),
    maybe_text("partner_ref"),
    text("reason"),
    binary("raw_hash"),
    whole("at"),
    maybe_whole("resolved_at"),
    binary("raw"),
    of_link(),
    one_of("kind", Kind),
)
Index(
    "ix_quarantined_waiting",
    *(quarantined.c[name] for name in ("repairer", "connector", "partner_ref")),
    sqlite_where=quarantined.c.resolved_at.is_(None),
    postgresql_where=quarantined.c.resolved_at.is_(None),
)

unknown_item = table(
    "unknown_item",
    text("repairer"),
    text("connector"),
    text("type"),
    text("partner_ref"),
    whole("at"),
    binary("raw"),
    PrimaryKeyConstraint("repairer", "connector", "type", "partner_ref"),
    of_link(),
)
