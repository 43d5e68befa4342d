"""The API's token: made at first start, kept in a file that only its owner may read."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import stat
from pathlib import Path

from syncer.domain.errors import ConfigurationError
from syncer.observability.crash_points import crash_point

_TOKEN_BYTES = 32  # 256 bits
_SHORTEST_TOKEN = 43  # 256 bits in base64
_OTHERS_ACCESS = stat.S_IRWXG | stat.S_IRWXO


def load_or_make_token(path: Path) -> str:
    """Read the token from its file; the first time, make both.

    Raises:
        ConfigurationError: the file may be read by others, or holds no token.
    """
    if path.exists():
        return _load(path)
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    unfinished = path.with_name(f"{path.name}.new")
    unfinished.unlink(missing_ok=True)
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(f"{token}\n")
        file.flush()
        os.fsync(file.fileno())
    crash_point("token-written")
    unfinished.replace(path)
    return token


def _load(path: Path) -> str:
    if stat.S_IMODE(path.stat().st_mode) & _OTHERS_ACCESS:
        raise ConfigurationError([f"{path}: may be read by others; make it mode 0600"])
    token = path.read_text().strip()
    if len(token) < _SHORTEST_TOKEN or not token.isascii() or not token.isprintable():
        raise ConfigurationError([f"{path}: holds no token; remove it and a new one is made"])
    return token


class TokenCheck:
    """Says whether a request carries the token; only digests are compared, in constant time."""

    def __init__(self, token: str) -> None:
        self._digest = _digest(token)

    def accepts(self, authorization: list[str]) -> bool:
        """Check the values of the ``Authorization`` header: there must be exactly one."""
        if len(authorization) != 1:
            return False
        scheme, _, token = authorization[0].partition(" ")
        is_right = hmac.compare_digest(_digest(token.strip()), self._digest)
        return is_right and scheme.lower() == "bearer"


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode(errors="surrogateescape")).digest()
