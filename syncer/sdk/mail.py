"""Mail as a connector sees it; the host's own is in ``syncer/mail``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from syncer.sdk.delivery import OutgoingFile


@dataclass(frozen=True, slots=True, kw_only=True)
class MailMessage:
    """One message; the host adds sender, date and the MIME form.

    ``message_id`` is without angle brackets and stays the same whenever the message is sent again.
    """

    message_id: str
    to: str
    subject: str
    text: str
    html: str | None = None
    attachments: Sequence[OutgoingFile] = ()
    language: str | None = None


class MailSession(Protocol):
    """Sends mail through the configured server."""

    async def send(self, message: MailMessage) -> str:
        """Hand a message over; gives the server's answer.

        Raises:
            DeliveryRejectedError: the server refused it for good (5xx), with its text.
            PartnerUnavailableError: the server could not be reached, or asks to try later (4xx).
            AnswerLostError: the connection broke after the data was sent and before the answer.
        """
        ...
