"""Multipart bodies (RFC 7578), streamed: of known length, made anew for every attempt."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Sequence

from syncer.domain.errors import PayloadError
from syncer.sdk.http import Part

_LINE_END = b"\r\n"
_ESCAPED = str.maketrans({'"': "%22", "\r": "%0D", "\n": "%0A"})


class MultipartBody:
    """Parts in the order given; file names travel as raw UTF-8."""

    def __init__(self, parts: Sequence[Part]) -> None:
        self._boundary = secrets.token_hex(16)
        self._parts = [(part, self._head(part)) for part in parts]
        self._end = f"--{self._boundary}--\r\n".encode()

    @property
    def content_type(self) -> str:
        """The header that goes with it."""
        return f"multipart/form-data; boundary={self._boundary}"

    @property
    def size_bytes(self) -> int:
        """Its length."""
        sizes = (len(head) + _size(part) + len(_LINE_END) for part, head in self._parts)
        return sum(sizes) + len(self._end)

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield the body piece by piece, reading files as it goes.

        Raises:
            PayloadError: a file has not the length that it was announced with.
        """
        for part, head in self._parts:
            yield head
            if isinstance(part.content, bytes):
                yield part.content
            else:
                sent = 0
                async for chunk in part.content.chunks():
                    sent += len(chunk)
                    yield chunk
                if sent != part.content.size_bytes:
                    raise PayloadError(f"the file {part.name} is not as long as it was")
            yield _LINE_END
        yield self._end

    def _head(self, part: Part) -> bytes:
        lines = f'--{self._boundary}\r\nContent-Disposition: form-data; name="{_quoted(part.name)}"'
        if part.filename is not None:
            lines += f'; filename="{_quoted(part.filename)}"'
        if part.content_type is not None:
            lines += f"\r\nContent-Type: {_quoted(part.content_type)}"
        return f"{lines}\r\n\r\n".encode()


def _size(part: Part) -> int:
    return len(part.content) if isinstance(part.content, bytes) else part.content.size_bytes


def _quoted(text: str) -> str:
    return text.translate(_ESCAPED)
