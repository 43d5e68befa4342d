"""Sealed credentials, their wrapped keys, resets and the audit chain, all guarded by triggers.

The triggers are in the dialect modules, because each database writes them in its own way.
"""

from __future__ import annotations

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint

from syncer.store.tables.columns import binary, maybe_text, of_link, table, text, whole

credential = table(
    "credential",
    binary("credential_id", key=True),
    text("repairer"),
    text("connector"),
    whole("generation"),
    text("schema"),
    text("fields"),
    binary("payload"),
    whole("created_at"),
    UniqueConstraint("repairer", "connector", name="uq_credential_link"),
    of_link(),
)

credential_key = table(
    "credential_key",
    binary("credential_id", key=True),
    binary("kid"),
    binary("wrapped_key"),
)
credential_key.c.credential_id.append_foreign_key(
    ForeignKey("credential.credential_id", ondelete="RESTRICT")
)
Index("ix_credential_key_kid", credential_key.c.kid)

credential_reset = table(
    "credential_reset",
    binary("credential_id", key=True),
    text("ticket"),
    text("actor"),
    whole("at"),
    CheckConstraint("length(ticket) > 0", name="ticket"),
)

audit = table(
    "audit",
    whole("seq", key=True),
    whole("chain"),
    whole("at"),
    text("action"),
    text("actor"),
    maybe_text("repairer"),
    maybe_text("connector"),
    text("detail"),
    binary("mac"),
)
