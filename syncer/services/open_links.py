"""Links that need no credentials: they are active as long as their way to the partner is open."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from syncer.ports.plugins import ConnectorRegistry, Installed
from syncer.ports.store import UnitOfWork
from syncer.sdk import Transport

NO_MAIL = "mail_not_configured"


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenLinks:
    """Puts such links where they belong; a paused one stays paused."""

    registry: ConnectorRegistry
    has_mail: bool = False

    async def settle(self, uow: UnitOfWork) -> None:
        """Make links active that need nothing more, and take back those whose way is gone."""
        for installed in self._without_credentials():
            reason = self.closed_reason(installed)
            await uow.links.settle_open(installed.name, closed_reason=reason)

    def closed_reason(self, installed: Installed) -> str | None:
        """Say why a connector without credentials cannot be used, None when it can."""
        transports = installed.connector.transports if installed.connector else ()
        return NO_MAIL if Transport.MAIL in transports and not self.has_mail else None

    def _without_credentials(self) -> Iterator[Installed]:
        for installed in self.registry.all():
            if installed.connector is not None and not installed.connector.credentials.model_fields:
                yield installed
