"""Passes as the API shows them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from syncer.domain.instants import to_text
from syncer.domain.passes import Pass, PassError, PassState, PassTrigger
from syncer.web import AnswerModel


class CountsShape(AnswerModel):
    """What a pass met."""

    seen: int
    new: int
    changed: int
    unchanged: int
    queued: int
    excluded: int
    quarantined: int
    attachments: int


class PassErrorShape(AnswerModel):
    """Why a pass failed."""

    code: str
    text: str
    retry_at: str | None


class PassShape(AnswerModel):
    """One pull over one link."""

    id: str
    repairer: str
    connector: str
    trigger: PassTrigger
    state: PassState
    pages: int
    counts: CountsShape
    error: PassErrorShape | None
    created_at: str
    started_at: str | None
    ended_at: str | None


def pass_view(pass_: Pass) -> dict[str, Any]:
    """Give a pass as the API shows it."""
    return {
        "id": pass_.id,
        "repairer": pass_.link.repairer,
        "connector": pass_.link.connector,
        "trigger": pass_.trigger,
        "state": pass_.state,
        "pages": pass_.pages,
        "counts": {name: getattr(pass_.counts, name) for name in CountsShape.model_fields},
        "error": _error_view(pass_.error),
        "created_at": to_text(pass_.created_at),
        "started_at": _text_of(pass_.started_at),
        "ended_at": _text_of(pass_.ended_at),
    }


def _error_view(error: PassError | None) -> dict[str, Any] | None:
    if error is None:
        return None
    return {"code": error.code, "text": error.text, "retry_at": _text_of(error.retry_at)}


def _text_of(instant: datetime | None) -> str | None:
    return None if instant is None else to_text(instant)
