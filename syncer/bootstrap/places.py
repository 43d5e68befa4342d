"""Where an installation keeps its things, told from its settings."""

from __future__ import annotations

import os
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from syncer.config import Settings
from syncer.domain.errors import ConfigurationError
from syncer.store import Backup, sqlite_file, sqlite_url

TOKEN_FILE = "api-token"  # noqa: S105 - a file's name
BACKUPS_FOLDER = "backups"
_DATABASE_FILE = "syncer.db"
_FILES_FOLDER = "files"


def data_folder(settings: Settings) -> Path:
    """Give the data folder, made with mode 0700.

    Raises:
        ConfigurationError: it cannot be made or written to.
    """
    folder = settings.data_dir
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        text = f"the folder cannot be made: {error.strerror}"
        raise ConfigurationError([settings.fault(text, "data_dir")]) from None
    if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        raise ConfigurationError([settings.fault("the folder cannot be written to", "data_dir")])
    return folder


def store_url(settings: Settings) -> str:
    """Give the address of the store: the configured one, else SQLite in the data folder."""
    return settings.store.url or sqlite_url(settings.data_dir / _DATABASE_FILE)


def database_file(settings: Settings) -> Path:
    """Give the file of the database.

    Raises:
        ConfigurationError: it is not SQLite's.
    """
    return sqlite_file(store_url(settings))


def files_folder(settings: Settings) -> Path:
    """Give the folder of file contents."""
    return Path(settings.store.blobs or settings.data_dir / _FILES_FOLDER)


def key_files(settings: Settings) -> tuple[Path | None, Sequence[Path]]:
    """Give the active root key's file, None when none is named, and the retired ones."""
    active = settings.vault.key_file
    retired = [Path(file) for file in settings.vault.retired_key_files]
    return (Path(active) if active else None), retired


def backup_of(settings: Settings) -> Backup:
    """Give what takes backups of this installation.

    Raises:
        ConfigurationError: its database is not SQLite's.
    """
    return Backup(
        database=database_file(settings), files=files_folder(settings), version=version("syncer")
    )
