"""Sealing and opening of secrets; key material never leaves the vault."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from syncer.domain.links import LinkKey
from syncer.domain.stored import AuditEntry, SealedCredential

INSTALL_ID_NOTE = "vault.install_id"
"""Note with the installation's random id, which every sealed blob is bound to."""
HELD_KEYS_NOTE = "vault.held_keys"
"""Note with the keys that outlive every root key, sealed; the canary of a wrong key."""
KEY_GIVEN_UP_NOTE = "vault.key_given_up"
"""Note that is not empty once the operator declared the root key lost: another may take over."""
KEYLESS_CHAINS_NOTE = "vault.keyless_chains"
"""Note with the numbers of the audit chains that were opened while the vault was sealed."""


class Vault(Protocol):
    """The vault of this installation."""

    @property
    def sealed_reason(self) -> str | None:
        """Why nothing can be opened or sealed (no key file, wrong key, …); None when unsealed."""
        ...

    @property
    def kids(self) -> Sequence[bytes]:
        """Names of the root keys that are loaded, the active one first; none when sealed."""
        ...

    def seal(
        self,
        link: LinkKey,
        fields: Mapping[str, str],
        *,
        generation: int,
        schema: str,
        at: datetime,
    ) -> SealedCredential:
        """Seal a whole field set for one link and generation.

        Raises:
            VaultSealedError: there is no usable root key.
        """
        ...

    def open(self, sealed: SealedCredential) -> dict[str, str]:
        """Open a field set.

        Raises:
            VaultSealedError: there is no usable root key.
            CredentialUnreadableError: damaged, or of another link, generation or schema.
        """
        ...

    def fingerprint(self, data: bytes) -> bytes:
        """Give a keyed fingerprint that is useless without the root key.

        Raises:
            VaultSealedError: there is no usable root key.
        """
        ...

    # -- rotation

    def rewrapped(self, sealed: SealedCredential) -> SealedCredential:
        """Wrap a credential's key under the active root key; the payload is not opened.

        Raises:
            VaultSealedError: there is no usable root key.
            CredentialUnreadableError: its root key is not loaded, or it is damaged.
        """
        ...

    def held_under(self, note: bytes) -> bytes:
        """Say which root key sealed the ``HELD_KEYS_NOTE``, by its kid."""
        ...

    def held_keys(self) -> bytes:
        """Give the ``HELD_KEYS_NOTE`` sealed under the active root key.

        Raises:
            VaultSealedError: there is no usable root key.
        """
        ...

    # -- audit

    @property
    def chains(self) -> Collection[int]:
        """The audit chains whose key is held; none when sealed."""
        ...

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
        """Make the next entry of the audit chain.

        ``keyless_chain`` names a chain without a key instead; only for a reset in a sealed vault.

        Raises:
            VaultSealedError: there is no usable root key.
        """
        ...

    def has_true_mac(
        self, previous: AuditEntry | None, entry: AuditEntry, *, keyless: bool
    ) -> bool:
        """Say whether the entry is as it was made, and follows ``previous``.

        Only for chains among ``chains``, or keyless ones.
        """
        ...
