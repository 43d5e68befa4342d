"""All that a connector may import from syncer.

A connector is one class: credentials and settings as pydantic models, a few async methods that turn
the partner's answers into records, and a hook that hands the class to the host. The host owns
timer, transactions, retries, limits, deadlines, caps, error mapping, secrets and redaction. The
guide is docs/connector-guide.md; it starts with a ten-line connector that runs.
"""

from syncer.domain.claim_files import ClaimFile
from syncer.domain.completeness import ExpectedDocument, MarkState
from syncer.domain.deliveries import LostAnswer
from syncer.domain.errors import (
    AnswerLostError,
    ConflictError,
    CredentialsRejectedError,
    DeliveryBlockedError,
    DeliveryRejectedError,
    DocumentsMissingError,
    FieldError,
    InvalidError,
    MailNotConfiguredError,
    NotFoundError,
    PageLoopError,
    PartnerTimeoutError,
    PartnerUnavailableError,
    PayloadError,
    RateLimitedError,
    RecordWithdrawnError,
    SyncerError,
    TooLargeError,
    TransitionRefusedError,
    UnexpectedAnswerError,
    json_pointer,
)
from syncer.domain.instants import instant_key, parse_instant, to_text
from syncer.domain.lifecycles import ClaimWarning, Event, LocalEvent, Stage, Standing
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
from syncer.sdk.delivery import Confirmation, Delivery, OutgoingFile, Piece, Receipt
from syncer.sdk.folder import (
    Archived,
    FolderFile,
    FolderSession,
    ReadyFiles,
    Refused,
    Taken,
    take_ready,
)
from syncer.sdk.http import Download, Href, HttpSession, Part, PartnerLimits, Response, path_of
from syncer.sdk.lifecycle import Lifecycle
from syncer.sdk.link import Link, Transport
from syncer.sdk.login import Login
from syncer.sdk.mail import (
    Letter,
    MailAddress,
    MailLanguage,
    MailMessage,
    MailSession,
    MailSubject,
    MailText,
)
from syncer.sdk.models import Credentials, Secret, Settings
from syncer.sdk.operation import FileRule, Operation, Payload
from syncer.sdk.page import ClaimUpdate, Page, UnknownItem, Unreadable
from syncer.sdk.played import PlayedPartner
from syncer.sdk.xml import XmlElement, parse_xml, write_xml

__all__ = [
    "SDK_VERSION",
    "AnswerLostError",
    "Archived",
    "Attachment",
    "ClaimFile",
    "ClaimRef",
    "ClaimUpdate",
    "ClaimWarning",
    "Completed",
    "Confirmation",
    "ConflictError",
    "Connector",
    "Credentials",
    "CredentialsRejectedError",
    "Delivery",
    "DeliveryBlockedError",
    "DeliveryRejectedError",
    "DocumentsMissingError",
    "Download",
    "Event",
    "ExpectedDocument",
    "FieldError",
    "FileRule",
    "FolderFile",
    "FolderSession",
    "Href",
    "HttpSession",
    "Insured",
    "Insurer",
    "InvalidError",
    "Kind",
    "Letter",
    "Lifecycle",
    "Line",
    "Link",
    "LocalEvent",
    "Login",
    "LostAnswer",
    "MailAddress",
    "MailLanguage",
    "MailMessage",
    "MailNotConfiguredError",
    "MailSession",
    "MailSubject",
    "MailText",
    "MarkState",
    "Money",
    "NotFoundError",
    "Operation",
    "OutgoingFile",
    "Page",
    "PageLoopError",
    "Part",
    "PartnerLimits",
    "PartnerTimeoutError",
    "PartnerUnavailableError",
    "Payload",
    "PayloadError",
    "Piece",
    "PlayedPartner",
    "RateLimitedError",
    "ReadyFiles",
    "Receipt",
    "Record",
    "RecordKey",
    "RecordWithdrawnError",
    "Refused",
    "Response",
    "Secret",
    "Settings",
    "Site",
    "Stage",
    "Standing",
    "Surveyor",
    "SyncerError",
    "Taken",
    "TooLargeError",
    "Totals",
    "TransitionRefusedError",
    "Transport",
    "UnexpectedAnswerError",
    "UnknownItem",
    "Unreadable",
    "Vehicle",
    "XmlElement",
    "hookimpl",
    "instant_key",
    "json_pointer",
    "parse_instant",
    "parse_xml",
    "path_of",
    "take_ready",
    "to_text",
    "write_xml",
]
