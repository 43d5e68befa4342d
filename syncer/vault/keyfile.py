"""Key files: 32 bytes in base64, made once, never overwritten, readable by their owner only."""

from __future__ import annotations

import base64
import binascii
import os
import stat
from pathlib import Path

from syncer.domain.errors import ConfigurationError, ConflictError
from syncer.vault.encoding import KEY_BYTES

_OWNER_READS = 0o400
_OTHERS = stat.S_IROTH | stat.S_IWOTH
_GROUP = stat.S_IRGRP | stat.S_IWGRP
_LONGEST_FILE = 256
_ROOT = 0


def create_key_file(path: Path) -> None:
    """Draw a root key and write it to a new file with mode 0400, durably.

    Raises:
        ConflictError: ``key_file_exists``; it is left as it is.
        ConfigurationError: the file cannot be made there.
    """
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, _OWNER_READS)
    except FileExistsError:
        text = f"{path} exists; a key file is never overwritten."
        raise ConflictError("key_file_exists", text) from None
    except OSError as error:
        raise ConfigurationError([f"{path}: cannot be made: {error.strerror}"]) from None
    try:
        _write(descriptor, base64.b64encode(os.urandom(KEY_BYTES)) + b"\n")
        _make_durable(path.parent)
    except OSError as error:
        path.unlink()
        raise ConfigurationError([f"{path}: cannot be written: {error.strerror}"]) from None


def _write(descriptor: int, content: bytes) -> None:
    with os.fdopen(descriptor, "wb") as file:
        os.fchmod(file.fileno(), _OWNER_READS)
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _make_durable(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read_key_file(path: Path) -> bytes | None:
    """Read a root key; None when there is no such file.

    Raises:
        ConfigurationError: others can read or change the file, its group can while its owner is not
            root (orchestrators mount secrets so), or it does not hold exactly 32 bytes in base64.
    """
    try:
        with path.open("rb") as file:
            fault = _access_fault(os.fstat(file.fileno()))
            content = file.read(_LONGEST_FILE) if fault is None else b""
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        fault, content = f"cannot be read: {error.strerror}", b""
    key = _decoded(content)
    if fault is None and key is None:
        fault = "must hold exactly 32 bytes in base64; `syncer key init` makes one"
    if fault is not None or key is None:
        raise ConfigurationError([f"vault key file {path}: {fault}"])
    return key


def _access_fault(found: os.stat_result) -> str | None:
    if not stat.S_ISREG(found.st_mode):
        return "is not a file"
    if found.st_mode & _OTHERS:
        return "others can read or change it; give it mode 0400"
    if found.st_mode & _GROUP and found.st_uid != _ROOT:
        return "its group can read or change it; give it mode 0400"
    return None


def _decoded(content: bytes) -> bytes | None:
    try:
        key = base64.b64decode(content.strip(), validate=True)
    except binascii.Error:
        return None
    return key if len(key) == KEY_BYTES else None
