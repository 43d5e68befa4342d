"""Repairers, links, and what happened on a link that is counted."""

from __future__ import annotations

from sqlalchemy import ForeignKey, Index

from syncer.domain.links import LinkState
from syncer.store.tables.columns import (
    maybe_text,
    maybe_whole,
    number,
    of_link,
    one_of,
    table,
    text,
    whole,
)

repairer = table(
    "repairer",
    text("id", key=True),
    text("name"),
    text("sites"),
    text("prefilled"),
    text("origin"),
    whole("created_at"),
    one_of("origin", ("file", "api")),
)

link = table(
    "link",
    text("repairer", key=True),
    text("connector", key=True),
    text("state"),
    maybe_text("reason"),
    whole("generation"),
    text("settings"),
    maybe_text("start_date"),
    maybe_text("cursor"),
    maybe_text("activation_cursor"),
    maybe_whole("first_pass_at"),
    maybe_whole("next_due_at"),
    maybe_whole("hold_until"),
    maybe_text("last_pass_id"),
    maybe_text("last_pass_state"),
    maybe_whole("last_pass_ended_at"),
    maybe_whole("last_success_at"),
    one_of("state", LinkState),
)
link.c.repairer.append_foreign_key(ForeignKey("repairer.id", ondelete="RESTRICT"))

Index(
    "ix_link_due",
    link.c.next_due_at,
    sqlite_where=link.c.state == LinkState.ACTIVE.value,
    postgresql_where=link.c.state == LinkState.ACTIVE.value,
)

link_event = table(
    "link_event",
    number("number"),
    text("repairer"),
    text("connector"),
    text("kind"),
    whole("at"),
    one_of("kind", ("auth_failure", "verification")),
    of_link(),
)
Index(
    "ix_link_event_link", *(link_event.c[name] for name in ("repairer", "connector", "kind", "at"))
)
