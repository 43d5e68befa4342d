"""Errors as ``application/problem+json`` (RFC 9457): one body for all of them, without secrets."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from aiohttp import web

from syncer.domain import errors
from syncer.observability import Event, get_logger

_log = get_logger(__name__)

_STATUSES: tuple[tuple[type[errors.SyncerError], int], ...] = (
    (errors.InvalidError, 422),
    (errors.NotFoundError, 404),
    (errors.StaleError, 412),
    (errors.FeedResetError, 410),
    (errors.TooManyVerificationsError, 429),
    (errors.TooLargeError, 413),
    (errors.RefusedError, 409),
    (errors.RecordWithdrawnError, 409),
    (errors.RateLimitedError, 429),
    (errors.StorageFullError, 507),
    (errors.RetryableError, 503),
    (errors.NeedsHelpdeskError, 409),
    (errors.NeedsOperatorError, 503),
    (errors.PayloadError, 502),
)
_BUSY_RETRY_SECONDS = 5
_HTTP_CODES = {404: "not_found", 405: "method_not_allowed", 413: "too_large"}


def status_of(error: errors.SyncerError) -> int:
    """Give the HTTP status of an error: the narrowest class that is listed decides."""
    if isinstance(error, errors.RequestRefusedError):
        return error.status
    return next((status for kind, status in _STATUSES if isinstance(error, kind)), 500)


def problem_of(error: errors.SyncerError, *, request_id: str, now: datetime) -> web.Response:
    """Turn an error into its answer."""
    status = status_of(error)
    headers = dict(getattr(error, "headers", {}))
    retry_at: datetime | None = getattr(error, "retry_at", None)
    if retry_at is not None:
        headers["Retry-After"] = str(max(1, math.ceil((retry_at - now).total_seconds())))
    elif isinstance(error, errors.StoreBusyError):
        headers["Retry-After"] = str(_BUSY_RETRY_SECONDS)
    more: dict[str, Any] = dict(getattr(error, "facts", {}))
    faults: Sequence[errors.FieldError] = getattr(error, "errors", ())
    if faults or isinstance(error, errors.InvalidError):
        more["errors"] = [{"pointer": fault.pointer, "message": fault.message} for fault in faults]
    return problem(
        status, error.code, str(error), request_id=request_id, more=more, headers=headers
    )


def problem_of_http(error: web.HTTPException, *, request_id: str) -> web.Response:
    """Turn an error of the HTTP server itself (no such route or method) into its answer."""
    headers = {"Allow": error.headers["Allow"]} if "Allow" in error.headers else {}
    code = _HTTP_CODES.get(error.status, "refused")
    text = error.reason
    if error.status == 404:
        text = "There is no such route."
    elif error.status == 405:
        text = f"This route allows {headers.get('Allow', 'other methods')} only."
    return problem(error.status, code, text, request_id=request_id, headers=headers)


def problem_of_bug(*, request_id: str) -> web.Response:
    """Log the error in hand, which nobody raised on purpose; answer only with the request id."""
    _log.exception(Event.REQUEST_FAILED)
    text = "Something is wrong on our side; the log has more under this request's id."
    return problem(500, "internal", text, request_id=request_id)


def problem(
    status: int,
    code: str,
    detail: str,
    *,
    request_id: str,
    more: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
) -> web.Response:
    """Make the answer; ``more`` are further members of the body."""
    body = {
        "type": f"urn:syncer:problem:{code}",
        "title": code.replace("_", " ").capitalize(),
        "status": status,
        "code": code,
        "detail": detail,
        "instance": request_id,
    }
    body = body | {name: value for name, value in (more or {}).items() if name not in body}
    response = web.Response(
        status=status,
        body=msgspec.json.encode(body),
        content_type="application/problem+json",
        headers=headers,
    )
    if status in {408, 413}:
        response.force_close()
    return response
