"""The folder exchange: files that a partner's program and we put into folders for each other.

A file is taken once two looks, ``STABLE_SECONDS`` apart, found it the same. What was seen is kept
for the life of the process, so that a file that rests since an earlier pass is taken at once; a
pass that finds only files it has not seen before waits that long, once.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from syncer.domain.errors import ConnectorFailedError, PartnerUnavailableError, PayloadError
from syncer.domain.instants import EPOCH
from syncer.domain.links import LinkKey
from syncer.partner import folder_files
from syncer.partner.folder_files import ChangedError, Stamp, is_name, opened, parts_of, told
from syncer.ports.ambient import Clock
from syncer.sdk import Archived, FolderFile, ReadyFiles, Refused

STABLE_SECONDS = 2.0
"""Source: partners/darva.md, folders."""
LARGEST_FILE_BYTES = 20 * 1024 * 1024
MOST_FILES = 250
"""On a page."""
MOST_PAGE_BYTES = 32 * 1024 * 1024
"""Of content on a page; one file may be all of it."""
MOST_WATCHED = 20_000
"""Files of one folder that are looked at; more than these wait until some were taken."""
HEAD_BYTES = 4096
_LAST = "0"
_A_LITTLE = 0.05
_LATEST_MICROS = 253_402_300_799_000_000  # the end of the year 9999

Order = Callable[[bytes], int]
_Watched = dict[str, tuple[Stamp, float]]
"""What each file looked like, and since when."""
_Moves = defaultdict[tuple[str, str], list[tuple[str, str | None]]]
"""Names and reasons of files, by the folders that they move from and to."""


class FolderRoots:
    """Gives exchanges below the connectors' roots."""

    def __init__(self, roots: Mapping[str, Path], *, clock: Clock) -> None:
        self._roots = roots
        self._clock = clock
        self._watched: defaultdict[tuple[LinkKey, str, str], _Watched] = defaultdict(dict)

    def exchange(self, link: LinkKey, name: str) -> FolderLink:
        """Make the exchange of one pass, check or delivery.

        Raises:
            ConnectorFailedError: the name is none of a folder, or the connector has no root.
        """
        root = self._roots.get(link.connector)
        if root is None or not is_name(name):
            raise ConnectorFailedError("folder_of must give the name of a folder below the root")
        return FolderLink(root, name, self._clock, lambda *key: self._watched[(link, *key)])


@dataclass(frozen=True, slots=True)
class _Resting:
    """A file that may be taken."""

    name: str
    stamp: Stamp
    order: int = 0


@dataclass(slots=True)
class _Listing:
    """One folder within a pass: what is still to be given, and what was."""

    resting: deque[_Resting] = field(default_factory=deque)
    given: set[tuple[str, Stamp]] = field(default_factory=set)
    moving: bool = False
    """Whether files were seen that do not rest yet."""
    trouble: OSError | None = None
    """Why some file could not be read; told once nothing else is left to give."""


class FolderLink:
    """Implements ``FolderExchange`` for one link."""

    def __init__(
        self,
        root: Path,
        name: str,
        clock: Clock,
        watched: Callable[[str, str], _Watched],
    ) -> None:
        self._root = root
        self._name = name
        self._clock = clock
        self._watched = watched
        self._listings: defaultdict[tuple[str, str], _Listing] = defaultdict(_Listing)
        self._contents: dict[str, bytes] = {}
        self._stamps: dict[str, Stamp] = {}
        self._has_waited = False
        self._pages = 0

    async def ready(
        self, folder: str, *, pattern: str = "*.xml", order: Order | None = None
    ) -> ReadyFiles:
        """List what lies ready, as much as a page may hold; see ``FolderSession``."""
        parts_of(folder)
        listing = self._listings[folder, pattern]
        if not listing.resting:
            await self._refill(listing, folder, pattern, order)
        if not listing.resting and listing.moving and not self._has_waited:
            self._has_waited = True
            await self._clock.sleep(STABLE_SECONDS + _A_LITTLE)
            await self._refill(listing, folder, pattern, order)
        batch = _batch(listing.resting)
        files = await asyncio.to_thread(self._load, folder, batch, listing)
        if not files and not listing.resting and listing.trouble is not None:
            trouble, listing.trouble = listing.trouble, None
            text = f"A file in {folder} cannot be read: {folder_files.reason_of(trouble)}."
            raise PartnerUnavailableError(text) from trouble
        is_more_coming = listing.moving and not self._has_waited
        has_more = bool(listing.resting or is_more_coming or listing.trouble)
        self._pages += 1
        return ReadyFiles(
            files=files, cursor=str(self._pages) if has_more else _LAST, has_more=has_more
        )

    async def read(self, file: FolderFile) -> bytes:
        """Give the whole content of a file of the last page.

        Raises:
            PayloadError: it is larger than allowed.
            PartnerUnavailableError: it was not listed last.
        """
        if file.bytes > LARGEST_FILE_BYTES:
            raise PayloadError(f"the file is larger than {LARGEST_FILE_BYTES} bytes")
        content = self._contents.get(file.path)
        if content is None:
            raise PartnerUnavailableError(f"The file {file.path} is not at hand any more.")
        return content

    async def write(self, folder: str, name: str, content: bytes) -> None:
        """Put a file in place as a whole; see ``FolderSession``."""
        parts_of(folder)
        if not is_name(name) or name.startswith("."):
            raise ConnectorFailedError("a file must have a plain name that does not begin with '.'")

        def put() -> None:
            with self._opened(folder, make=True) as there:
                folder_files.write(there, name, content)

        await asyncio.to_thread(put)

    async def check(self, *folders: str) -> None:
        """See that folders exist and that files can be made in them; see ``FolderSession``."""

        def probe() -> None:
            for folder in folders:
                with self._opened(folder) as there:
                    folder_files.probe(there)

        await asyncio.to_thread(probe)

    async def put_away(self, files: Sequence[Archived | Refused]) -> None:
        """Move files whose content is stored; see ``FolderExchange``."""
        moves: _Moves = defaultdict(list)
        for one in files:
            *folder, name = parts_of(one.file.path)
            parts_of(one.folder)
            if one.file.path not in self._stamps:
                raise ConnectorFailedError("a page names a file that was not listed for it")
            reason = one.reason if isinstance(one, Refused) else None
            moves["/".join(folder), one.folder].append((name, reason))
        if moves:
            await asyncio.to_thread(self._move_all, moves)

    async def _refill(
        self, listing: _Listing, folder: str, pattern: str, order: Order | None
    ) -> None:
        """Look at the folder, and queue what rests and was not given in this pass."""
        watched = self._watched(folder, pattern)
        now = self._clock.monotonic()
        found = await asyncio.to_thread(self._look, folder, pattern)
        for name in watched.keys() - found.keys():
            del watched[name]
        resting, listing.moving = [], False
        for name, stamp in found.items():
            if (name, stamp) in listing.given:
                continue
            before, since = watched.get(name, (None, now))
            if before != stamp:
                watched[name] = (stamp, now)
                listing.moving = True
            elif now - since < STABLE_SECONDS:
                listing.moving = True
            else:
                resting.append(_Resting(name, stamp))
        ordered = await asyncio.to_thread(self._ordered, listing, folder, resting, order)
        listing.resting.extend(ordered)

    def _look(self, folder: str, pattern: str) -> dict[str, Stamp]:
        with self._opened(folder) as there:
            return folder_files.look(there, pattern, MOST_WATCHED)

    def _ordered(
        self, listing: _Listing, folder: str, resting: Iterable[_Resting], order: Order | None
    ) -> list[_Resting]:
        """Sort by what the heads of the files say, then by name."""
        found = list(resting)
        if order is not None and found:
            with self._opened(folder) as there:
                found = [
                    _Resting(one.name, one.stamp, order(head))
                    for one in found
                    if (head := _content(listing, there, one, HEAD_BYTES)) is not None
                ]
        return sorted(found, key=lambda one: (one.order, one.name))

    def _load(self, folder: str, batch: Sequence[_Resting], listing: _Listing) -> list[FolderFile]:
        """Read what a page holds; what changed or vanished meanwhile is not given."""
        self._contents.clear()
        self._stamps.clear()
        if not batch:
            return []
        files, now = [], self._clock.now()
        with self._opened(folder) as there:
            for one in batch:
                listing.given.add((one.name, one.stamp))
                is_large = one.stamp.size > LARGEST_FILE_BYTES
                limit = 0 if is_large else one.stamp.size + 1
                content = _content(listing, there, one, limit)
                if content is not None:
                    path = f"{folder}/{one.name}"
                    self._contents[path], self._stamps[path] = content, one.stamp
                    files.append(_file(path, one.stamp, now))
        return files

    def _move_all(self, moves: _Moves) -> None:
        """Move all that can be moved, and tell of the first that could not."""
        troubles: list[PartnerUnavailableError] = []
        for (source, target), files in moves.items():
            try:
                with self._opened(source) as from_, self._opened(target, make=True) as to:
                    for name, reason in files:
                        stamp = self._stamps[f"{source}/{name}"]
                        with told(f"A file cannot be moved from {source} to {target}"):
                            folder_files.move(from_, name, stamp, to, reason=reason)
            except PartnerUnavailableError as error:
                troubles.append(error)
        if troubles:
            raise troubles[0]

    @contextmanager
    def _opened(self, folder: str, *, make: bool = False) -> Iterator[int]:
        parts = (self._name, *parts_of(folder))
        with (
            told(f"The folder {folder} of this link cannot be used"),
            opened(self._root, parts, make=make) as there,
        ):
            yield there


def _batch(resting: deque[_Resting]) -> list[_Resting]:
    """Take as much as a page may hold, one file at least."""
    batch: list[_Resting] = []
    size = 0
    while resting and len(batch) < MOST_FILES:
        size += resting[0].stamp.size
        if batch and size > MOST_PAGE_BYTES:
            break
        batch.append(resting.popleft())
    return batch


def _content(listing: _Listing, folder: int, one: _Resting, limit: int) -> bytes | None:
    """Read a file; None when it changed or vanished, or cannot be read now."""
    try:
        return folder_files.read(folder, one.name, one.stamp, limit)
    except (ChangedError, FileNotFoundError):
        return None
    except OSError as error:
        listing.trouble = listing.trouble or error
        return None


def _file(path: str, stamp: Stamp, now: datetime) -> FolderFile:
    micros = min(max(stamp.modified_ns // 1000, 0), _LATEST_MICROS)
    modified_at = EPOCH + timedelta(microseconds=micros)
    return FolderFile(path=path, bytes=stamp.size, modified_at=modified_at, age=now - modified_at)
