"""Bringing a backup back into a data folder that has no database.

Contents come first, each verified by its name; the database last, in one step. Whatever breaks it
off, the folder has no database until all is there, and the same command may be said again. Time has
gone back for whoever reads the change feed, so the database gets a new epoch: old cursors are
refused with ``feed_reset``.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from syncer.domain.errors import ConfigurationError, ConflictError, SchemaUnknownError
from syncer.ports.ambient import Ids
from syncer.store.backup import named_contents
from syncer.store.blobs import place
from syncer.store.copying import (
    copy,
    flush,
    flush_below,
    give_to_owner_of,
    hash_of,
    make_folder,
    told_to_operator,
)
from syncer.store.locking import lock_data_folder
from syncer.store.manifest import DATABASE_COPY, FILES_COPY, Manifest, read_manifest
from syncer.store.repositories.feed import EPOCH_NOTE
from syncer.store.schema import known_versions

_BEGUN: Final = ".restoring"
_LEFT_BESIDE: Final = ("", "-wal", "-journal")
_RESTORED: Final = "Restored from a backup: it may have been sent since. Look where it went."
_DOUBTS: Final = (
    (
        "UPDATE delivery SET in_doubt = 1, was_sent = 1, reason = :reason"
        " WHERE state IN ('queued', 'retrying', 'sending') AND NOT dry_run"
    ),
    (
        "UPDATE delivery SET state = 'needs_attention', holds_lane = 0, waiting_for = NULL,"
        " next_attempt_at = NULL, lease = NULL, lease_until = NULL"
        " WHERE state IN ('queued', 'retrying', 'sending') AND NOT dry_run"
        " AND lost_answer = 'neither'"
    ),
    (
        "UPDATE mail SET state = 'needs_attention', reason = :reason,"
        " next_attempt_at = NULL, lease = NULL, lease_until = NULL"
        " WHERE state IN ('queued', 'retrying', 'sending')"
    ),
)
_NEW_EPOCH: Final = "UPDATE note SET value = ? WHERE name = ?"


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """What came back. ``missing`` are contents that the database names and nobody has."""

    manifest: Manifest
    files: int
    missing: tuple[str, ...]


def restore(backup: Path, *, database: Path, files: Path, ids: Ids) -> Restored:
    """Bring a backup back; the data folder must have no database, and no service may run on it.

    Raises:
        ConflictError: there is a database already, or the backup is not whole.
        SchemaUnknownError: a newer release made the backup.
        DataFolderInUseError: another process has the data folder.
        StorageFullError: there is no room.
        ConfigurationError: a folder cannot be read or written.
    """
    manifest = read_manifest(backup)
    if manifest.schema not in known_versions():
        text = f"The backup has schema version {manifest.schema}, which this release does not know."
        raise SchemaUnknownError(text)
    folder = database.parent
    with told_to_operator():
        make_folder(folder)
        with lock_data_folder(folder):
            _must_be_empty(database)
            begun = database.with_name(database.name + _BEGUN)
            for ending in _LEFT_BESIDE:  # of an attempt that was broken off
                begun.with_name(begun.name + ending).unlink(missing_ok=True)
            _bring_database(backup / DATABASE_COPY, begun, manifest)
            found, missing = _bring_files(begun, backup / FILES_COPY, files)
            _begin_epoch(begun, ids)
            _doubt_what_leaves(begun)
            give_to_owner_of(folder)
            begun.rename(database)
            flush(folder)
    return Restored(manifest=manifest, files=found, missing=missing)


def _must_be_empty(database: Path) -> None:
    for ending in _LEFT_BESIDE:
        left = database.with_name(database.name + ending)
        if left.exists():
            text = f"{left} is there. Move it away first: restoring never replaces data."
            raise ConflictError("data_exists", text)


def _bring_database(source: Path, target: Path, manifest: Manifest) -> None:
    try:
        copy(source, target)
    except FileNotFoundError:
        raise ConflictError("backup_damaged", f"{source} is missing.") from None
    if hash_of(target) != manifest.database_sha256:
        target.unlink()
        text = f"{source} is not what its manifest says; take another backup."
        raise ConflictError("backup_damaged", text)


def _bring_files(database: Path, source: Path, target: Path) -> tuple[int, tuple[str, ...]]:
    make_folder(target)
    missing = []
    found = 0
    with closing(sqlite3.connect(database)) as connection:
        for sha256 in named_contents(connection):
            if _bring_content(place(source, sha256), place(target, sha256), sha256):
                found += 1
            else:
                missing.append(sha256)
    flush_below(target)
    return found, tuple(sorted(missing))


def _bring_content(source: Path, target: Path, sha256: str) -> bool:
    """Copy a content to its place; False when the backup does not have it whole."""
    if target.exists() and hash_of(target) == sha256:
        return True
    begun = target.with_name(target.name + _BEGUN)
    begun.unlink(missing_ok=True)
    try:
        copy(source, begun)
    except FileNotFoundError:
        return False
    if hash_of(begun) != sha256:
        begun.unlink()
        return False
    begun.rename(target)
    return True


def _doubt_what_leaves(database: Path) -> None:
    """Put in doubt what waits to leave: it may have been sent since the backup was made.

    What the partner can be asked about, or takes only once, goes on by itself; the rest waits for a
    person.
    """
    with closing(sqlite3.connect(database)) as connection, connection:
        tables = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'delivery'")
        if tables.fetchone() is not None:
            for statement in _DOUBTS:
                connection.execute(statement, {"reason": _RESTORED})
    flush(database)


def _begin_epoch(database: Path, ids: Ids) -> None:
    epoch = ids.new().replace("-", "").encode()
    try:
        with closing(sqlite3.connect(database)) as connection:
            connection.execute("PRAGMA synchronous=FULL")
            with connection:
                changed = connection.execute(_NEW_EPOCH, (epoch, EPOCH_NOTE)).rowcount
    except sqlite3.Error as error:
        raise ConfigurationError([f"{database}: {error}"]) from None
    if changed != 1:
        raise ConflictError("backup_damaged", "The database of the backup has no change feed.")
    flush(database)
