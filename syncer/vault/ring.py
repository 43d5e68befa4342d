"""The vault over a ring of root keys: one active, the others only open what they once wrapped."""

from __future__ import annotations

import hmac
import json
import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import msgspec

from syncer.domain.errors import CredentialUnreadableError, VaultSealedError
from syncer.domain.links import LinkKey
from syncer.domain.stored import AuditEntry, SealedCredential
from syncer.vault.chain import NO_KEY, mac_of
from syncer.vault.encoding import (
    ID_BYTES,
    KEY_BYTES,
    KID_BYTES,
    UnreadableError,
    bound_to,
    open_blob,
    seal_blob,
)
from syncer.vault.held import HeldKeys
from syncer.vault.roots import RootKey, cipher_of

_NO_MAC = b""
_FIELDS = msgspec.json.Decoder(dict[str, str])


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRing:
    """What an unsealed vault works with."""

    install_id: bytes
    active: RootKey
    roots: Mapping[bytes, RootKey]
    held: HeldKeys


class KeyRingVault:
    """Implements ``ports.vault.Vault``; made by ``open_vault``."""

    def __init__(self, ring: KeyRing | None, *, sealed_reason: str | None = None) -> None:
        self._ring = ring
        self._sealed_reason = sealed_reason

    @property
    def sealed_reason(self) -> str | None:
        """Why nothing can be opened or sealed; None when unsealed."""
        return self._sealed_reason

    @property
    def kids(self) -> Sequence[bytes]:
        """Names of the root keys that are loaded, the active one first."""
        if self._ring is None:
            return ()
        active = self._ring.active.kid
        return (active, *(kid for kid in self._ring.roots if kid != active))

    # -- credentials

    def seal(
        self,
        link: LinkKey,
        fields: Mapping[str, str],
        *,
        generation: int,
        schema: str,
        at: datetime,
    ) -> SealedCredential:
        """Seal a whole field set under a key of its own, bound to the link and generation."""
        ring = self._unsealed()
        bare = SealedCredential(
            id=os.urandom(ID_BYTES),
            link=link,
            generation=generation,
            schema=schema,
            fields=tuple(sorted(fields)),
            payload=b"",
            kid=ring.active.kid,
            wrapped_key=b"",
            created_at=at,
        )
        key = os.urandom(KEY_BYTES)
        bound = bound_to(b"payload", ring.install_id, bare)
        return replace(
            bare,
            payload=seal_blob(cipher_of(key), _plain(fields), bound),
            wrapped_key=ring.active.wrap(key, bare),
        )

    def open(self, sealed: SealedCredential) -> dict[str, str]:
        """Open a field set; anything but exactly what was sealed is refused."""
        ring = self._unsealed()
        bound = bound_to(b"payload", ring.install_id, sealed)
        try:
            plain = open_blob(cipher_of(self._key_of(ring, sealed)), sealed.payload, bound)
        except UnreadableError:
            raise _unreadable() from None
        return _FIELDS.decode(plain)

    def fingerprint(self, data: bytes) -> bytes:
        """Give a keyed fingerprint; it stays the same over a rotation."""
        return hmac.digest(self._unsealed().held.fingerprint, data, "sha256")

    # -- rotation

    def rewrapped(self, sealed: SealedCredential) -> SealedCredential:
        """Wrap a credential's key under the active root key; the payload is not opened."""
        ring = self._unsealed()
        try:
            key = self._key_of(ring, sealed)
        except UnreadableError:
            raise _unreadable() from None
        return replace(sealed, kid=ring.active.kid, wrapped_key=ring.active.wrap(key, sealed))

    def held_under(self, note: bytes) -> bytes:
        """Say which root key sealed the held keys."""
        return note[:KID_BYTES]

    def held_keys(self) -> bytes:
        """Seal the held keys under the active root key."""
        ring = self._unsealed()
        return ring.active.seal_held(ring.held.to_bytes())

    # -- audit

    @property
    def chains(self) -> Collection[int]:
        """The audit chains whose key is held."""
        return self._ring.held.audit.keys() if self._ring else ()

    def audit_entry(
        self,
        previous: AuditEntry | None,
        *,
        at: datetime,
        action: str,
        actor: str,
        link: LinkKey | None = None,
        detail: Mapping[str, Any] | None = None,
        keyless_chain: int | None = None,
    ) -> AuditEntry:
        """Make the next entry of the present chain, or of one without a key."""
        chain, key = self._chain(keyless_chain)
        entry = AuditEntry(
            seq=previous.seq + 1 if previous else 1,
            chain=chain,
            at=at,
            action=action,
            actor=actor,
            repairer=link.repairer if link else None,
            connector=link.connector if link else None,
            detail=dict(detail or {}),
            mac=_NO_MAC,
        )
        return replace(entry, mac=mac_of(key, previous, entry))

    def has_true_mac(
        self, previous: AuditEntry | None, entry: AuditEntry, *, keyless: bool
    ) -> bool:
        """Say whether the entry is as it was made, and follows ``previous``."""
        key = NO_KEY if keyless else self._unsealed().held.audit[entry.chain]
        return hmac.compare_digest(entry.mac, mac_of(key, previous, entry))

    # -- inside

    def _unsealed(self) -> KeyRing:
        if self._ring is None:
            raise VaultSealedError(f"The vault is sealed: {self._sealed_reason}.")
        return self._ring

    def _chain(self, keyless: int | None) -> tuple[int, bytes]:
        if keyless is not None:
            return keyless, NO_KEY
        held = self._unsealed().held
        return held.chain, held.audit[held.chain]

    def _key_of(self, ring: KeyRing, sealed: SealedCredential) -> bytes:
        root = ring.roots.get(sealed.kid)
        if root is None:
            raise UnreadableError
        return root.unwrap(sealed)


def _plain(fields: Mapping[str, str]) -> bytes:
    text = json.dumps(dict(fields), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.encode()


def _unreadable() -> CredentialUnreadableError:
    return CredentialUnreadableError(
        "The stored credentials do not open for this link: they are damaged, moved or replayed."
    )
