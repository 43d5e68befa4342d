"""Files below a root, reached step by step through open folders: no link in a path is followed.

Everything here blocks and belongs off the loop. A folder is opened part by part with
``O_NOFOLLOW``, and files are named relative to the open folder, so that nobody who changes the tree
meanwhile leads us out of it.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from fnmatch import fnmatchcase
from pathlib import Path
from typing import NamedTuple

from syncer.domain.errors import ConnectorFailedError, PartnerUnavailableError
from syncer.observability.crash_points import crash_point

LONGEST_NAME = 255
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_UNFINISHED = (".tmp", ".part")
_PROBE = ".syncer-check.tmp"
_BLOCK = 1 << 20
_REASONS = {
    errno.ENOENT: "it does not exist",
    errno.ENOTDIR: "it is no folder, or a symbolic link, which is not followed",
    errno.ELOOP: "it is a symbolic link, which is not followed",
    errno.EACCES: "permission denied; syncer's user needs to read, write and enter it",
    errno.EPERM: "permission denied; syncer's user needs to read, write and enter it",
    errno.EROFS: "the file system is read-only",
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the quota of syncer's user is used up",
    errno.EXDEV: "it lies on another file system; all folders of a link must lie on one",
    errno.ESTALE: "the network share has lost it; mount it again",
}


class Stamp(NamedTuple):
    """What tells that a file has not changed."""

    size: int
    modified_ns: int
    inode: int


class ChangedError(OSError):
    """The file is no longer the one that was listed."""


def reason_of(error: OSError) -> str:
    """Say in words what the system refused."""
    return _REASONS.get(error.errno or 0) or (error.strerror or type(error).__name__).lower()


@contextmanager
def told(what: str) -> Iterator[None]:
    """Turn what the system refuses into an outage of the partner.

    ``what`` is the beginning of the sentence, such as ``The folder REC cannot be read``.
    """
    try:
        yield
    except OSError as error:
        raise PartnerUnavailableError(f"{what}: {reason_of(error)}.") from error


def parts_of(path: str) -> tuple[str, ...]:
    """Split a path of ours into names.

    Raises:
        ConnectorFailedError: a name in it could lead elsewhere.
    """
    parts = tuple(path.split("/"))
    if not all(map(is_name, parts)):
        raise ConnectorFailedError("a path in a folder must be of plain names, joined by '/'")
    return parts


def is_name(text: str) -> bool:
    """Say whether a text can only name something within its folder."""
    is_special = text in {"", ".", ".."} or "/" in text or "\0" in text or "\\" in text
    return not is_special and len(os.fsencode(text)) <= LONGEST_NAME


@contextmanager
def opened(root: Path, parts: Sequence[str], *, make: bool = False) -> Iterator[int]:
    """Open a folder below the root; gives its descriptor.

    ``make`` makes what is missing of it, but never its first part: that folder is the link's, and
    whoever exchanges files with us has made it.
    """
    folder = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for place, part in enumerate(parts):
            inner = _step(folder, part, make=make and place > 0)
            os.close(folder)
            folder = inner
        yield folder
    finally:
        os.close(folder)


def _step(folder: int, part: str, *, make: bool) -> int:
    try:
        return os.open(part, _FOLDER, dir_fd=folder)
    except FileNotFoundError:
        if not make:
            raise
    with suppress(FileExistsError):
        os.mkdir(part, dir_fd=folder)
    return os.open(part, _FOLDER, dir_fd=folder)


def look(folder: int, pattern: str, most: int) -> dict[str, Stamp]:
    """Give the files of a folder that may be taken once they rest, ``most`` of them at most."""
    found: dict[str, Stamp] = {}
    with os.scandir(folder) as entries:
        for entry in entries:
            name = entry.name
            if name.startswith(".") or name.endswith(_UNFINISHED) or not fnmatchcase(name, pattern):
                continue
            with suppress(FileNotFoundError):
                status = entry.stat(follow_symlinks=False)
                if stat.S_ISREG(status.st_mode):
                    found[name] = _stamp(status)
            if len(found) >= most:
                break
    return found


def read(folder: int, name: str, stamp: Stamp, limit: int) -> bytes:
    """Read a file, up to ``limit`` bytes of it.

    Raises:
        ChangedError: it is no longer the one that was listed.
    """
    file = os.open(name, _FILE, dir_fd=folder)
    try:
        if _stamp(os.fstat(file)) != stamp:
            raise ChangedError
        content = os.read(file, min(limit, stamp.size))
        while len(content) < min(limit, stamp.size):
            more = os.read(file, min(limit, stamp.size) - len(content))
            if not more:
                raise ChangedError
            content += more
        if limit > stamp.size and _stamp(os.fstat(file)) != stamp:
            raise ChangedError
        return content
    finally:
        os.close(file)


def move(source: int, name: str, stamp: Stamp, target: int, *, reason: str | None) -> None:
    """Move a file to another folder under a name that is free there, with a reason beside it.

    One that is gone, or that is no longer the one that was read, is left alone.
    """
    try:
        if _stamp(os.stat(name, dir_fd=source, follow_symlinks=False)) != stamp:
            return
        free = _free_name(target, name)
        if reason is not None:
            _put(target, f"{free}.reason.txt", f"{reason}\n".encode(errors="replace"))
        os.rename(name, free, src_dir_fd=source, dst_dir_fd=target)
    except FileNotFoundError:
        return
    crash_point("file-put-away")


def write(folder: int, name: str, content: bytes) -> None:
    """Put a file in place as a whole."""
    unfinished = f".{Path(name).stem}.tmp"
    try:
        _put(folder, unfinished, content)
        crash_point("outgoing-file-flushed")
        os.rename(unfinished, name, src_dir_fd=folder, dst_dir_fd=folder)
    except OSError:
        with suppress(OSError):
            os.unlink(unfinished, dir_fd=folder)
        raise
    os.fsync(folder)
    crash_point("outgoing-file-in-place")


def probe(folder: int) -> None:
    """Make a file and take it away again."""
    _put(folder, _PROBE, b"")
    os.unlink(_PROBE, dir_fd=folder)


def _put(folder: int, name: str, content: bytes) -> None:
    """Write a new file and flush it; whatever has the name is taken away first."""
    with suppress(FileNotFoundError):
        os.unlink(name, dir_fd=folder)
    file = os.open(name, _NEW_FILE, 0o666, dir_fd=folder)
    try:
        left = memoryview(content)
        while left:
            left = left[os.write(file, left[:_BLOCK]) :]
        os.fsync(file)
    finally:
        os.close(file)


def _free_name(folder: int, name: str) -> str:
    stem, suffix = Path(name).stem, Path(name).suffix
    free, number = name, 1
    while _exists(folder, free):
        number += 1
        free = f"{stem}-{number}{suffix}"
    return free


def _exists(folder: int, name: str) -> bool:
    try:
        os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


def _stamp(status: os.stat_result) -> Stamp:
    return Stamp(status.st_size, status.st_mtime_ns, status.st_ino)
