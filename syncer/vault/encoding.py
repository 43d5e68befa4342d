"""What a sealed blob is bound to, and how blobs are laid out.

Source: RFC 8452 (AES-GCM-SIV). A blob is one byte format, one byte algorithm, a nonce of 12 bytes,
and the ciphertext with its tag of 16 bytes. The bytes may never change for a format that was
released; ``tests/vault/test_golden_vector.py`` holds one vector of each.
"""

from __future__ import annotations

import os
from struct import pack

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV

from syncer.domain.stored import SealedCredential

KEY_BYTES = 32
ID_BYTES = 16
KID_BYTES = 8
SCOPE = b"syncer-vault/1"

_FORMAT = 1
_AES_256_GCM_SIV = 1
_HEADER = bytes((_FORMAT, _AES_256_GCM_SIV))
_NONCE_BYTES = 12
_TAG_BYTES = 16
_NONCE_END = len(_HEADER) + _NONCE_BYTES
_SHORTEST = _NONCE_END + _TAG_BYTES


class UnreadableError(Exception):
    """A blob is damaged, of an unknown format, or bound to something else."""


def length_prefixed(*parts: bytes) -> bytes:
    """Join parts so that no two lists of parts give the same bytes."""
    return b"".join([pack(">I", len(part)) + part for part in parts])


def bound_to(
    purpose: bytes, install_id: bytes, sealed: SealedCredential, *, kid: bytes = b""
) -> bytes:
    """Give the associated data of a credential's blob.

    ``purpose`` is ``payload`` or ``dek``. The payload's ``kid`` is empty, so that a rotation does
    not touch it.
    """
    return length_prefixed(
        SCOPE,
        purpose,
        install_id,
        sealed.link.repairer.encode(),
        sealed.link.connector.encode(),
        sealed.id,
        pack(">Q", sealed.generation),
        sealed.schema.encode(),
        kid,
    )


def seal_blob(cipher: AESGCMSIV, data: bytes, bound: bytes) -> bytes:
    """Encrypt under a fresh nonce."""
    nonce = os.urandom(_NONCE_BYTES)
    return _HEADER + nonce + cipher.encrypt(nonce, data, bound)


def open_blob(cipher: AESGCMSIV, blob: bytes, bound: bytes) -> bytes:
    """Decrypt.

    Raises:
        UnreadableError: the blob was not made with this key for exactly this.
    """
    if len(blob) < _SHORTEST or not blob.startswith(_HEADER):
        raise UnreadableError
    try:
        return cipher.decrypt(blob[len(_HEADER) : _NONCE_END], blob[_NONCE_END:], bound)
    except InvalidTag:
        raise UnreadableError from None
