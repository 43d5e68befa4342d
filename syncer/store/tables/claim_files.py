"""Claim files, and the attachments that are shown on their records."""

from __future__ import annotations

from sqlalchemy import ForeignKey, Index, PrimaryKeyConstraint, UniqueConstraint

from syncer.domain.claim_files import Origin
from syncer.domain.lifecycles import Stage
from syncer.domain.stored import AttachmentState
from syncer.store.tables.columns import (
    maybe_flag,
    maybe_text,
    maybe_whole,
    of_link,
    one_of,
    table,
    text,
    whole,
)

claim_file = table(
    "claim_file",
    text("id", key=True),
    text("repairer"),
    text("connector"),
    text("origin"),
    maybe_text("reference"),
    maybe_text("partner_ref"),
    maybe_text("claim_number"),
    maybe_text("claim_type"),
    maybe_text("state"),
    maybe_flag("selectable"),
    maybe_text("selectable_reason"),
    maybe_text("stage"),
    maybe_text("life"),
    text("partner_data"),
    text("person_data"),
    text("person_set_at"),
    maybe_whole("contributed_at"),
    whole("created_at"),
    whole("updated_at"),
    maybe_text("folded_reference"),
    maybe_text("folded_partner_ref"),
    maybe_text("folded_claim_number"),
    UniqueConstraint("repairer", "connector", "partner_ref", name="uq_claim_file_partner_ref"),
    of_link(),
    one_of("origin", Origin),
    one_of("stage", Stage),
)
Index(
    "ix_claim_file_reference",
    *(claim_file.c[name] for name in ("repairer", "connector", "reference")),
)
Index("ix_claim_file_listed", claim_file.c.updated_at.desc(), claim_file.c.id)

claim_file_alias = table(
    "claim_file_alias",
    text("repairer"),
    text("connector"),
    text("partner_ref"),
    text("claim_file_id"),
    PrimaryKeyConstraint("repairer", "connector", "partner_ref"),
)
"""Further ids of a claim at the partner: a dossier sent for one that is there already."""
claim_file_alias.c.claim_file_id.append_foreign_key(
    ForeignKey("claim_file.id", ondelete="RESTRICT")
)
Index("ix_claim_file_alias_file", claim_file_alias.c.claim_file_id)

attachment = table(
    "attachment",
    text("id", key=True),
    text("repairer"),
    text("connector"),
    text("owner_kind"),
    text("owner_ref"),
    text("partner_ref"),
    text("kind"),
    maybe_text("name"),
    maybe_text("announced_type"),
    maybe_whole("announced_bytes"),
    maybe_text("announced_sha256"),
    maybe_whole("taken_at"),
    maybe_text("claim_file_id"),
    text("state"),
    maybe_text("reason"),
    maybe_text("stored_type"),
    maybe_whole("stored_bytes"),
    maybe_text("stored_sha256"),
    whole("offered_at"),
    maybe_whole("ended_at"),
    UniqueConstraint(
        "owner_ref", "owner_kind", "repairer", "connector", "partner_ref", name="uq_attachment_key"
    ),
    of_link(),
    one_of("state", AttachmentState),
)
attachment.c.claim_file_id.append_foreign_key(ForeignKey("claim_file.id", ondelete="RESTRICT"))
Index("ix_attachment_content", attachment.c.stored_sha256)
Index("ix_attachment_claim_file", attachment.c.claim_file_id)
Index("ix_attachment_counted", *(attachment.c[n] for n in ("repairer", "connector", "state", "id")))
