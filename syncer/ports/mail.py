"""The mail room: writes letters in the reader's language and hands them to the mail server."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from syncer.domain.mail import Language
from syncer.sdk import Letter, MailMessage, MailSession


@dataclass(frozen=True, slots=True, kw_only=True)
class Addressee:
    """Whom a letter about a claim file is written to, and by whom.

    ``reference`` is what the reader knows the file by; ``vehicle`` its plate.
    """

    name: str | None
    reference: str
    vehicle: str | None
    repairer: str


class MailRoom(MailSession, Protocol):
    """The one place that mail leaves through."""

    @property
    def is_configured(self) -> bool:
        """Whether there is a mail server."""
        ...

    @property
    def trouble(self) -> str | None:
        """Why the server cannot be used at the moment, for a person; None when it can."""
        ...

    async def probe(self) -> None:
        """Find out whether the server can be used, for ``trouble``; sends nothing."""
        ...

    async def send(self, message: MailMessage, *, leaving: Callable[[], None] | None = None) -> str:
        """Hand a message over, as ``MailSession.send`` says.

        ``leaving`` is called right before the line that ends the message is sent: from then on the
        server may have it. What it raises comes out, and nothing was handed over.
        """
        ...

    def reminder(
        self, addressee: Addressee, missing: Sequence[str], *, language: Language
    ) -> Letter:
        """Ask for documents that are missing, by their labels."""
        ...

    def status_change(self, addressee: Addressee, status: str, *, language: Language) -> Letter:
        """Tell what has become of a claim file; ``status`` is its state, or the partner's word."""
        ...

    def edited(self, subject: str, text: str) -> Letter:
        """Make a letter of what a person wrote."""
        ...
