"""Where file contents are kept: by content, never by name."""

from __future__ import annotations

import builtins
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Blob:
    """A stored content."""

    sha256: str
    bytes: int
    head: builtins.bytes
    """The first bytes (up to 4,096), for telling the type."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedFile:
    """A file that somebody sent us; it is gone afterwards unless ``keep`` was awaited.

    ``name`` and ``content_type`` are what the sender says of it.
    """

    name: str
    content_type: str | None
    blob: Blob
    keep: Callable[[], Awaitable[None]] = field(repr=False, compare=False)


class BlobWriter(Protocol):
    """A content being received; nothing is visible until ``keep``.

    Every step raises ``StorageFullError`` when the disk does not take it.
    """

    async def write(self, chunk: bytes) -> None: ...

    async def finish(self) -> Blob:
        """Flush to the disk and say what was received; still not kept."""
        ...

    async def keep(self) -> None:
        """Move the content to its place, durably; a content that is there already is left."""
        ...


class BlobStore(Protocol):
    """Contents by lowercase hex SHA-256."""

    def receive(self) -> AbstractAsyncContextManager[BlobWriter]:
        """Open a writer; leaving it without ``keep`` removes what was received."""
        ...

    async def open(self, sha256: str) -> Path | None:
        """Give the local file of a content, None when it is missing."""
        ...

    def read(self, sha256: str) -> AsyncIterator[builtins.bytes]:
        """Yield a content piece by piece.

        Raises:
            NotFoundError: it is missing.
        """
        ...

    def older_than(self, seconds: float) -> AsyncIterator[Collection[str]]:
        """Walk the contents older than that, in batches; for the sweep of orphans."""
        ...

    async def remove(self, sha256: str, *, older_than: float = 0) -> None:
        """Remove a content, unless it was kept again within that many seconds."""
        ...
