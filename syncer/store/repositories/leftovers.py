"""What earlier passes left on a link: attachments to fetch, records to complete."""

from __future__ import annotations

from sqlalchemy import ColumnElement, exists, literal_column, or_

from syncer.domain.intake import IntakeState
from syncer.domain.stored import AttachmentState
from syncer.store.tables import attachment, link, record

IS_INCOMPLETE: ColumnElement[bool] = literal_column("record.incomplete")
"""As the partial index spells it; ``incomplete = 1`` would not use it and read all of a link."""
_NOT_EXCLUDED = record.c.intake != IntakeState.EXCLUDED.value


def owner_is_imported() -> ColumnElement[bool]:
    """Say that the record which an attachment belongs to is there and not excluded."""
    return exists().where(
        record.c.repairer == attachment.c.repairer,
        record.c.connector == attachment.c.connector,
        record.c.partner_ref == attachment.c.owner_ref,
        record.c.kind == attachment.c.owner_kind,
        _NOT_EXCLUDED,
    )


def is_imported() -> ColumnElement[bool]:
    """Say that an attachment is shown on some record: its owner, or one of its claim file."""
    of_claim_file = exists().where(
        record.c.claim_file_id == attachment.c.claim_file_id, _NOT_EXCLUDED
    )
    return or_(owner_is_imported(), of_claim_file)


def has_leftovers() -> ColumnElement[bool]:
    """Say that a link has attachments to fetch or records to complete."""
    unfetched = exists().where(
        *_of_link(attachment.c.repairer, attachment.c.connector),
        attachment.c.state == AttachmentState.PENDING.value,
        is_imported(),
    )
    incomplete = exists().where(
        *_of_link(record.c.repairer, record.c.connector), IS_INCOMPLETE, _NOT_EXCLUDED
    )
    return or_(unfetched, incomplete)


def _of_link(
    repairer: ColumnElement[str], connector: ColumnElement[str]
) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return repairer == link.c.repairer, connector == link.c.connector
