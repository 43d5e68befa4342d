"""Mail as a connector sees it; the host's own is in ``syncer/mail``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal, Protocol

from pydantic import AfterValidator, StringConstraints, WithJsonSchema

from syncer.domain.claim_files import ClaimFile
from syncer.domain.mail import LONGEST_ADDRESS, is_address
from syncer.sdk.delivery import OutgoingFile


def _check_address(text: str) -> str:
    if not is_address(text):
        raise ValueError("must be one mail address, such as claims@example.org")
    return text


MailAddress = Annotated[
    str,
    AfterValidator(_check_address),
    WithJsonSchema({"type": "string", "format": "email", "maxLength": LONGEST_ADDRESS}),
]
"""One plain mail address."""
MailLanguage = Literal["fr", "nl", "it", "en"]
"""A language that mails are written in."""
MailSubject = Annotated[
    str, StringConstraints(min_length=1, max_length=250, pattern=r"^[^\x00-\x1f\x7f]*$")
]
"""A subject: one line."""
MailText = Annotated[
    str, StringConstraints(min_length=1, max_length=20_000, pattern=r"^[^\x00-\x08\x0b-\x1f\x7f]*$")
]
"""The text of a mail, of several lines."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A mail's words: subject, plain text, and the same as HTML."""

    subject: str
    text: str
    html: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MailMessage:
    """One message; the host adds sender, date and the MIME form.

    ``message_id`` (``MailSession.message_id``) stays the same whenever the message is sent again.
    Names of attachments are made safe on the way. ``sender_name`` is shown beside the sender's
    address where the configuration gives it no name of its own.
    """

    message_id: str
    to: str
    letter: Letter
    attachments: Sequence[OutgoingFile] = ()
    language: MailLanguage | None = None
    sender_name: str | None = None


class MailSession(Protocol):
    """Writes letters and sends mail through the configured server."""

    def dossier(
        self,
        claim_file: ClaimFile,
        files: Sequence[OutgoingFile],
        *,
        language: MailLanguage,
        subject: str | None = None,
        text: str | None = None,
    ) -> Letter:
        """Write a readable summary of a claim file and of what is attached.

        ``text`` stands before the summary instead of the usual greeting.
        """
        ...

    def message_id(self, id_: str) -> str:
        """Complete an id of ours to a Message-ID at the sender's domain, without angle brackets.

        The configured sender may change: what is to stay the same is made once and noted.

        Raises:
            MailNotConfiguredError: there is no mail server.
        """
        ...

    async def send(self, message: MailMessage) -> str:
        """Hand a message over; gives the server's answer.

        Raises:
            DeliveryRejectedError: the server refused it for good (5xx), with its text.
            PartnerUnavailableError: the server could not be reached or asks to try later (4xx);
                nothing was handed over.
            AnswerLostError: the connection broke after the data was sent and before the answer.
            MailNotConfiguredError: there is no mail server.
        """
        ...
