"""Records as JSON: what the store keeps, what the API shows, what the feed tells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import msgspec

from syncer.domain.feed import Change, ChangeType, SubjectType
from syncer.domain.instants import to_text
from syncer.domain.intake import Decision, IntakeState
from syncer.domain.links import LinkKey
from syncer.domain.records import Record, RecordKey
from syncer.domain.stored import RecordVersion, StoredAttachment, StoredRecord

Json = dict[str, Any]

encode_record = msgspec.json.Encoder(decimal_format="string").encode
"""Write a record as the JSON that the store keeps; decimals are text, instants have ``Z``."""

_RECORD = msgspec.json.Decoder(Record)
_BODY = msgspec.json.Decoder()
_PARTS = (
    "number",
    "previous_status",
    "site",
    "smart_expertise",
    "vehicle",
    "insurer",
    "insured",
    "surveyor",
    "loss_date",
    "totals",
    "lines",
    "extra",
)


def decode_record(body: bytes) -> Record:
    """Read back the record that ``encode_record`` wrote; it equals the one that was written."""
    record = _RECORD.decode(body)
    return replace(record, lines=tuple(record.lines))


def record_view(
    record: StoredRecord,
    attachments: Sequence[StoredAttachment] = (),
    *,
    missing_documents: int = 0,
) -> Json:
    """Give a stored record as the API shows it.

    An excluded record has no lines and no attachments, whatever was read before it was excluded.
    """
    body = _BODY.decode(record.body)
    parts = {name: body[name] for name in _PARTS}
    excluded = record.decision.state is IntakeState.EXCLUDED
    return {
        "id": record.id,
        "connector": record.link.connector,
        "repairer": record.link.repairer,
        "claim_file": record.claim_file_id,
        "kind": record.key.kind,
        "partner_ref": record.key.partner_ref,
        "version": record.version,
        "status": record.status,
        "status_changed_at": to_text(record.status_changed_at),
        "received_at": to_text(record.received_at),
        "withdrawn": record.withdrawn,
        **parts,
        "lines": [] if excluded else parts["lines"],
        "intake": _intake_view(record),
        "taken_over_at": _text_of(record.taken_over_at),
        "taken_over_version": record.taken_over_version,
        "missing_documents": missing_documents,
        "attachments": [] if excluded else [attachment_view(one) for one in attachments],
    }


def version_view(version: RecordVersion) -> Json:
    """Give one version of a record's history as the API shows it."""
    body = _BODY.decode(version.body)
    return {
        "version": version.version,
        "status": version.status,
        "status_changed_at": to_text(version.status_changed_at),
        "received_at": to_text(version.received_at),
        "record": {
            "kind": body["kind"],
            "partner_ref": body["partner_ref"],
            "version": version.version,
            "status": version.status,
            "status_changed_at": to_text(version.status_changed_at),
            **{name: body[name] for name in _PARTS},
        },
    }


def attachment_view(stored: StoredAttachment) -> Json:
    """Give an attachment as the API shows it."""
    announced = stored.attachment
    return {
        "id": stored.id,
        "kind": stored.document_type or announced.kind,
        "name": announced.name,
        "content_type": announced.content_type,
        "bytes": announced.bytes,
        "sha256": announced.sha256,
        "taken_at": _text_of(announced.taken_at),
        "state": stored.state,
        "reason": stored.reason,
    }


def record_change(
    type_: ChangeType,
    link: LinkKey,
    id_: str,
    key: RecordKey,
    *,
    status: str,
    version: int,
    intake: IntakeState,
) -> Change:
    """Make the feed entry that tells of a record."""
    return Change(
        type=type_,
        repairer=link.repairer,
        connector=link.connector,
        subject_type=SubjectType.RECORD,
        subject_id=id_,
        data={
            "kind": key.kind,
            "status": status,
            "version": version,
            "intake": intake,
            "partner_ref": key.partner_ref,
        },
    )


def stored_record_change(
    type_: ChangeType, record: StoredRecord, *, decision: Decision | None = None
) -> Change:
    """Make the feed entry that tells of a stored record, after ``decision`` when one was made."""
    return record_change(
        type_,
        record.link,
        record.id,
        record.key,
        status=record.status,
        version=record.version,
        intake=(decision or record.decision).state,
    )


def claim_file_change(
    type_: ChangeType, link: LinkKey, id_: str, facts: Mapping[str, Any]
) -> Change:
    """Make the feed entry that tells of a claim file."""
    return Change(
        type=type_,
        repairer=link.repairer,
        connector=link.connector,
        subject_type=SubjectType.CLAIM_FILE,
        subject_id=id_,
        data=facts,
    )


def _intake_view(record: StoredRecord) -> Json:
    return {
        "state": record.decision.state,
        "rule": record.decision.rule,
        "decided_at": to_text(record.decided_at),
        "decided_by": record.decision.decided_by,
    }


def _text_of(instant: datetime | None) -> str | None:
    return None if instant is None else to_text(instant)
