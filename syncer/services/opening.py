"""Opening a link: the object with which a connector works for exactly one repairer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

from pydantic import SecretStr, ValidationError

from syncer.domain import links, stored
from syncer.domain.errors import CredentialUnreadableError
from syncer.observability import known_secrets
from syncer.ports.folders import Folders
from syncer.ports.mail import MailRoom
from syncer.ports.plugins import ConnectorRegistry
from syncer.ports.sessions import SendingWatch, Sessions, SignIn
from syncer.ports.vault import Vault
from syncer.sdk import (
    Connector,
    Credentials,
    HttpSession,
    Link,
    Login,
    Settings,
    Transport,
)
from syncer.services.guard import guarded, plainly_guarded
from syncer.services.settings import Effective, SettingsInForce
from syncer.services.watched_mail import WatchedMail

AnyLink = Link[Any, Any]
AnyConnector = Connector[Any, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkOpener:
    """Opens links for connectors; secrets are decrypted here and nowhere else.

    ``tally`` is told of every decryption, for the audit trail.
    """

    registry: ConnectorRegistry
    vault: Vault
    sessions: Sessions
    folders: Folders
    settings: SettingsInForce
    mail: MailRoom | None = None
    tally: Callable[[links.LinkKey], None] | None = None

    def effective(self, link: links.Link) -> Effective:
        """Give the settings in force for a link."""
        return self.settings.of(self.registry.get(link.key.connector), link.settings)

    def open(
        self,
        link: links.Link,
        sealed: stored.SealedCredential | None,
        *,
        correlation_id: str,
        watch: SendingWatch | None = None,
    ) -> AnyLink:
        """Open a stored link for one pass, retry or attempt at a delivery.

        ``sealed`` is None only for a connector that takes no credentials; ``watch`` is told of what
        leaves.

        Raises:
            ConflictError: the connector is disabled or quarantined.
            VaultSealedError: there is no usable root key.
            CredentialUnreadableError: it does not open, or no longer fits the connector.
        """
        connector = self.registry.usable(link.key.connector)
        fields = self._fields(link, sealed) if connector.credentials.model_fields else {}
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
            generation=link.generation,
            watch=watch,
        )

    def _fields(self, link: links.Link, sealed: stored.SealedCredential | None) -> dict[str, str]:
        if sealed is None or sealed.link != link.key or sealed.generation != link.generation:
            text = "The stored credentials are of another link or from before a reset."
            raise CredentialUnreadableError(text)
        fields = self.vault.open(sealed)
        known_secrets.add(fields.values(), but=link.key)
        if self.tally is not None:
            self.tally(link.key)
        return fields

    def with_credentials(
        self,
        key: links.LinkKey,
        connector: AnyConnector,
        credentials: Credentials,
        *,
        effective: Effective,
        start_date: date | None,
        correlation_id: str,
        generation: int | None = None,
        watch: SendingWatch | None = None,
    ) -> AnyLink:
        """Open a link with credentials that are at hand, for the check before they are stored.

        ``generation`` is theirs once they are stored; a login is kept for it.
        """
        others: dict[str, Any] = {}
        if Transport.MAIL in connector.transports and self.mail is not None:
            watching = watch and WatchedMail(room=self.mail, watch=watch)
            others["mail"] = watching or self.mail
        if Transport.FOLDER in connector.transports:
            name = plainly_guarded("folder_of", lambda: str(connector.folder_of(credentials)))
            others["folder"] = self.folders.exchange(key, name)

        def opened(http: HttpSession | None = None) -> AnyLink:
            sessions = others if http is None else {**others, "http": http}
            return Link(
                repairer=key.repairer,
                credentials=credentials,
                settings=effective.model,
                start_date=start_date or effective.model.start_date,
                **sessions,
            )

        if Transport.HTTP not in connector.transports:
            return opened()
        headers = plainly_guarded("auth_headers", lambda: connector.auth_headers(credentials))
        http = self.sessions.http(
            key,
            auth_headers=headers,
            correlation_id=correlation_id,
            sign_in=_sign_in(connector, credentials, effective.model, opened, generation),
            watch=watch,
        )
        return opened(http)


def _sign_in(
    connector: AnyConnector,
    credentials: Credentials,
    settings: Settings,
    opened: Callable[..., AnyLink],
    generation: int | None,
) -> SignIn | None:
    """Say how a link logs in; None where the connector does not."""
    if type(connector).authenticate is Connector.authenticate:
        return None

    async def authenticate(http: HttpSession) -> Login:
        return await guarded(connector.authenticate(opened(http=http)))

    async def sign_out(http: HttpSession) -> None:
        await guarded(connector.sign_out(opened(http=http)))

    fields = (getattr(credentials, name) for name in type(credentials).model_fields)
    return SignIn(
        generation=generation,
        secrets=[field.get_secret_value() for field in fields if isinstance(field, SecretStr)],
        authenticate=authenticate,
        sign_out=sign_out,
        is_signed_out=lambda status, location: connector.is_signed_out(settings, status, location),
    )
