"""Mails to people: the queue and its log."""

from __future__ import annotations

from sqlalchemy import ForeignKey, Index, UniqueConstraint

from syncer.domain.mails import MailKind, MailState
from syncer.store.tables.columns import maybe_text, maybe_whole, of_link, one_of, table, text, whole

mail = table(
    "mail",
    text("id", key=True),
    text("repairer"),
    text("connector"),
    text("claim_file_id"),
    text("kind"),
    text("state"),
    maybe_whole("next_attempt_at"),
    maybe_text("lease"),
    maybe_whole("lease_until"),
    whole("attempts"),
    maybe_text("once"),
    text("recipient"),
    text("language"),
    whole("created_at"),
    maybe_whole("ended_at"),
    maybe_text("reason"),
    text("subject"),
    text("body"),
    text("facts"),
    UniqueConstraint("once", name="uq_mail_once"),
    of_link(),
    one_of("kind", MailKind),
    one_of("state", MailState),
)
mail.c.claim_file_id.append_foreign_key(ForeignKey("claim_file.id", ondelete="RESTRICT"))
Index("ix_mail_due", mail.c.state, mail.c.next_attempt_at)
Index("ix_mail_claim_file", mail.c.claim_file_id, mail.c.id)
