"""Files copied for a backup or a restore: whole, verified, flushed, for the owner only."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from syncer.domain.errors import ConfigurationError, StorageFullError

FOLDER_MODE: Final = 0o700
FILE_MODE: Final = 0o600
_NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_NO_LINK: Final = frozenset({errno.EXDEV, errno.EPERM, errno.EMLINK, errno.ENOTSUP})


@contextmanager
def told_to_operator() -> Iterator[None]:
    """Say what an error of the file system means to whoever asked for the copy.

    Raises:
        StorageFullError: there is no room.
        ConfigurationError: a folder cannot be read or written.
    """
    try:
        yield
    except OSError as error:
        if error.errno in _NO_ROOM:
            raise StorageFullError("The disk is full; what was begun is removed.") from None
        place = f"{error.filename}: " if error.filename else ""
        raise ConfigurationError([f"{place}{error.strerror}"]) from None


def hash_of(file: Path) -> str:
    """Compute the SHA-256 of a file."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def make_folder(folder: Path) -> None:
    """Make a folder, and those above it that are missing, for the owner only."""
    if not folder.is_dir():
        make_folder(folder.parent)
        folder.mkdir(mode=FOLDER_MODE, exist_ok=True)


def link_or_copy(source: Path, target: Path) -> None:
    """Give a file a second place: the same content on one disk, a flushed copy on another."""
    make_folder(target.parent)
    try:
        target.hardlink_to(source)
    except OSError as error:
        if error.errno not in _NO_LINK:
            raise
        copy(source, target)


def copy(source: Path, target: Path) -> None:
    """Copy a file's content, flushed, with mode 0600."""
    make_folder(target.parent)
    handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE)
    with source.open("rb") as opened, os.fdopen(handle, "wb") as written:
        shutil.copyfileobj(opened, written, 1_048_576)
        written.flush()
        os.fsync(written.fileno())


def flush(place: Path) -> None:
    """Flush a file, or the names in a folder, to the disk."""
    handle = os.open(place, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def flush_below(folder: Path) -> None:
    """Flush the names in a folder and in all folders below it."""
    for root, _, _ in os.walk(folder):
        flush(Path(root))


def give_to_owner_of(folder: Path) -> None:
    """Where root works: give all below the folder to the folder's owner."""
    if os.geteuid() != 0:
        return
    owner = folder.stat()
    for root, folders, files in os.walk(folder):
        for name in (*folders, *files):
            with suppress(FileNotFoundError):
                os.chown(Path(root) / name, owner.st_uid, owner.st_gid, follow_symlinks=False)
