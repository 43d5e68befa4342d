"""A claims office's mailbox on loopback, for the demo and the tests; it takes all mail."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from syncer.testing import Mailbox

__all__ = ["PlayedClaimsOffice"]


class PlayedClaimsOffice:
    """Reads its mail; the demo's clients have their mailbox here too."""

    def __init__(self) -> None:
        self.mailbox = Mailbox()
        self._read = 0

    @asynccontextmanager
    async def serve(self) -> AsyncIterator[str]:
        """Take mail on a free loopback port; gives its address as ``smtp://``."""
        async with self.mailbox.serve() as address:
            yield address

    def add_repairer(self, repairer: str) -> Mapping[str, str]:  # noqa: ARG002 - as declared
        """Give nothing: there are no credentials."""
        return {}

    def live(self) -> str:
        """Read the next mail."""
        if self._read == len(self.mailbox.messages):
            return "nobody has written"
        mail = self.mailbox.messages[self._read]
        self._read += 1
        files = [part.get_filename() for part in mail.message.iter_attachments()]
        attached = f" with {', '.join(map(str, files))}" if files else ""
        return f"{mail.to} reads “{mail.message['Subject']}”{attached}"
