"""The folder exchange as a connector sees it; the host's own is in ``syncer/partner``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from syncer.domain.errors import PayloadError

MALFORMED_PATIENCE = timedelta(seconds=60)
"""A file that cannot be read may still be on its way until it is this old."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderFile:
    """A file that lies ready: its size and time have not changed for the stable time.

    ``path`` is relative to the link's folder, with ``/``. ``modified_at`` is the file's own time,
    and ``age`` how long ago that was when it was listed, by the host's clock.
    """

    path: str
    bytes: int
    modified_at: datetime
    age: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadyFiles:
    """As many files that lie ready as a page may hold.

    Give ``cursor`` and ``has_more`` to the page as they are. A file that was listed is not listed
    again in the same pass, whether it is moved or left where it is; the next pass sees what is
    still there.
    """

    files: Sequence[FolderFile]
    cursor: str
    has_more: bool


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

    async def ready(
        self,
        folder: str,
        *,
        pattern: str = "*.xml",
        order: Callable[[bytes], int] | None = None,
    ) -> ReadyFiles:
        """List what lies ready in a folder, lowest ``order`` first and then by name.

        Names that begin with ``.`` or end in ``.tmp`` or ``.part`` are left alone, and so is what
        still changes. ``order`` is given the first bytes (4 KiB at most) of each file; it is pure,
        quick, raises nothing, and is called off the loop.

        Raises:
            PartnerUnavailableError: the folder, or a file in it, cannot be read now.
        """
        ...

    async def read(self, file: FolderFile) -> bytes:
        """Give the whole content of a listed file.

        Raises:
            PayloadError: it is larger than allowed.
            PartnerUnavailableError: it cannot be read now, or is gone.
        """
        ...

    async def write(self, folder: str, name: str, content: bytes) -> None:
        """Put a file in place as a whole: temporary name, flushed, renamed, folder flushed.

        The same name again is replaced by the same means. Until it is whole it is called
        ``.<name without its ending>.tmp``. A folder that is missing is made, but not the link's.

        Raises:
            PartnerUnavailableError: the folder cannot be written now; nothing is in place.
        """
        ...

    async def check(self, *folders: str) -> None:
        """See that folders exist and that files can be made in them.

        Raises:
            PartnerUnavailableError: naming the folder and what is wrong with it.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What became of the files of a page; ``cursor`` and ``has_more`` go to the page as they are.

    ``unreadable`` holds the bytes of what was refused, and why; ``files`` says where each file
    goes. A file that cannot be read and is young is in neither: it is tried again.
    """

    files: Sequence[Archived | Refused]
    unreadable: Sequence[tuple[bytes, PayloadError]]
    cursor: str
    has_more: bool


async def take_ready(
    session: FolderSession,
    folder: str,
    *,
    read: Callable[[bytes], str],
    reject: str,
    order: Callable[[bytes], int] | None = None,
) -> Taken:
    """Read what lies ready in a folder, file by file.

    ``read`` takes the content of one file and gives the folder that it is archived in; when it
    raises ``PayloadError`` the file goes to ``reject`` once it is old enough.

    Raises:
        PartnerUnavailableError: the folder, or a file in it, cannot be read now.
    """
    ready = await session.ready(folder, order=order)
    files: list[Archived | Refused] = []
    unreadable = []
    for file in ready.files:
        content = b""
        try:
            content = await session.read(file)
            files.append(Archived(file=file, folder=read(content)))
        except PayloadError as error:
            if file.age >= MALFORMED_PATIENCE:
                unreadable.append((content, error))
                files.append(Refused(file=file, folder=reject, reason=str(error)))
    return Taken(files=files, unreadable=unreadable, cursor=ready.cursor, has_more=ready.has_more)
