"""Readiness: whether the service can do its work now, and if not, why."""

from __future__ import annotations

from dataclasses import dataclass

from syncer.domain.errors import RetryableError
from syncer.ports.store import Store
from syncer.ports.vault import Vault


@dataclass(frozen=True, slots=True, kw_only=True)
class NotReady:
    """One reason for not being ready; ``code`` is stable."""

    code: str
    text: str


class Readiness:
    """Looks at the store and the vault; no partner is called."""

    def __init__(self, store: Store, vault: Vault) -> None:
        self._store = store
        self._vault = vault
        self._is_stopping = False

    def stop(self) -> None:
        """Note that the process is stopping: from now on it is not ready."""
        self._is_stopping = True

    async def reasons(self) -> list[NotReady]:
        """Give the reasons for not being ready, none when it is."""
        reasons = []
        if self._is_stopping:
            reasons.append(NotReady(code="shutting_down", text="The service is stopping."))
        if (sealed := self._vault.sealed_reason) is not None:
            reasons.append(NotReady(code="sealed", text=f"The vault is sealed: {sealed}."))
        try:
            async with self._store.read() as uow:
                await uow.feed.head()
        except (RetryableError, OSError):
            text = "The database cannot be read."
            reasons.append(NotReady(code="store_unavailable", text=text))
        return reasons
