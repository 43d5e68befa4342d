"""The MIME form of a message (RFC 5322, 2045, 2231), written piece by piece.

Headers and texts are small and made by the standard library; attachments stream through base64, so
that a message of 20 MiB needs no more memory than a short one.
"""

from __future__ import annotations

import hashlib
import re
from base64 import encodebytes
from collections.abc import AsyncIterator
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from syncer.domain.errors import PayloadError
from syncer.domain.mail import one_line, safe_names
from syncer.sdk import MailMessage, OutgoingFile

_TYPE = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,126}/[a-z0-9][a-z0-9!#$&^_.+-]{0,126}")
_NESTED = ("message/", "multipart/")  # these may not travel as base64
_LINE_BYTES = 57
"""Bytes that make one line of base64, 76 characters. Source: RFC 2045, section 6.8."""
_BLOCK_BYTES = _LINE_BYTES * 1_024
_PERIOD = re.compile(rb"(?m)^\.")


class MimeMessage:
    """A message ready for the wire: lines end in CRLF, and dots at their start are doubled."""

    def __init__(self, message: MailMessage, *, sender: Address, at: datetime) -> None:
        self._files = list(
            zip(message.attachments, safe_names(f.name for f in message.attachments), strict=True)
        )
        digest = hashlib.sha256(message.message_id.encode()).hexdigest()
        self._boundary = f"=_{digest[:40]}"  # what no base64 or quoted-printable text can hold
        self._head = self._headers(message, sender, at)

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield the whole message but for the line with the dot that ends it.

        Raises:
            PayloadError: an attachment has not the length that it was announced with.
        """
        yield _stuffed(self._head)
        for file, name in self._files:
            yield _stuffed(f"\r\n--{self._boundary}\r\n".encode() + _file_head(file, name))
            async for block in _base64(file):
                yield block
        if self._files:
            yield f"\r\n--{self._boundary}--\r\n".encode()

    def _headers(self, message: MailMessage, sender: Address, at: datetime) -> bytes:
        words = _words(message)
        outer = EmailMessage(policy=SMTP) if self._files else words
        outer["From"] = sender
        outer["To"] = Address(addr_spec=message.to)
        outer["Subject"] = one_line(message.letter.subject)
        outer["Date"] = format_datetime(at)
        outer["Message-ID"] = f"<{message.message_id}>"
        if message.language is not None:
            outer["Content-Language"] = message.language
        if not self._files:
            return bytes(words)
        outer["MIME-Version"] = "1.0"
        del words["MIME-Version"]  # said once, of the whole
        kind = f'Content-Type: multipart/mixed; boundary="{self._boundary}"\r\n\r\n'
        begin = f"--{self._boundary}\r\n"
        return bytes(outer).removesuffix(b"\r\n") + f"{kind}{begin}".encode() + bytes(words)


def _words(message: MailMessage) -> EmailMessage:
    words = EmailMessage(policy=SMTP)
    words.set_content(message.letter.text, cte="quoted-printable")
    words.add_alternative(message.letter.html, subtype="html", cte="quoted-printable")
    digest = hashlib.sha256(f"{message.message_id} words".encode()).hexdigest()
    words.set_boundary(f"=_{digest[:40]}")
    return words


def _file_head(file: OutgoingFile, name: str) -> bytes:
    part = EmailMessage(policy=SMTP)
    declared = file.content_type.partition(";")[0].strip().lower()
    is_usable = _TYPE.fullmatch(declared) and not declared.startswith(_NESTED)
    part["Content-Type"] = declared if is_usable else "application/octet-stream"
    part.add_header("Content-Disposition", "attachment", filename=name)
    part["Content-Transfer-Encoding"] = "base64"
    return bytes(part)


async def _base64(file: OutgoingFile) -> AsyncIterator[bytes]:
    waiting, read = bytearray(), 0
    async for chunk in file.chunks():
        waiting += chunk
        read += len(chunk)
        while len(waiting) >= _BLOCK_BYTES:
            yield _lines(bytes(waiting[:_BLOCK_BYTES]))
            del waiting[:_BLOCK_BYTES]
    if read != file.size_bytes:
        raise PayloadError(f"the file {file.id} is not as long as it was")
    yield _lines(bytes(waiting))


def _lines(block: bytes) -> bytes:
    return encodebytes(block).replace(b"\n", b"\r\n")


def _stuffed(text: bytes) -> bytes:
    """Double the dots at line starts. Source: RFC 5321, section 4.5.2."""
    return _PERIOD.sub(b"..", text)
