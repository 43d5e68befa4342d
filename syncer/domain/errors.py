"""Every error of syncer, grouped by who must act.

One root, five branches. The branch says who recovers (the host, the helpdesk, our operator, nobody,
the connector's author); ``code`` is stable and is what the API, the command line and the log show.
The text never holds a payload or a secret.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any


class SyncerError(Exception):
    """Root of all errors that syncer raises on purpose."""

    code: str = "internal"


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldError:
    """One fault of one field; ``pointer`` is an RFC 6901 JSON pointer into the body or query."""

    pointer: str
    message: str


def json_pointer(*parts: object) -> str:
    """Join names and places to a JSON pointer; ``~`` and ``/`` in them are escaped."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in parts)


# -- the host recovers, later ---------------------------------------------------------------------


class RetryableError(SyncerError):
    """The host tries again later; nobody has to act."""

    code = "retry_later"
    retry_at: datetime | None = None

    def __init__(self, text: str, *, retry_at: datetime | None = None) -> None:
        super().__init__(text)
        self.retry_at = retry_at


class PartnerUnavailableError(RetryableError):
    """The partner could not be reached, answered 5xx, or its circuit breaker is open."""

    code = "partner_unavailable"


class PartnerTimeoutError(RetryableError):
    """The partner, or a connector's call as a whole, did not finish within its deadline."""

    code = "timeout"


class AnswerLostError(RetryableError):
    """Something left and its answer was lost: it may or may not have taken effect."""

    code = "answer_lost"


class LeaseLostError(RetryableError):
    """Another process makes this delivery's attempt now, or may: nothing more is sent here."""

    code = "lease_lost"


class PartnerUnreachableError(RetryableError):
    """The partner could not be asked whether credentials are good; nothing was stored."""

    code = "partner_unreachable"


class RateLimitedError(RetryableError):
    """The partner asked us to wait longer than the call may wait in place; see ``retry_at``."""

    code = "rate_limited"


class StoreBusyError(RetryableError):
    """The database stayed locked by another program beyond the bounded wait."""

    code = "store_busy"


class StorageFullError(RetryableError):
    """The disk (or the database's page limit) is full; reads go on, writes resume by themselves."""

    code = "storage_full"


class ShuttingDownError(RetryableError):
    """The process is stopping and takes no new work."""

    code = "shutting_down"


# -- the helpdesk recovers ------------------------------------------------------------------------


class NeedsHelpdeskError(SyncerError):
    """A person must act on the link: resume it, or have its credentials reset."""

    code = "needs_helpdesk"


class CredentialsRejectedError(NeedsHelpdeskError):
    """The partner refused the link's credentials (401 or 403); no second request is made."""

    code = "credentials_rejected"


# -- our operator recovers ------------------------------------------------------------------------


class NeedsOperatorError(SyncerError):
    """Our operator must act on the installation."""

    code = "needs_operator"


class ConfigurationError(NeedsOperatorError):
    """The configuration cannot be used; ``faults`` holds one readable line for each fault."""

    code = "configuration_invalid"

    def __init__(self, faults: Sequence[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = tuple(faults)


class DataFolderInUseError(NeedsOperatorError):
    """Another process holds the lock of the data folder."""

    code = "data_folder_in_use"


class SchemaUnknownError(NeedsOperatorError):
    """The database was written by a newer release, or is not ours; it is left untouched."""

    code = "schema_unknown"


class VaultSealedError(NeedsOperatorError):
    """There is no usable root key for this store; stored data stays readable, secrets do not."""

    code = "sealed"


class CredentialUnreadableError(NeedsOperatorError):
    """A sealed credential does not open for its link and generation: damaged, moved or replayed."""

    code = "credential_unreadable"


class ConnectorQuarantinedError(NeedsOperatorError):
    """The connector was set aside with a reason; the others run."""

    code = "quarantined"


class MailNotConfiguredError(NeedsOperatorError):
    """No mail server is configured (``[mail]``), so nothing can be sent by mail."""

    code = "mail_not_configured"


class EgressRefusedError(NeedsOperatorError):
    """The egress policy forbids the destination (private address, other scheme, other origin)."""

    code = "egress_refused"


# -- nobody recovers: it is an answer -------------------------------------------------------------


class RefusedError(SyncerError):
    """The request was understood and refused; repeating it unchanged changes nothing."""

    code = "refused"


class NotFoundError(RefusedError):
    """There is no such thing (404)."""

    code = "not_found"


class InvalidError(RefusedError):
    """The request has bad values (422); ``errors`` names each field and says what to do."""

    code: str = "invalid"

    def __init__(
        self, text: str, errors: Sequence[FieldError] = (), *, code: str = "invalid"
    ) -> None:
        super().__init__(text)
        self.code = code
        self.errors = tuple(errors)


class ConflictError(RefusedError):
    """The state of the thing forbids the request (409); ``code`` says which rule.

    ``facts`` are further members of the problem body, such as the id of the thing that is there.
    """

    def __init__(self, code: str, text: str, **facts: str) -> None:
        super().__init__(text)
        self.code: str = code
        self.facts = facts


class DocumentsMissingError(ConflictError):
    """The claim file misses expected documents; ``errors`` has a pointer for each type."""

    def __init__(self, text: str, errors: Sequence[FieldError]) -> None:
        super().__init__("documents_missing", text)
        self.errors = tuple(errors)


class TransitionRefusedError(ConflictError):
    """The claim file stands where this cannot happen; the text is the reason for a person."""

    def __init__(self, text: str) -> None:
        super().__init__("transition_refused", text)


class DeliveryRejectedError(RefusedError):
    """The partner understood what was sent and refused it; its own words are the text.

    ``partner_code`` is the partner's code, ``facts`` are further JSON values for the receipt.
    ``partner_ref`` is the partner's id of what the operation would have made, where the refusal
    shows that the partner has it for this claim file: what needs the operation need not wait.
    """

    code = "rejected_by_partner"

    def __init__(
        self,
        text: str,
        *,
        partner_code: str | None = None,
        facts: Mapping[str, Any] | None = None,
        partner_ref: str | None = None,
    ) -> None:
        super().__init__(text)
        self.partner_ref = partner_ref
        self.partner_code = partner_code
        self.facts = dict(facts or {})


class DeliveryBlockedError(RefusedError):
    """The partner does not offer the operation now (any more); a person may try again later."""

    code = "not_offered"


class StaleError(RefusedError):
    """The caller's ``If-Match`` names a version that is no longer the current one (412)."""

    code = "stale"


class FeedResetError(RefusedError):
    """The feed cursor is from before a restore or older than what is kept (410)."""

    code = "feed_reset"


class TooManyVerificationsError(RefusedError):
    """Credentials of the link were verified too often within the hour (429)."""

    code = "too_many_verifications"

    def __init__(self, text: str, *, retry_at: datetime) -> None:
        super().__init__(text)
        self.retry_at = retry_at


class TooLargeError(RefusedError):
    """A body, file or sending is above its size limit (413); ``errors`` name what is in it."""

    code: str = "too_large"

    def __init__(
        self, text: str, errors: Sequence[FieldError] = (), *, code: str = "too_large"
    ) -> None:
        super().__init__(text)
        self.code = code
        self.errors = tuple(errors)


class RequestRefusedError(RefusedError):
    """An HTTP request is refused for its form, before what it asks for is looked at."""

    def __init__(
        self, status: int, code: str, text: str, *, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(text)
        self.status = status
        self.code: str = code
        self.headers = dict(headers or {})


# -- the connector's author recovers --------------------------------------------------------------


class PayloadError(SyncerError):
    """The partner's data is malformed or not what the contract says.

    ``path`` names the field; ``raw`` are the bytes that could not be read, for the quarantine.
    """

    code = "payload_invalid"

    def __init__(self, text: str, *, path: str = "", raw: bytes = b"") -> None:
        super().__init__(f"{path}: {text}" if path else text)
        self.path = path
        self.raw = raw


class UnexpectedAnswerError(PayloadError):
    """The partner answered with a status that the contract does not give for this request.

    ``partner_code`` and ``partner_text`` are its own words about what was sent, where it gave any;
    bounded, and without our secrets.
    """

    code = "unexpected_answer"
    partner_code: str | None = None
    partner_text: str | None = None

    def __init__(self, status: int, request: str) -> None:
        super().__init__(f"HTTP status {status} for {request}")
        self.status = status


class PageLoopError(PayloadError):
    """The partner's listing hands out a cursor that it handed out before in the same pass."""

    code = "page_loop"


class ConnectorFailedError(PayloadError):
    """A connector raised what is no ``SyncerError``, or returned what is no valid page."""

    code = "connector_failed"


class RecordWithdrawnError(SyncerError):
    """The partner says that the object is gone for good (410); its record is marked withdrawn."""

    code = "withdrawn"
