"""Root keys: the sub-keys of one, and what they wrap."""

from __future__ import annotations

from typing import NoReturn

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from syncer.domain.errors import ConfigurationError
from syncer.domain.stored import SealedCredential
from syncer.vault.encoding import (
    KEY_BYTES,
    KID_BYTES,
    SCOPE,
    bound_to,
    length_prefixed,
    open_blob,
    seal_blob,
)


class RootKey:
    """A root key in use by one installation; keeps the ciphers made from it, not its bytes.

    Sub-keys are derived once, by HKDF-SHA-256 with the install id as salt, so one key file used by
    two installations gives unrelated sub-keys.
    """

    __slots__ = ("_held", "_install_id", "_kek", "kid")

    def __init__(self, root: bytes, install_id: bytes) -> None:
        self._install_id = install_id
        self._kek = cipher_of(derived(root, install_id, b"kek"))
        self._held = cipher_of(derived(root, install_id, b"held"))
        self.kid = derived(root, install_id, b"kid")[:KID_BYTES]
        """Names the root key; tells nothing about it."""

    def __repr__(self) -> str:
        return f"RootKey({self.kid.hex()})"

    def __reduce__(self) -> NoReturn:
        """Refuse: keys are not copied out of the process."""
        raise TypeError("a root key cannot be copied or pickled")

    def wrap(self, key: bytes, sealed: SealedCredential) -> bytes:
        """Wrap a credential's data key."""
        return seal_blob(self._kek, key, self._bound(sealed))

    def unwrap(self, sealed: SealedCredential) -> bytes:
        """Give a credential's data key.

        Raises:
            UnreadableError: it was wrapped by another root key or for another credential.
        """
        return open_blob(self._kek, sealed.wrapped_key, self._bound(sealed))

    def seal_held(self, data: bytes) -> bytes:
        """Seal the keys that outlive this root key."""
        return self.kid + seal_blob(self._held, data, self._held_bound())

    def open_held(self, note: bytes) -> bytes:
        """Open what ``seal_held`` gave.

        Raises:
            UnreadableError: this root key did not seal it, or it is damaged.
        """
        return open_blob(self._held, note[KID_BYTES:], self._held_bound())

    def _bound(self, sealed: SealedCredential) -> bytes:
        return bound_to(b"dek", self._install_id, sealed, kid=self.kid)

    def _held_bound(self) -> bytes:
        return length_prefixed(SCOPE, b"held", self._install_id, self.kid)


def derived(root: bytes, install_id: bytes, use: bytes) -> bytes:
    """Derive the sub-key for one use."""
    info = SCOPE + b"/" + use
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=install_id, info=info).derive(root)


def cipher_of(key: bytes) -> AESGCMSIV:
    """Make a cipher.

    Raises:
        ConfigurationError: the OpenSSL beneath has no AES-GCM-SIV; there is no fallback, so that a
            store never holds two kinds.
    """
    try:
        return AESGCMSIV(key)
    except UnsupportedAlgorithm:
        fault = "vault: this Python's OpenSSL has no AES-GCM-SIV; OpenSSL 3.2 or newer is needed"
        raise ConfigurationError([fault]) from None
