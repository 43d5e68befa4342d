"""Multipart bodies (RFC 7578), taken apart as they come: no part is held in memory as a whole."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from email.message import Message
from typing import Final
from urllib.parse import unquote

from aiohttp import web
from aiohttp.web_exceptions import HTTPException

from syncer.domain.errors import RequestRefusedError, TooLargeError

FILE_MAX_BYTES: Final = 50 * 1_048_576
BODY_MAX_BYTES: Final = FILE_MAX_BYTES + 65_536
"""A file, the other parts and all that stands around them."""
FORM_TYPE: Final = "multipart/form-data"
_HEAD_MAX_BYTES: Final = 8_192
_HEAD_MAX_LINES: Final = 16
_BOUNDARY_MAX_CHARACTERS: Final = 70
_PAUSE_SECONDS: Final = 30
"""How long a body may stand still."""
_WHOLE_SECONDS: Final = 900
"""How long a body may take in all: 50 MiB at half a megabit a second."""
_CHUNK_BYTES: Final = 131_072
"""How much of a content is handed on at a time, at least."""
_LINE_END: Final = b"\r\n"
_PARAMETER = re.compile(r';[ \t]*([a-zA-Z0-9*_-]+)=(?:"((?:\\.|[^"\\])*)"|([^\s;"]+))[ \t]*')
_ESCAPED = {"%22": '"', "%0D": "\r", "%0A": "\n"}
"""What browsers and curl escape in names that are otherwise raw."""
_PLAIN_ENCODINGS = frozenset({"7bit", "8bit", "binary"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One part: its name, for a file its name and declared type, and its content as it comes."""

    name: str
    filename: str | None
    content_type: str | None
    chunks: AsyncIterator[bytes]


async def parts_of(request: web.Request) -> AsyncIterator[Part]:
    """Walk the parts; each must be read to its end before the next is asked for.

    Raises:
        RequestRefusedError: 415 for another content type, 400 ``multipart_invalid`` for a body
            that breaks the rules, 408 when it comes too slowly.
        TooLargeError: the whole is larger than a file with its fields can be.
    """
    boundary = _boundary(request)
    if (request.content_length or 0) > BODY_MAX_BYTES:
        raise too_large()
    source = _Source(request)
    delimiter = _LINE_END + b"--" + boundary
    if await source.take(len(delimiter) - len(_LINE_END)) != delimiter.removeprefix(_LINE_END):
        raise broken("it does not begin with its boundary")
    while (tail := await source.take(2)) == _LINE_END:
        head = _read_head(await source.head())
        yield _part(head, source.until(delimiter))
    if tail != b"--":
        raise broken("a boundary is followed by something else")
    await source.end()


def broken(what: str) -> RequestRefusedError:
    """Say what is wrong with the form of a body."""
    return RequestRefusedError(
        400, "multipart_invalid", f"The multipart body is not valid: {what}."
    )


def too_large() -> TooLargeError:
    """Say how large a file may be."""
    return TooLargeError(f"The file is larger than {FILE_MAX_BYTES} bytes.")


class _Source:
    """The bytes of a request's body, read on demand."""

    def __init__(self, request: web.Request) -> None:
        self._content = request.content
        self._buffer = bytearray()
        self._received = 0
        self._until = asyncio.get_running_loop().time() + _WHOLE_SECONDS

    async def take(self, count: int) -> bytes:
        """Take exactly that many bytes."""
        while len(self._buffer) < count:
            if not await self._more():
                raise broken("it ends too early")
        return self._cut(count)

    async def head(self) -> bytes:
        """Take the lines before a part's content."""
        while (end := self._buffer.find(_LINE_END * 2, 0, _HEAD_MAX_BYTES)) < 0:
            if len(self._buffer) >= _HEAD_MAX_BYTES:
                raise broken(f"the head of a part has more than {_HEAD_MAX_BYTES} bytes")
            if not await self._more():
                raise broken("it ends within the head of a part")
        return self._cut(end + 4)[:-4]

    async def until(self, delimiter: bytes) -> AsyncIterator[bytes]:
        """Give what stands before the delimiter, and take the delimiter away."""
        kept = len(delimiter) - 1
        searched = 0
        while (end := self._buffer.find(delimiter, searched)) < 0:
            if len(self._buffer) >= _CHUNK_BYTES:
                yield self._cut(len(self._buffer) - kept)
            searched = max(0, len(self._buffer) - kept)
            if not await self._more():
                raise broken("it ends within a part")
        if end:
            yield self._cut(end)
        self._cut(len(delimiter))

    async def end(self) -> None:
        """Want nothing but a line's end after the last boundary."""
        while len(self._buffer) <= len(_LINE_END) and await self._more():
            pass
        if bytes(self._buffer) not in {b"", _LINE_END}:
            raise broken("something follows its end")

    def _cut(self, count: int) -> bytes:
        taken = bytes(self._buffer[:count])
        del self._buffer[:count]
        return taken

    async def _more(self) -> bool:
        left = self._until - asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout(min(_PAUSE_SECONDS, left)):
                chunk = await self._content.readany()
        except TimeoutError:
            raise RequestRefusedError(408, "request_timeout", "The body came too slowly.") from None
        except (web.RequestPayloadError, HTTPException, ConnectionError):
            raise RequestRefusedError(400, "body_unreadable", "The body cannot be read.") from None
        self._received += len(chunk)
        if self._received > BODY_MAX_BYTES:
            raise too_large()
        self._buffer += chunk
        return bool(chunk)


def _boundary(request: web.Request) -> bytes:
    message = Message()
    message["Content-Type"] = request.headers.get("Content-Type", "")
    if message.get_content_type() != FORM_TYPE:
        raise RequestRefusedError(
            415, "unsupported_media_type", f"The body must be {FORM_TYPE} (RFC 7578)."
        )
    boundary = message.get_boundary() or ""
    if not 0 < len(boundary) <= _BOUNDARY_MAX_CHARACTERS or not boundary.isascii():
        raise broken("the Content-Type names no boundary of 1 to 70 ASCII characters")
    return boundary.encode()


def _read_head(raw: bytes) -> Mapping[str, str]:
    try:
        lines = raw.decode().split("\r\n")
    except UnicodeDecodeError:
        raise broken("the head of a part is not UTF-8") from None
    if len(lines) > _HEAD_MAX_LINES:
        raise broken(f"the head of a part has more than {_HEAD_MAX_LINES} lines")
    head: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not name or name != name.strip() or name.lower() in head:
            raise broken("the head of a part has a faulty line")
        head[name.lower()] = value.strip()
    return head


def _part(head: Mapping[str, str], chunks: AsyncIterator[bytes]) -> Part:
    kind, _, _ = head.get("content-disposition", "").partition(";")
    if kind.strip().lower() != "form-data":
        raise broken("a part has no Content-Disposition: form-data")
    if head.get("content-transfer-encoding", "binary").lower() not in _PLAIN_ENCODINGS:
        raise broken("a part has a Content-Transfer-Encoding; send it as it is")
    parameters = _parameters(head["content-disposition"][len(kind) :])
    if "name" not in parameters:
        raise broken("a part has no name")
    return Part(
        name=parameters["name"],
        filename=_filename(parameters),
        content_type=head.get("content-type"),
        chunks=chunks,
    )


def _parameters(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    place = 0
    while place < len(text):
        match = _PARAMETER.match(text, place)
        if match is None or match[1].lower() in found:
            raise broken("the Content-Disposition of a part has a faulty parameter")
        quoted, plain = match[2], match[3]
        found[match[1].lower()] = _unquoted(quoted) if plain is None else plain
        place = match.end()
    return found


def _unquoted(text: str) -> str:
    return text.replace('\\"', '"').replace("\\\\", "\\")


def _filename(parameters: Mapping[str, str]) -> str | None:
    """Give the name as it was meant: clients write what is not plain ASCII in three ways.

    Source: RFC 7578, section 4.2 (raw UTF-8), the HTML standard (percent signs for quotes and line
    ends; some clients for everything), RFC 8187 (``filename*``).
    """
    extended = parameters.get("filename*", "")
    if extended.lower().startswith("utf-8'"):
        return unquote(extended.split("'", 2)[-1])
    plain = parameters.get("filename")
    if plain is None or plain.isascii():
        return plain and unquote(plain)
    for escaped, sign in _ESCAPED.items():
        plain = plain.replace(escaped, sign)
    return plain
