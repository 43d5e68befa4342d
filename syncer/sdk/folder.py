"""The folder exchange as a connector sees it; the host's own is in ``syncer/partner``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderFile:
    """A file that lies ready: its size and time have not changed for the stable time.

    ``path`` is relative to the link's folder, with ``/``; ``modified_at`` is the file's own time.
    """

    path: str
    bytes: int
    modified_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Archived:
    """A file whose content is stored with the page: it moves to ``folder`` after the commit.

    A name that is taken there gets ``-2``, ``-3`` before its ending.
    """

    file: FolderFile
    folder: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A file that cannot be read: after the commit it moves to ``folder`` with its reason.

    ``<name>.reason.txt`` is written beside it.
    """

    file: FolderFile
    folder: str
    reason: str


class FolderSession(Protocol):
    """Files that a partner's program and we exchange, below one link's folder.

    No path leaves that folder. The host watches, orders, archives and survives crashes: a file is
    moved only after the page that holds its content was committed, and seen again until then.
    """

    async def ready(self, folder: str, *, pattern: str = "*.xml") -> Sequence[FolderFile]:
        """List what lies ready in a folder, in order of name.

        Names that begin with ``.`` or end in ``.tmp`` or ``.part`` are left alone, and so is what
        still changes.

        Raises:
            PartnerUnavailableError: the folder cannot be read now.
        """
        ...

    async def read(self, file: FolderFile) -> bytes:
        """Give the whole content.

        Raises:
            PayloadError: it is larger than allowed.
            PartnerUnavailableError: it cannot be read now, or is gone.
        """
        ...

    async def write(self, folder: str, name: str, content: bytes) -> None:
        """Put a file in place as a whole: temporary name, flushed, renamed, folder flushed.

        The same name again is replaced by the same means.

        Raises:
            PartnerUnavailableError: the folder cannot be written now; nothing is in place.
        """
        ...
