"""What each command takes, in the partner's words; pure. Amounts are numbers of two places."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from syncer_sinapps import matrix, wire
from syncer_sinapps.operations import (
    AppointmentChangePayload,
    AppointmentPayload,
    CommentPayload,
    DifficultyPayload,
    EndOfWorkPayload,
    InvoicePayload,
    QuoteDecisionPayload,
    QuotePayload,
    SolicitationPayload,
    SolicitationReplyPayload,
    WorksDatePayload,
)

Body = Mapping[str, Any]


def named(name: str, value: Any = None) -> dict[str, Any]:
    """Write a code, with its value where it has one."""
    return {"name": name} if value is None else {"name": name, "value": value}


def schedule(start: str, end: str) -> dict[str, Any]:
    """Write a window on one day, or a fixed time when it ends as it begins."""
    day, _, begins = start.partition("T")
    ends = end.partition("T")[2]
    if begins == ends:
        return named(wire.FIXED, {"date": day, "heure": begins})
    return named(wire.WINDOW, {"date": day, "heureDebut": begins, "heureFin": ends})


def appointment(payload: AppointmentPayload) -> Body:
    """Write ``prendreRendezVous``."""
    length = datetime.fromisoformat(payload.end) - datetime.fromisoformat(payload.start)
    minutes = int(length.total_seconds()) // 60
    return {
        "horaire": schedule(payload.start, payload.end),
        "dureeRendezVous": minutes or wire.USUAL_MINUTES,
        "typeRendezVous": named(wire.APPOINTMENT_KINDS[payload.kind]),
    }


def appointment_change(payload: AppointmentChangePayload) -> Body:
    """Write ``modifierRendezVous``."""
    return {
        "motifDeModificationRendezVous": named(payload.reason),
        "referenceIntervenant": payload.reference,
        "horaire": named(wire.REPLACE, schedule(payload.start, payload.end)),
    }


def works_date(payload: WorksDatePayload) -> Body:
    """Write ``planifierIntervention``."""
    return {"planification": named("PlanificationPlage", {"horizon": {"date": payload.date}})}


def quote(payload: QuotePayload, document: wire.Ref) -> Body:
    """Write ``deposerDevis``."""
    return {
        "montantHT": payload.net.value,
        "montantTTC": payload.gross.value,
        "pieceJointe": document,
        "validationManuelle": named(wire.VALIDATIONS[payload.validation]),
    }


def decision(payload: QuoteDecisionPayload) -> Body:
    """Write ``validerDevis`` or ``refuserDevis``."""
    return {} if payload.decision == "approve" else {"motif": payload.reason}


def invoice(payload: InvoicePayload, document: wire.Ref) -> Body:
    """Write ``deposerFacture``."""
    return {
        "numero": payload.number,
        "montantHT": payload.net.value,
        "montantTTC": payload.gross.value,
        "pieceJointe": document,
    }


def solicitation(payload: SolicitationPayload) -> Body:
    """Write ``creerSollicitation``."""
    return {
        "type": named(wire.SOLICITATION_TYPES[payload.type]),
        "destinataire": {"typeActeur": named(matrix.ACTORS[payload.to])},
        "message": payload.message,
    }


def reply(
    payload: SolicitationReplyPayload, asked: wire.Ref, documents: Sequence[wire.Ref]
) -> Body:
    """Write ``repondreSollicitation``."""
    return {
        "sollicitationId": asked,
        "message": payload.message,
        "piecesJointes": list(documents),
    }


def comment(payload: CommentPayload) -> Body:
    """Write ``ajouterCommentaire``."""
    return {"message": payload.message}


def end_of_work(payload: EndOfWorkPayload) -> Body:
    """Write ``demanderFinPrestation``."""
    return {"motif": named(payload.reason), "commentaire": payload.comment}


def difficulty(payload: DifficultyPayload) -> Body:
    """Write ``signalerUneDifficulte``."""
    return {
        "motif": named(payload.reason),
        "etape": named(payload.stage),
        "datePrevisionnelleReprise": payload.resume_on,
        "complement": payload.comment,
    }
