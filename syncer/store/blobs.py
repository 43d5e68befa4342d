"""File contents on a local disk, each under its SHA-256.

A content is received beside its place, flushed, moved in one step, and the folder flushed: after a
crash it is there as a whole or not at all. All file work is done in threads.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import tempfile
import threading
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, Final, cast

from syncer.domain.errors import NotFoundError, StorageFullError
from syncer.observability.crash_points import crash_point
from syncer.ports.blobs import Blob

HEAD_BYTES: Final = 4_096
CHUNK_BYTES: Final = 262_144
_INCOMING: Final = "incoming"
_BATCH: Final = 500
_FOLDER_MODE: Final = 0o700
_HASH_SIGNS: Final = 64
_HASH_ALPHABET: Final = frozenset("0123456789abcdef")


class FileBlobWriter:
    """A content on its way in; implements ``BlobWriter``."""

    def __init__(self, folder: Path, file: Path, handle: int, turn: threading.Lock) -> None:
        self._folder = folder
        self._turn = turn
        self._file = file
        self._handle = handle
        self._hash = hashlib.sha256()
        self._head = b""
        self._bytes = 0

    async def write(self, chunk: bytes) -> None:
        """Take the next bytes."""
        self._hash.update(chunk)
        self._bytes += len(chunk)
        if len(self._head) < HEAD_BYTES:
            self._head = (self._head + chunk)[:HEAD_BYTES]
        await _done(_write_all, self._handle, chunk)

    async def finish(self) -> Blob:
        """Flush to the disk and say what was received."""
        crash_point("file-received")
        await _done(os.fsync, self._handle)
        crash_point("file-flushed")
        return Blob(sha256=self._hash.hexdigest(), bytes=self._bytes, head=self._head)

    async def keep(self) -> None:
        """Move the content to its place, durably."""
        blob = await self.finish()
        target = place(self._folder, blob.sha256)
        await _done(_move, self._file, target, self._folder, self._turn)
        crash_point("file-kept")


class FileBlobStore:
    """Contents in the folders below one folder; implements ``BlobStore``."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._turn = threading.Lock()

    @asynccontextmanager
    async def receive(self) -> AsyncIterator[FileBlobWriter]:
        """Open a writer; leaving it without ``keep`` removes what was received."""
        begun: list[tuple[int, Path]] = []
        try:
            await _done(lambda: begun.append(_begin(self._folder)))
            handle, file = begun[0]
            yield FileBlobWriter(self._folder, file, handle, self._turn)
        finally:
            for handle, file in begun:
                os.close(handle)
                file.unlink(missing_ok=True)

    async def open(self, sha256: str) -> Path | None:
        """Give the local file of a content, None when it is missing."""
        file = place(self._folder, sha256)
        return file if await asyncio.to_thread(file.is_file) else None

    async def read(self, sha256: str) -> AsyncIterator[bytes]:
        """Yield a content piece by piece; files are read in threads."""
        file = await asyncio.to_thread(_open, place(self._folder, sha256))
        try:
            while chunk := await asyncio.to_thread(file.read, CHUNK_BYTES):
                yield chunk
        finally:
            file.close()

    async def older_than(self, seconds: float) -> AsyncIterator[Collection[str]]:
        """Walk the contents older than that, in batches; what a crash left half received goes."""
        before = await asyncio.to_thread(_present, self._folder) - seconds
        await asyncio.to_thread(_clear_incoming, self._folder, before)
        for folder in await asyncio.to_thread(_folders, self._folder):
            names = await asyncio.to_thread(_old_files, folder, before)
            for start in range(0, len(names), _BATCH):
                yield names[start : start + _BATCH]

    async def remove(self, sha256: str, *, older_than: float = 0) -> None:
        """Remove a content that is still that old, in seconds; one that is not there is fine."""
        before = await asyncio.to_thread(_present, self._folder) - older_than
        target = place(self._folder, sha256)
        await asyncio.to_thread(_remove, target, before, self._turn)


def place(folder: Path, sha256: str) -> Path:
    """Give the place of a content, two folders deep so that none grows large.

    Raises:
        ValueError: the text is no lowercase SHA-256.
    """
    if len(sha256) != _HASH_SIGNS or not set(sha256) <= _HASH_ALPHABET:
        raise ValueError("is not a lowercase hexadecimal SHA-256")
    return folder / sha256[:2] / sha256[2:4] / sha256


async def _done(work: Callable[..., None], *values: Any) -> None:
    """Do file work in a thread, to its end even for a caller that is cancelled.

    The thread goes on, and closing its file meanwhile would let it write into whatever is opened
    next under the same number.

    Raises:
        StorageFullError: the disk is full, or cannot be written to.
    """
    doing = asyncio.ensure_future(asyncio.to_thread(work, *values))
    try:
        await asyncio.shield(doing)
    except OSError as error:
        text = "The disk is full, or the file could not be written."
        raise StorageFullError(text) from error
    finally:
        if not doing.done():
            await asyncio.wait({doing})


def _begin(folder: Path) -> tuple[int, Path]:
    incoming = folder / _INCOMING
    incoming.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=incoming)
    crash_point("file-begun")
    return handle, Path(name)


def _open(file: Path) -> BinaryIO:
    try:
        return cast("BinaryIO", file.open("rb", buffering=0))
    except FileNotFoundError:
        raise NotFoundError("The content is not in the store.") from None


def _write_all(handle: int, chunk: bytes) -> None:
    view = memoryview(chunk)
    while view:
        view = view[os.write(handle, view) :]


def _move(file: Path, target: Path, root: Path, turn: threading.Lock) -> None:
    """Move a flushed file to its place and flush the folders that lead there.

    They are flushed for a file that is there already too: who brought it may have died before.
    """
    target.parent.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
    with turn:
        if target.exists():
            os.utime(target)  # it is in use again, so the sweep must not take it for an orphan
        else:
            file.rename(target)
    crash_point("file-moved")
    for folder in (target.parent, target.parent.parent, root):
        _flush_folder(folder)


def _remove(file: Path, before: float, turn: threading.Lock) -> None:
    with turn, suppress(FileNotFoundError):
        if file.stat().st_mtime <= before:
            file.unlink()


def _flush_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _present(folder: Path) -> float:
    """Give the present as the disk's own clock has it; file ages are told by that clock."""
    handle, file = _begin(folder)
    try:
        return os.fstat(handle).st_mtime
    finally:
        os.close(handle)
        file.unlink()


def _clear_incoming(folder: Path, before: float) -> None:
    for name in _old_files(folder / _INCOMING, before):
        (folder / _INCOMING / name).unlink(missing_ok=True)


def _folders(folder: Path) -> list[Path]:
    return sorted(found for found in folder.glob("??/??") if found.is_dir())


def _old_files(folder: Path, before: float) -> list[str]:
    with os.scandir(folder) as entries:
        return sorted(entry.name for entry in entries if _is_old(entry, before))


def _is_old(entry: os.DirEntry[str], before: float) -> bool:
    with suppress(FileNotFoundError):
        return entry.is_file(follow_symlinks=False) and entry.stat().st_mtime <= before
    return False
