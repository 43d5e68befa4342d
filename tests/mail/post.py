"""A real SMTP server on loopback that can be told to misbehave, and mail rooms for it."""

from __future__ import annotations

import asyncio
import hashlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from email import message_from_bytes
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import default
from typing import Any, Literal, cast

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from syncer.dispatch.ambient import SystemClock
from syncer.mail import MailServer, Room
from syncer.sdk import Letter, MailMessage, OutgoingFile

HOST = "localhost"
PASSWORD = "canary-mail-password-1"
Move = Callable[[SMTP], str]


@dataclass
class Post:
    """What the server took, and how it answers; ``None`` takes the message."""

    port: int = 0
    taken: list[EmailMessage] = field(default_factory=list)
    raw: list[bytes] = field(default_factory=list)
    logins: list[bool] = field(default_factory=list)
    connections: int = 0
    mail_from: str | None = None
    rcpt_to: str | None = None
    data: str | None = None
    hangs_up: bool = False
    password: str = PASSWORD

    async def handle_MAIL(  # noqa: N802 - aiosmtpd's names
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.mail_from is not None:
            return self.mail_from
        envelope.mail_from = address
        return "250 ok"

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.rcpt_to is not None:
            return self.rcpt_to
        envelope.rcpt_tos.append(address)
        return "250 ok"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        assert isinstance(envelope.original_content, bytes)
        self.raw.append(envelope.original_content)
        self.taken.append(message_from_bytes(envelope.original_content, policy=default))
        if self.hangs_up:
            cast("asyncio.Transport", server.transport).abort()
        return self.data or "250 kept"

    def authenticate(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any
    ) -> AuthResult:
        is_good = isinstance(data, LoginPassword) and data.password == self.password.encode()
        self.logins.append(is_good)
        return AuthResult(success=is_good, handled=False)


@dataclass(frozen=True)
class Certificate:
    """The server's side, and the trust of a client that knows it."""

    server: ssl.SSLContext
    client: ssl.SSLContext


Serve = Callable[..., Awaitable[Post]]


def room(
    post: Post,
    certificate: Certificate | None,
    *,
    security: Literal["starttls", "tls", "none"] = "starttls",
    password: str = PASSWORD,
    user: str = "garage",
) -> Room:
    """Make a mail room for a server; without a certificate it trusts the system's only."""
    server = MailServer(
        host=HOST if security != "none" else "127.0.0.1",
        port=post.port,
        security=security,
        user=user,
        password=password,
        sender=Address("", addr_spec="garage@example.org"),
    )
    return Room(server, clock=SystemClock(), context=certificate.client if certificate else None)


def file_of(content: bytes, name: str = "report.pdf", *, pieces: int = 1) -> OutgoingFile:
    async def chunks() -> AsyncIterator[bytes]:
        step = max(1, len(content) // pieces)
        for start in range(0, len(content), step):
            yield content[start : start + step]

    return OutgoingFile(
        id="f-1",
        type="report",
        name=name,
        content_type="application/pdf",
        size_bytes=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        chunks=chunks,
    )


def message(
    *files: OutgoingFile, subject: str = "Dossier é", text: str = "Voilà.\n.\n..x\n"
) -> MailMessage:
    return MailMessage(
        message_id="0193-delivery@example.org",
        to="claims@insurer.example",
        letter=Letter(subject=subject, text=text, html="<p>Voilà.</p>"),
        attachments=files,
        language="fr",
        sender_name="Carrosserie Leroy é",
    )
