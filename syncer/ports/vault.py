"""Sealing and opening of secrets; key material never leaves the vault."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Protocol

from syncer.domain.links import LinkKey
from syncer.domain.stored import AuditEntry, SealedCredential


class Vault(Protocol):
    """The vault of this installation."""

    @property
    def sealed_reason(self) -> str | None:
        """Why nothing can be opened or sealed (no key file, wrong key, …); None when unsealed."""
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

    def audit_entry(
        self,
        previous: AuditEntry | None,
        *,
        at: datetime,
        action: str,
        actor: str,
        link: LinkKey | None = None,
        detail: Mapping[str, Any] | None = None,
    ) -> AuditEntry:
        """Make the next entry of the audit chain.

        Raises:
            VaultSealedError: there is no usable root key.
        """
        ...
