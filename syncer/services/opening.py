"""Opening a link: the object with which a connector works for exactly one repairer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from pydantic import ValidationError

from syncer.domain import links, stored
from syncer.domain.errors import CredentialUnreadableError
from syncer.ports.plugins import ConnectorRegistry
from syncer.ports.sessions import Sessions
from syncer.ports.vault import Vault
from syncer.sdk import Connector, Credentials, Link
from syncer.services.settings import Effective, SettingsInForce

AnyLink = Link[Any, Any]
AnyConnector = Connector[Any, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkOpener:
    """Opens links for connectors; secrets are decrypted here and nowhere else."""

    registry: ConnectorRegistry
    vault: Vault
    sessions: Sessions
    settings: SettingsInForce

    def effective(self, link: links.Link) -> Effective:
        """Give the settings in force for a link."""
        return self.settings.of(self.registry.get(link.key.connector), link.settings)

    def open(
        self, link: links.Link, sealed: stored.SealedCredential, *, correlation_id: str
    ) -> AnyLink:
        """Open a stored link for one pass or retry.

        Raises:
            ConflictError: the connector is disabled or quarantined.
            VaultSealedError: there is no usable root key.
            CredentialUnreadableError: the credential does not open, or no longer fits the connector.
        """
        connector = self.registry.usable(link.key.connector)
        fields = self.vault.open(sealed)
        try:
            credentials = connector.credentials.model_validate(fields)
        except ValidationError:
            text = "The stored credentials do not fit the fields that the connector declares now."
            raise CredentialUnreadableError(text) from None
        return self.with_credentials(
            link.key,
            connector,
            credentials,
            effective=self.effective(link),
            start_date=link.start_date,
            correlation_id=correlation_id,
        )

    def with_credentials(
        self,
        key: links.LinkKey,
        connector: AnyConnector,
        credentials: Credentials,
        *,
        effective: Effective,
        start_date: date | None,
        correlation_id: str,
    ) -> AnyLink:
        """Open a link with credentials that are at hand, for the check before they are stored."""
        http = self.sessions.http(
            key, auth_headers=connector.auth_headers(credentials), correlation_id=correlation_id
        )
        return Link(
            repairer=key.repairer,
            credentials=credentials,
            settings=effective.model,
            start_date=start_date or effective.model.start_date,
            http=http,
        )
