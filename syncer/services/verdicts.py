"""What an attempt came to, judged by what the connector gave or raised and by what left."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

import msgspec

from syncer.domain.deliveries import Outcome
from syncer.domain.errors import (
    AnswerLostError,
    ConnectorFailedError,
    CredentialsRejectedError,
    CredentialUnreadableError,
    DeliveryBlockedError,
    DeliveryRejectedError,
    NeedsOperatorError,
    PayloadError,
    RateLimitedError,
    RecordWithdrawnError,
    RefusedError,
    RetryableError,
    SyncerError,
    UnexpectedAnswerError,
)
from syncer.domain.instants import to_text
from syncer.domain.outbox import Verdict
from syncer.sdk import Receipt
from syncer.services.partner_documents import check_pieces

LONGEST_TEXT = 1_000
_GONE, _TOO_EARLY, _CLIENT_FAULTS = 410, 425, range(400, 500)


def done(receipt: Receipt, *, now: datetime) -> Verdict:
    """Judge an attempt that gave a receipt."""
    return Verdict(
        outcome=Outcome.DONE,
        receipt=receipt_json(receipt, now=now),
        is_final=receipt.is_final,
        sent=True,
    )


def receipt_json(receipt: Receipt, *, now: datetime) -> dict[str, Any]:
    """Give a receipt as it is stored and shown."""
    return {
        "partner_ref": receipt.partner_ref,
        "at": to_text(receipt.at or now),
        "incomplete": list(receipt.incomplete),
        "raw": dict(receipt.raw),
    }


def checked_receipt(receipt: object) -> Receipt:
    """Give what a connector returned, if it is a receipt that can be kept.

    Raises:
        ConnectorFailedError: it is none.
    """
    if not isinstance(receipt, Receipt):
        raise ConnectorFailedError(f"deliver gave {type(receipt).__name__}, not a Receipt")
    ref: Any = receipt.partner_ref
    at: Any = receipt.at
    named: Any = receipt.incomplete
    is_sound = (
        (ref is None or (isinstance(ref, str) and 0 < len(ref) <= 255 and "\0" not in ref))
        and (at is None or (isinstance(at, datetime) and at.tzinfo is not None))
        and all(isinstance(name, str) for name in named)
    )
    try:
        encoded = msgspec.json.encode(receipt.raw)
    except (TypeError, ValueError, RecursionError):
        encoded = b""
    if not is_sound or not encoded.startswith(b"{"):
        raise ConnectorFailedError("deliver gave a receipt that cannot be kept")
    check_pieces(receipt.pieces)
    return receipt


def judge(error: SyncerError, *, in_doubt: bool, sent: bool, now: datetime) -> Verdict:
    """Judge an attempt that ended with an error.

    ``in_doubt``: something left that may have taken effect; ``sent``: anything left at all.
    """
    answer = _answer_of(error)
    if answer is not None:
        verdict = _verdict(answer, error, doubt=False, sent=sent)
        return replace(verdict, receipt=_told_with(error, now))
    doubt = in_doubt or isinstance(error, AnswerLostError)
    return _verdict(
        _outcome_of(error, doubt=doubt, sent=sent), error, doubt=doubt, sent=sent or doubt
    )


def _told_with(error: SyncerError, now: datetime) -> dict[str, Any] | None:
    """Give what the partner told with its refusal, as a receipt; None when that was nothing."""
    if not isinstance(error, DeliveryRejectedError) or not (error.facts or error.partner_ref):
        return None
    told = Receipt(partner_ref=error.partner_ref, raw=error.facts)
    try:
        return receipt_json(checked_receipt(told), now=now)
    except ConnectorFailedError:
        return None


def _answer_of(error: SyncerError) -> Outcome | None:
    """Give the outcome where the connector says for certain what the partner answered."""
    if isinstance(error, DeliveryRejectedError):
        return Outcome.REJECTED
    if isinstance(error, DeliveryBlockedError):
        return Outcome.BLOCKED
    return None


def _outcome_of(error: SyncerError, *, doubt: bool, sent: bool) -> Outcome:
    if isinstance(error, CredentialsRejectedError | CredentialUnreadableError):
        return Outcome.CREDENTIALS_REJECTED
    if doubt:
        return Outcome.AMBIGUOUS
    if isinstance(error, RecordWithdrawnError) or _status_of(error) == _GONE:
        return Outcome.GONE
    if _status_of(error) == _TOO_EARLY:
        return Outcome.RETRY
    if isinstance(error, RefusedError) or _status_of(error) in _CLIENT_FAULTS:
        return Outcome.REJECTED
    if isinstance(error, ConnectorFailedError):
        return Outcome.FAILED
    if isinstance(error, RateLimitedError) or (sent and isinstance(error, RetryableError)):
        return Outcome.RETRY
    if isinstance(error, RetryableError | PayloadError | NeedsOperatorError):
        return Outcome.NOT_SENT
    return Outcome.FAILED


def _status_of(error: SyncerError) -> int:
    return error.status if isinstance(error, UnexpectedAnswerError) else 0


def _verdict(outcome: Outcome, error: SyncerError, *, doubt: bool, sent: bool) -> Verdict:
    code, text = _words_of(error)
    return Verdict(
        outcome=outcome,
        code=code,
        text=text[:LONGEST_TEXT],
        retry_at=error.retry_at if isinstance(error, RetryableError) else None,
        doubt=doubt,
        sent=sent,
    )


def _words_of(error: SyncerError) -> tuple[str, str]:
    """Give code and text, the partner's own where there are any."""
    if isinstance(error, DeliveryRejectedError):
        return error.partner_code or error.code, str(error)
    if isinstance(error, UnexpectedAnswerError):
        text = error.partner_text or str(error)
        if error.partner_code is None:
            return error.code, text
        return error.partner_code, f"{error.partner_code}: {text}"
    return error.code, str(error)
