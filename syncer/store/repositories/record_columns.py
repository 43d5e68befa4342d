"""How a record stands in its columns."""

from __future__ import annotations

from typing import Any

from syncer.domain.instants import from_micros, to_micros
from syncer.domain.intake import DecidedBy, Decision, IntakeState
from syncer.domain.links import LinkKey
from syncer.domain.records import Kind, Record, RecordKey
from syncer.domain.search import fold
from syncer.domain.stored import DecisionWrite, RecordWrite, StoredRecord
from syncer.store.connection import Cells
from syncer.store.repositories.instants import instant
from syncer.store.tables import record as table

_NAMES = (
    "id", "repairer", "connector", "kind", "partner_ref", "revision", "version", "status",
    "status_changed_at", "received_at", "body", "intake", "rule", "decided_by", "person_state",
    "decided_at", "taken_over_at", "taken_over_version", "claim_file_id", "withdrawn", "incomplete",
)  # fmt: skip
STORED_COLUMNS = tuple(table.c[name] for name in _NAMES)


def folded(*texts: str | None) -> str | None:
    """Give texts as filters compare them; those of one column stand on lines of their own."""
    present = [text for text in texts if text]
    return fold("\n".join(present)) if present else None


def written_values(row: RecordWrite) -> dict[str, Any]:
    """Give what a new version of a record sets, its decision included."""
    record = row.record
    vehicle, insurer, site = record.vehicle, record.insurer, record.site
    return {
        "id": row.id,
        "revision": record.revision,
        "version": row.version,
        "status": record.status,
        "status_changed_at": to_micros(record.status_changed_at),
        "received_at": to_micros(row.received_at),
        "claim_file_id": row.claim_file_id,
        "smart_expertise": record.smart_expertise,
        "folded_number": folded(record.number),
        "folded_plate": folded(vehicle.plate) if vehicle else None,
        "folded_name": _folded_names(record),
        "folded_make": folded(vehicle.make) if vehicle else None,
        "folded_model": folded(vehicle.model) if vehicle else None,
        "folded_site": folded(site.id, site.name) if site else None,
        "folded_claim_number": folded(
            insurer.claim_number if insurer else None,
            record.claim.claim_number if record.claim else None,
        ),
        "body": row.body,
        **_decision(row.decision, row.person_state),
        "decided_at": to_micros(row.decided_at),
        "incomplete": row.incomplete,
    }


def _folded_names(record: Record) -> str | None:
    return folded(
        record.insured.name if record.insured else None,
        record.insurer.name if record.insurer else None,
        record.surveyor.name if record.surveyor else None,
    )


def decided_values(row: DecisionWrite) -> dict[str, Any]:
    """Give what a decision sets."""
    return {
        "id": row.id,
        **_decision(row.decision, row.person_state),
        "decided_at": to_micros(row.decided_at),
        "incomplete": row.incomplete,
        "claim_file_id": row.claim_file_id,
    }


def _decision(decision: Decision, person_state: IntakeState | None) -> dict[str, Any]:
    return {
        "intake": decision.state.value,
        "rule": decision.rule,
        "decided_by": decision.decided_by.value,
        "person_state": person_state.value if person_state else None,
    }


def stored_from(row: Cells) -> StoredRecord:
    """Read a record from the ``STORED_COLUMNS``."""
    (
        id_, repairer, connector, kind, partner_ref, revision, version, status, status_changed_at,
        received_at, body, state, rule, decided_by, person_state, decided_at, taken_over_at,
        taken_over_version, claim_file_id, withdrawn, incomplete,
    ) = row  # fmt: skip
    return StoredRecord(
        id=id_,
        link=LinkKey(repairer, connector),
        key=RecordKey(kind=Kind(kind), partner_ref=partner_ref),
        revision=revision,
        version=version,
        status=status,
        status_changed_at=from_micros(status_changed_at),
        received_at=from_micros(received_at),
        body=bytes(body),
        decision=decision_from(state, rule, decided_by),
        person_state=IntakeState(person_state) if person_state else None,
        decided_at=from_micros(decided_at),
        taken_over_at=instant(taken_over_at),
        taken_over_version=taken_over_version,
        claim_file_id=claim_file_id,
        withdrawn=bool(withdrawn),
        incomplete=bool(incomplete),
    )


def decision_from(state: str, rule: str | None, decided_by: str) -> Decision:
    """Read a decision from its columns."""
    return Decision(state=IntakeState(state), rule=rule, decided_by=DecidedBy(decided_by))
