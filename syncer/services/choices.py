"""What a partner offers for a field: asked when a person is about to choose."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from syncer.domain.errors import (
    ConflictError,
    ConnectorFailedError,
    CredentialsRejectedError,
    NotFoundError,
    RateLimitedError,
)
from syncer.domain.links import Link, LinkKey
from syncer.domain.stored import SealedCredential
from syncer.ports.ambient import Clock
from syncer.ports.plugins import ConnectorRegistry
from syncer.ports.store import Store
from syncer.sdk import Connector
from syncer.services.guard import HUNG, USUAL_PATIENCE, Patience, guarded_apart, set_aside
from syncer.services.opening import LinkOpener
from syncer.services.pull import require_active
from syncer.services.refused_links import note_refused

Json = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """Asks partners for the values of a field; nothing of it is kept."""

    store: Store
    registry: ConnectorRegistry
    opener: LinkOpener
    clock: Clock
    patience: Patience = USUAL_PATIENCE

    async def of(self, key: LinkKey, field: str, *, correlation_id: str) -> list[Json]:
        """List what the partner offers for a field.

        Raises:
            NotFoundError: there is no such link, or the field has no choices.
            ConflictError: why the link cannot run.
            RateLimitedError: the partner asked to be left alone for a while.
            CredentialsRejectedError: the partner refused them; the link waits for a person.
            SyncerError: the partner could not be asked, or gave no choices.
        """
        connector = self.registry.usable(key.connector)
        link, sealed = await self._load(key)
        if type(connector).choices is Connector.choices:
            raise NotFoundError("The partner offers no choices for this field.")
        opened = self._open(link, sealed, correlation_id)
        try:
            found = await guarded_apart(
                connector.choices(opened, field),
                self.patience,
                lambda: set_aside(self.registry, key.connector, HUNG),
            )
        except CredentialsRejectedError as error:
            await self._note_refused(link, error)
            raise
        return _checked(found)

    async def _note_refused(self, link: Link, error: CredentialsRejectedError) -> None:
        at = self.clock.now()
        await self.store.write(lambda uow: note_refused(uow, link, error, at=at))

    async def _load(self, key: LinkKey) -> tuple[Link, SealedCredential | None]:
        async with self.store.read() as uow:
            link = await uow.links.get(key)
            sealed = await uow.credentials.get(key)
        if link is None:
            raise NotFoundError("There is no such repairer.")
        return link, sealed

    def _open(self, link: Link, sealed: SealedCredential | None, correlation_id: str) -> Any:
        require_active(link)
        if link.hold_until is not None and link.hold_until > self.clock.now():
            text = "The partner asked to be left alone for a while."
            raise RateLimitedError(text, retry_at=link.hold_until)
        if sealed is None:
            raise ConflictError("link_unconfigured", "The link has no credentials yet.")
        return self.opener.open(link, sealed, correlation_id=correlation_id)


def _checked(found: Sequence[Mapping[str, Any]]) -> list[Json]:
    try:
        return [dict(each) for each in found]
    except (TypeError, ValueError):
        raise ConnectorFailedError("choices gave no list of JSON objects") from None
