"""The lock of a data folder: one process at a time."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from syncer.domain.errors import DataFolderInUseError

LOCK_FILE: Final = "syncer.lock"
_MODE: Final = 0o600


@contextmanager
def lock_data_folder(folder: Path) -> Iterator[None]:
    """Hold the folder for this process; the system lets go of it however the process ends.

    The lock file stays: removing it would let two processes lock two files of one name.

    Raises:
        DataFolderInUseError: another process, or another store of this one, holds it.
    """
    file = os.open(folder / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, _MODE)
    try:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DataFolderInUseError(
                f"The data folder {folder} is in use by another process."
            ) from None
        yield
    finally:
        os.close(file)
