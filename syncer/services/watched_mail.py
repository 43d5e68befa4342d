"""The mail room as one attempt at a delivery uses it: whoever watches hears what leaves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from syncer.domain.claim_files import ClaimFile
from syncer.domain.errors import DeliveryRejectedError, PartnerUnavailableError
from syncer.ports.mail import MailRoom
from syncer.ports.sessions import SendingWatch
from syncer.sdk import Letter, MailLanguage, MailMessage, OutgoingFile


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchedMail:
    """Implements ``MailSession``; a message has left once the line that ends it is sent."""

    room: MailRoom
    watch: SendingWatch

    def dossier(
        self,
        claim_file: ClaimFile,
        files: Sequence[OutgoingFile],
        *,
        language: MailLanguage,
        subject: str | None = None,
        text: str | None = None,
    ) -> Letter:
        """Write a summary of a claim file."""
        return self.room.dossier(claim_file, files, language=language, subject=subject, text=text)

    def message_id(self, id_: str) -> str:
        """Complete an id of ours to a Message-ID."""
        return self.room.message_id(id_)

    async def send(self, message: MailMessage) -> str:
        """Hand a message over; errors as ``MailSession.send`` says."""
        marks: list[object] = []
        try:
            return await self.room.send(message, leaving=lambda: marks.append(self.watch.leaving()))
        except (DeliveryRejectedError, PartnerUnavailableError):
            for mark in marks:
                self.watch.took_no_effect(mark)
            raise
