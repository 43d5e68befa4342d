"""A backup of a store of files: the database as it is at one moment, and the contents it names.

It is taken beside the running store: a connection that only reads copies its own snapshot, and
contents are there before the database names them. What is asked for appears under its name whole or
not at all.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import shutil
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final
from urllib.parse import quote

from syncer.domain.errors import (
    ConfigurationError,
    ConflictError,
    NotFoundError,
    ShuttingDownError,
    StorageFullError,
    SyncerError,
)
from syncer.domain.instants import to_text
from syncer.store.blobs import place
from syncer.store.copying import (
    FILE_MODE,
    FOLDER_MODE,
    flush,
    flush_below,
    hash_of,
    link_or_copy,
    make_folder,
    told_to_operator,
)
from syncer.store.manifest import DATABASE_COPY, FILES_COPY, Manifest
from syncer.store.schema import READ_VERSION
from syncer.store.sqlite import explain

_NAMES_CONTENTS: Final = {
    "attachment": "stored_sha256",
    "claim_document": "sha256",
    "delivery_file": "sha256",
}
_NO_ROOM: Final = frozenset({"database or disk is full", "disk I/O error"})
"""Texts of SQLITE_FULL and SQLITE_IOERR; copying tells the text only, not the code."""
_PAGES_AT_ONCE: Final = 4_096
_STEPS_BETWEEN_LOOKS: Final = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupMade:
    """A finished backup and where it is."""

    folder: Path
    manifest: Manifest


@dataclass(frozen=True, slots=True, kw_only=True)
class Backup:
    """Takes backups of one database and the folder of its file contents."""

    database: Path
    files: Path
    version: str

    async def take(self, folder: Path, *, at: datetime) -> BackupMade:
        """Take a backup into a new folder inside of ``folder``, named by the instant.

        Cancelling it removes what was begun.

        Raises:
            NotFoundError: there is no database yet.
            ConflictError: a backup of this second is there already.
            StorageFullError: there is no room.
            ConfigurationError: the folder cannot be written, or the database is damaged.
        """
        job = _Job(self, folder, at)
        try:
            return await asyncio.to_thread(job.run)
        finally:
            job.stop.set()


@dataclass(frozen=True, slots=True)
class _Job:
    """One backup, in a thread; ``stop`` breaks it off."""

    of: Backup
    into: Path
    at: datetime
    stop: threading.Event = field(default_factory=threading.Event)

    def run(self) -> BackupMade:
        if not self.of.database.is_file():
            raise NotFoundError(f"There is no database at {self.of.database}.")
        name = f"syncer-{self.at:%Y%m%dT%H%M%SZ}"
        with told_to_operator(), _whole(self.into, name) as folder:
            copy = folder / DATABASE_COPY
            self._copy_database(copy)
            manifest = self._manifest(copy, *self._copy_files(copy, folder / FILES_COPY))
            manifest.write(folder)
        return BackupMade(folder=self.into / name, manifest=manifest)

    def _copy_database(self, target: Path) -> None:
        target.touch(mode=FILE_MODE)
        try:
            with (
                closing(_reading(self.of.database)) as source,
                closing(sqlite3.connect(target, isolation_level=None)) as copy,
            ):
                source.execute("BEGIN")
                source.execute(READ_VERSION).fetchall()  # from here on the snapshot is fixed
                source.backup(copy, pages=_PAGES_AT_ONCE, progress=self._look, sleep=0)
                copy.set_progress_handler(self.stop.is_set, _STEPS_BETWEEN_LOOKS)
                copy.execute("PRAGMA journal_mode=DELETE")  # all in one file
                faults = [line for (line,) in copy.execute("PRAGMA integrity_check")]
        except sqlite3.Error as error:
            self._look()
            raise _meaning(error, self.of.database) from None
        if faults != ["ok"]:
            raise ConfigurationError([f"{self.of.database}: {line}" for line in faults])
        flush(target)

    def _copy_files(self, database: Path, target: Path) -> tuple[int, int, tuple[str, ...]]:
        target.mkdir(mode=FOLDER_MODE)
        found = total = 0
        missing = []
        with closing(_reading(database)) as connection:
            for sha256 in named_contents(connection):
                self._look()
                copied = _copied_content(self.of.files, target, sha256)
                if copied is None:
                    missing.append(sha256)
                else:
                    found, total = found + 1, total + copied
        return found, total, tuple(sorted(missing))

    def _manifest(
        self, copy: Path, files: int, files_bytes: int, missing: tuple[str, ...]
    ) -> Manifest:
        with closing(_reading(copy)) as connection:
            ((schema,),) = connection.execute(READ_VERSION)
        return Manifest(
            version=self.of.version,
            schema=schema,
            sqlite=sqlite3.sqlite_version,
            taken_at=to_text(self.at),
            database_bytes=copy.stat().st_size,
            database_sha256=hash_of(copy),
            files=files,
            files_bytes=files_bytes,
            missing=missing,
        )

    def _look(self, *_: int) -> None:
        if self.stop.is_set():
            raise ShuttingDownError("The service is stopping; no backup was made.")


@contextmanager
def _whole(into: Path, name: str) -> Iterator[Path]:
    """Give a folder to fill; it gets its name when the block ends well, else it goes.

    It is locked meanwhile, so that what a process that died has begun can be told from what another
    is still filling.
    """
    make_folder(into)
    _clear_begun(into)
    begun = into / f".{name}.partial"
    if (into / name).exists() or begun.exists():
        raise ConflictError("backup_exists", f"{into / name} is there already, or under way.")
    begun.mkdir(mode=FOLDER_MODE)
    with _locked(begun):
        try:
            yield begun
            flush_below(begun)
            begun.rename(into / name)
            flush(into)
        except BaseException:
            shutil.rmtree(begun, ignore_errors=True)
            raise


def _clear_begun(into: Path) -> None:
    for left in into.glob(".syncer-*.partial"):
        with suppress(OSError), _locked(left):
            shutil.rmtree(left, ignore_errors=True)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold a folder; the system lets go of it however the process ends."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(handle)


def _copied_content(files: Path, target: Path, sha256: str) -> int | None:
    """Give a content its place in the backup; None when the store does not have it whole."""
    copied = place(target, sha256)
    try:
        link_or_copy(place(files, sha256), copied)
    except FileNotFoundError:
        return None
    if hash_of(copied) != sha256:
        copied.unlink()
        return None
    return copied.stat().st_size


def _meaning(error: sqlite3.Error, database: Path) -> SyncerError:
    if str(error) in _NO_ROOM:
        return StorageFullError("The disk is full, or the copy could not be written.")
    return explain(error) or ConfigurationError([f"{database}: it cannot be copied: {error}"])


def _reading(database: Path) -> sqlite3.Connection:
    uri = f"file:{quote(str(database))}?mode=ro"
    connection = sqlite3.connect(uri, uri=True, isolation_level=None)
    connection.execute("PRAGMA query_only=ON")
    return connection


def named_contents(connection: sqlite3.Connection) -> list[str]:
    """List the contents that a database names, once each; it may be of an older release."""
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
    queries = [
        f"SELECT {column} FROM {table} WHERE {column} IS NOT NULL"  # noqa: S608  both are ours
        for table, column in _NAMES_CONTENTS.items()
        if table in tables
    ]
    return [sha256 for (sha256,) in connection.execute(" UNION ".join(queries))]
