"""The mail room of an installation."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Sequence
from dataclasses import replace

from syncer.domain.claim_files import ClaimFile
from syncer.domain.errors import MailNotConfiguredError
from syncer.domain.mail import Language
from syncer.mail import letters
from syncer.mail.dossier import dossier_facts
from syncer.mail.smtp import MailServer, SmtpClient
from syncer.ports.ambient import Clock
from syncer.ports.mail import Addressee
from syncer.sdk import Letter, MailLanguage, MailMessage, OutgoingFile


class Room:
    """Implements ``MailRoom``; without a server letters are written and none can be sent."""

    def __init__(
        self, server: MailServer | None, *, clock: Clock, context: ssl.SSLContext | None = None
    ) -> None:
        self._server = server
        self._client = SmtpClient(server, clock=clock, context=context) if server else None

    @property
    def is_configured(self) -> bool:
        """Whether there is a mail server."""
        return self._server is not None

    @property
    def trouble(self) -> str | None:
        """Why the server cannot be used at the moment."""
        return self._client.trouble if self._client else None

    async def send(self, message: MailMessage, *, leaving: Callable[[], None] | None = None) -> str:
        """Hand a message over."""
        if self._client is None:
            raise _not_configured()
        return await self._client.send(message, leaving=leaving)

    def message_id(self, id_: str) -> str:
        """Complete an id with the sender's domain."""
        if self._server is None:
            raise _not_configured()
        return f"{id_}@{self._server.sender.domain}"

    async def probe(self) -> None:
        """Find out whether the server can be used."""
        if self._client is not None:
            await self._client.probe()

    def dossier(
        self,
        claim_file: ClaimFile,
        files: Sequence[OutgoingFile],
        *,
        language: MailLanguage,
        subject: str | None = None,
        text: str | None = None,
    ) -> Letter:
        """Summarise a claim file for a claims office."""
        facts = dossier_facts(claim_file, files)
        letter = letters.write("dossier", Language(language), facts | {"opening": text})
        return letter if subject is None else replace(letter, subject=subject)

    def reminder(
        self, addressee: Addressee, missing: Sequence[str], *, language: Language
    ) -> Letter:
        """Ask for documents that are missing."""
        facts = {"addressee": addressee, "missing": list(missing)}
        return letters.write("reminder", language, facts)

    def status_change(self, addressee: Addressee, status: str, *, language: Language) -> Letter:
        """Tell what has become of a claim file."""
        return letters.write("status", language, {"addressee": addressee, "status": status})

    def edited(self, subject: str, text: str) -> Letter:
        """Make a letter of what a person wrote."""
        return letters.from_person(subject, text)


def _not_configured() -> MailNotConfiguredError:
    return MailNotConfiguredError("No mail server is configured; see [mail].")
