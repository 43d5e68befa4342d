"""All that a connector may import from syncer.

A connector is one class: credentials and settings as pydantic models, a few async methods that turn
the partner's answers into records, and a hook that hands the class to the host. The host owns
timer, transactions, retries, limits, deadlines, caps, error mapping, secrets and redaction. The
guide is docs/connector-guide.md; it starts with a ten-line connector that runs.
"""

from syncer.domain.errors import (
    CredentialsRejectedError,
    NotFoundError,
    PageLoopError,
    PartnerTimeoutError,
    PartnerUnavailableError,
    PayloadError,
    RateLimitedError,
    RecordWithdrawnError,
    SyncerError,
    UnexpectedAnswerError,
)
from syncer.domain.instants import instant_key, parse_instant, to_text
from syncer.domain.records import (
    Attachment,
    ClaimRef,
    Insured,
    Insurer,
    Kind,
    Line,
    Money,
    Record,
    RecordKey,
    Site,
    Surveyor,
    Totals,
    Vehicle,
)
from syncer.sdk.connector import SDK_VERSION, Completed, Connector, hookimpl
from syncer.sdk.http import Download, HttpSession, PartnerLimits, Response, path_of
from syncer.sdk.link import Link
from syncer.sdk.models import Credentials, Secret, Settings
from syncer.sdk.page import Page, UnknownItem, Unreadable
from syncer.sdk.played import PlayedPartner

__all__ = [
    "SDK_VERSION",
    "Attachment",
    "ClaimRef",
    "Completed",
    "Connector",
    "Credentials",
    "CredentialsRejectedError",
    "Download",
    "HttpSession",
    "Insured",
    "Insurer",
    "Kind",
    "Line",
    "Link",
    "Money",
    "NotFoundError",
    "Page",
    "PageLoopError",
    "PartnerLimits",
    "PartnerTimeoutError",
    "PartnerUnavailableError",
    "PayloadError",
    "PlayedPartner",
    "RateLimitedError",
    "Record",
    "RecordKey",
    "RecordWithdrawnError",
    "Response",
    "Secret",
    "Settings",
    "Site",
    "Surveyor",
    "SyncerError",
    "Totals",
    "UnexpectedAnswerError",
    "UnknownItem",
    "Unreadable",
    "Vehicle",
    "hookimpl",
    "instant_key",
    "parse_instant",
    "path_of",
    "to_text",
]
