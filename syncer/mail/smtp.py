"""SMTP: one connection a message, and what each way of failing means for the message.

A message is in the server's hands only once it answered to the line that ends the data. Before that
line left nothing was handed over, whatever broke; after it, a missing answer leaves doubt.
Source: RFC 5321, sections 4.1.1.4 and 4.5.3.2.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from email.headerregistry import Address
from typing import Literal, NoReturn, cast

import aiosmtplib
from aiosmtplib import SMTP, SMTPException, SMTPResponseException

from syncer.domain.errors import (
    AnswerLostError,
    DeliveryRejectedError,
    PartnerUnavailableError,
)
from syncer.domain.mail import one_line
from syncer.mail.mime import MimeMessage
from syncer.observability import Event, get_logger, known_secrets
from syncer.ports.ambient import Clock
from syncer.sdk import MailMessage

COMMAND_SECONDS = 30.0
"""For a connection, a handshake, and each answer before the data."""
ANSWER_SECONDS = 180.0
"""For the answer to the data; servers look for viruses meanwhile."""
STALL_SECONDS = 60.0
"""How long a server may take nothing of the data."""
HOLD_SECONDS = 900.0
"""How long a server that refused the login is left alone, so that it locks no account."""
MOST_BUFFERED_BYTES = 262_144
_LONGEST_ANSWER = 300
_METHODS = ("plain", "login", "cram-md5")

_log = get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class MailServer:
    """Where mail is handed over, and as whom; ``security`` none is for loopback only."""

    host: str
    port: int
    security: Literal["starttls", "tls", "none"]
    user: str
    password: str = field(repr=False)
    sender: Address


class SmtpClient:
    """Hands messages to one server, a few at a time.

    ``context`` replaces the system's trust in certificates, for tests.
    """

    def __init__(
        self, server: MailServer, *, clock: Clock, context: ssl.SSLContext | None = None
    ) -> None:
        known_secrets.add([server.password])
        self._server = server
        self._clock = clock
        self._context = context
        self._turns = asyncio.Semaphore(2)
        self._held_until = 0.0
        self.trouble: str | None = None

    async def send(self, message: MailMessage, *, leaving: Callable[[], None] | None = None) -> str:
        """Hand a message over; errors as ``MailSession.send`` says."""
        async with self._turns:
            client = self._new()
            try:
                await self._open(client)
                transfer = _Transfer(client, self._mime(message), leaving)
                return await transfer.run(self._server.sender.addr_spec, message.to)
            finally:
                client.close()

    async def probe(self) -> None:
        """Find out whether the server can be used; sends nothing."""
        async with self._turns:
            client = self._new()
            try:
                with suppress(PartnerUnavailableError, DeliveryRejectedError):
                    await self._open(client)
            finally:
                client.close()

    def _new(self) -> SMTP:
        return SMTP(
            hostname=self._server.host,
            port=self._server.port,
            use_tls=self._server.security == "tls",
            start_tls=self._server.security == "starttls",
            tls_context=self._context,
            local_hostname=self._server.sender.domain,
            timeout=COMMAND_SECONDS,
        )

    def _mime(self, message: MailMessage) -> MimeMessage:
        sender = self._server.sender
        if not sender.display_name and message.sender_name:
            name = one_line(message.sender_name)
            sender = Address(name, addr_spec=sender.addr_spec)
        return MimeMessage(message, sender=sender, at=self._clock.now())

    async def _open(self, client: SMTP) -> None:
        if self.trouble is not None and self._clock.monotonic() < self._held_until:
            raise PartnerUnavailableError(self.trouble)
        try:
            await client.connect()
        except SMTPResponseException as error:
            _refuse(error)
        except (SMTPException, OSError) as error:
            self._fail(_unreachable(error))
        if self._server.user:
            await self._login(client)
        self._recover()

    async def _login(self, client: SMTP) -> None:
        try:
            await client.ehlo()
            method = next(each for each in _METHODS if each in client.server_auth_methods)
            log_in = getattr(client, f"auth_{method.replace('-', '')}")
            await log_in(self._server.user.encode(), self._server.password.encode())
        except StopIteration:
            self._fail("The mail server offers no login that we know.")
        except SMTPResponseException as error:
            if 400 <= error.code < 500:
                text = f"The mail server cannot check the login now ({error.code})."
                raise PartnerUnavailableError(text) from None
            self._held_until = self._clock.monotonic() + HOLD_SECONDS
            self._fail(f"The mail server refused the login ({error.code}).")
        except (SMTPException, OSError) as error:
            raise PartnerUnavailableError(_unreachable(error)) from None

    def _fail(self, text: str) -> NoReturn:
        if self.trouble is None:
            _log.warning(Event.MAIL_FAILS, text=text)
        self.trouble = text
        raise PartnerUnavailableError(text) from None

    def _recover(self) -> None:
        if self.trouble is not None:
            _log.info(Event.MAIL_WORKS)
        self.trouble = None


class _Transfer:
    """One message over one open connection."""

    def __init__(self, client: SMTP, mime: MimeMessage, leaving: Callable[[], None] | None) -> None:
        self._client = client
        self._mime = mime
        self._leaving = leaving

    async def run(self, sender: str, to: str) -> str:
        await self._envelope(sender, to)
        await self._body()
        answer = await self._end()
        with suppress(SMTPException, OSError):
            await self._client.quit(timeout=1)
        return answer

    async def _envelope(self, sender: str, to: str) -> None:
        try:
            await self._client.mail(sender)
            await self._client.rcpt(to)
            answer = await self._client.execute_command(b"DATA")
        except SMTPResponseException as error:
            _refuse(error)
        except (SMTPException, OSError) as error:
            raise PartnerUnavailableError(_unreachable(error)) from None
        if answer.code != aiosmtplib.SMTPStatus.start_input:
            _refuse(SMTPResponseException(answer.code, answer.message))

    async def _body(self) -> None:
        try:
            async for chunk in self._mime.chunks():
                self._write(chunk)
                async with asyncio.timeout(STALL_SECONDS):
                    await self._drained()
        except (SMTPException, OSError) as error:  # a TimeoutError is an OSError
            raise PartnerUnavailableError(_unreachable(error)) from None

    def _write(self, data: bytes) -> None:
        if self._client.protocol is None:
            raise aiosmtplib.SMTPServerDisconnected("Connection lost")
        self._client.protocol.write(data)

    async def _drained(self) -> None:
        while (transport := self._client.transport) is not None and not transport.is_closing():
            writing = cast("asyncio.WriteTransport", transport)
            if writing.get_write_buffer_size() <= MOST_BUFFERED_BYTES:
                break
            await asyncio.sleep(0.005)
        await asyncio.sleep(0)

    async def _end(self) -> str:
        protocol = self._client.protocol
        if protocol is None:
            raise PartnerUnavailableError("The mail server closed the connection.")
        if self._leaving is not None:
            self._leaving()
        protocol.write(b".\r\n")
        try:  # from here on the server may have the message
            answer = await protocol.read_response(timeout=ANSWER_SECONDS)
        except (SMTPException, OSError):
            answer = None
        if answer is not None and 200 <= answer.code < 300:
            return _readable(answer.message)
        if answer is not None and 400 <= answer.code < 600:
            _refuse(SMTPResponseException(answer.code, answer.message))
        text = "The mail server took the message, but the connection broke before its answer."
        raise AnswerLostError(text)


def _refuse(error: SMTPResponseException) -> NoReturn:
    """Raise what a server's answer means for the message."""
    said = f"{error.code} {_readable(error.message)}".strip()
    if 500 <= error.code < 600:
        text = f"The mail server refused it: {said}"
        raise DeliveryRejectedError(text, partner_code=str(error.code)) from None
    raise PartnerUnavailableError(f"The mail server asks to try again later: {said}") from None


def _unreachable(error: BaseException) -> str:
    """Say why a server cannot be used; nothing that it said."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, ssl.SSLCertVerificationError):
            return f"The mail server's certificate is not trusted: {seen.verify_message}."
        if isinstance(seen, ssl.SSLError):
            return "The mail server does not speak TLS as it should."
        seen = seen.__cause__ or seen.__context__
    if isinstance(error, TimeoutError):
        return "The mail server did not answer in time."
    if type(error) is SMTPException and "STARTTLS" in str(error):
        return "The mail server does not offer STARTTLS; nothing is sent without it."
    if isinstance(error, aiosmtplib.SMTPServerDisconnected):
        return "The mail server closed the connection."
    return "The mail server cannot be reached."


def _readable(text: str) -> str:
    raw = text.encode("utf-8", "replace").decode("utf-8", "replace")
    return known_secrets.mask(one_line(raw))[:_LONGEST_ANSWER]
