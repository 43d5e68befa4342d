"""Exit codes, and which error ends with which."""

from __future__ import annotations

from enum import IntEnum

from syncer.domain.errors import (
    CredentialsRejectedError,
    NeedsOperatorError,
    RefusedError,
    RetryableError,
    SyncerError,
)


class Exit(IntEnum):
    """What a command's exit code means."""

    OK = 0
    BUG = 1
    USAGE = 2
    CONFIGURATION = 3
    NOT_REACHABLE = 4
    PARTNER_REFUSED = 5
    PARTLY_FAILED = 6
    REFUSED = 7
    TRY_LATER = 75  # EX_TEMPFAIL of sysexits.h


class ServiceNotReachableError(SyncerError):
    """No running service answers where the configuration says it listens."""

    code = "service_not_reachable"


class ServiceAnswerError(SyncerError):
    """The running service refused or failed the request; ``errors`` are its pointers and texts."""

    def __init__(self, status: int, code: str, text: str, errors: tuple[str, ...] = ()) -> None:
        super().__init__("\n".join([text, *errors]))
        self.status = status
        self.code: str = code
        self.errors = errors


_PARTNER_REFUSED = frozenset({"credentials_rejected", "credentials_rejected_by_partner"})
_OPERATORS = frozenset({"sealed", "unauthorized", "host_not_allowed", "configuration_invalid"})
_LATER = frozenset({429, 502, 503, 504, 507})


def exit_of(error: SyncerError) -> Exit:
    """Say with which code a command ends that failed with this error."""
    if isinstance(error, ServiceAnswerError):
        return exit_of_answer(error.status, error.code)
    if isinstance(error, ServiceNotReachableError):
        return Exit.NOT_REACHABLE
    if isinstance(error, CredentialsRejectedError):
        return Exit.PARTNER_REFUSED
    if isinstance(error, NeedsOperatorError):
        return Exit.CONFIGURATION
    if isinstance(error, RetryableError):
        return Exit.TRY_LATER
    return Exit.REFUSED if isinstance(error, RefusedError) else Exit.BUG


def exit_of_answer(status: int, code: str) -> Exit:
    """Say with which code a command ends whose request was answered so."""
    if code in _PARTNER_REFUSED:
        return Exit.PARTNER_REFUSED
    if code in _OPERATORS:
        return Exit.CONFIGURATION
    if status in _LATER:
        return Exit.TRY_LATER
    return Exit.REFUSED if 400 <= status < 500 else Exit.BUG


def exit_of_passes(passes: list[dict[str, object]]) -> Exit:
    """Say with which code a command ends that waited for these passes."""
    failed = [each for each in passes if each.get("state") != "succeeded"]
    if not failed:
        return Exit.OK
    codes = {_error_code(each) for each in failed}
    if len(failed) == len(passes) and codes <= _PARTNER_REFUSED:
        return Exit.PARTNER_REFUSED
    if len(failed) == len(passes) and codes <= {"rate_limited", "partner_unavailable", "timeout"}:
        return Exit.TRY_LATER
    return Exit.PARTLY_FAILED


def _error_code(each: dict[str, object]) -> str:
    error = each.get("error")
    return str(error.get("code")) if isinstance(error, dict) else ""
