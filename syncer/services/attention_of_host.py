"""What needs a person of the host itself, of its links, and of what could not be read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from syncer.domain.instants import to_text
from syncer.domain.links import Link, LinkKey, LinkState
from syncer.domain.stored import LinkFilter, QuarantinedItem
from syncer.ports.mail import MailRoom
from syncer.ports.plugins import ConnectorRegistry, ConnectorState, Installed
from syncer.ports.store import UnitOfWork
from syncer.ports.vault import Vault
from syncer.services.attention import Entry
from syncer.services.record_json import Json

_OF_STATE = {
    LinkState.CREDENTIALS_REJECTED: (
        "The partner refused the credentials.",
        "Resume the link, or have the helpdesk reset the credentials and register new ones.",
    ),
    LinkState.UNAVAILABLE: (
        "The link cannot be used.",
        "Have the operator look at the reason; resume the link once it is mended.",
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class HostTroubles:
    """The vault, the mail server, and connectors that were set aside.

    ``started_at`` is since when a sealed vault is sealed.
    """

    name: ClassVar[str] = "host"
    registry: ConnectorRegistry
    vault: Vault
    mail: MailRoom
    started_at: datetime

    async def find(self, uow: UnitOfWork, *, after: str | None, limit: int) -> Sequence[Entry]:  # noqa: ARG002 - not in the store
        """List the vault, then mail, then connectors by name."""
        return [entry for entry in self._all() if after is None or entry[0] > after][:limit]

    async def count(self, uow: UnitOfWork) -> int:  # noqa: ARG002 - not in the store
        """Count them."""
        return len(list(self._all()))

    def _all(self) -> Iterator[Entry]:
        if self.vault.sealed_reason is not None:
            yield "", self._sealed(self.vault.sealed_reason)
        if self.mail.trouble is not None:
            yield " mail", _mail_unavailable(self.mail.trouble)
        for installed in self.registry.all():
            if installed.state is ConnectorState.QUARANTINED:
                yield installed.name, _quarantined_connector(installed)

    def _sealed(self, reason: str) -> Json:
        return {
            "kind": "vault_sealed",
            "repairer": None,
            "connector": None,
            "subject": {"type": "vault", "id": "vault"},
            "text": f"The vault is sealed: {reason}",
            "action": "Have the operator provide the root key of this installation and restart.",
            "since": to_text(self.started_at),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkTroubles:
    """Links that cannot go on by themselves."""

    name: ClassVar[str] = "links"
    registry: ConnectorRegistry

    async def find(self, uow: UnitOfWork, *, after: str | None, limit: int) -> Sequence[Entry]:
        """List in order of repairer, then connector."""
        repairer, _, connector = (after or "").partition("/")
        key = LinkKey(repairer, connector) if after else None
        rows = await uow.links.find(self._wanted(), after=key, limit=limit)
        return [("/".join(link.key), _link(link)) for link in rows]

    async def count(self, uow: UnitOfWork) -> int:
        """Count them."""
        return await uow.links.count(self._wanted())

    def _wanted(self) -> LinkFilter:
        enabled = [installed.name for installed in self.registry.all() if installed.enabled]
        return LinkFilter(enabled=enabled, states=tuple(_OF_STATE))


@dataclass(frozen=True, slots=True, kw_only=True)
class UnreadItems:
    """What a partner gave and could not be read."""

    name: ClassVar[str] = "items"

    async def find(self, uow: UnitOfWork, *, after: str | None, limit: int) -> Sequence[Entry]:
        """List newest first."""
        rows = await uow.quarantine.find(
            repairers=None, connectors=None, unresolved_only=True, after=after, limit=limit
        )
        return [(item.id, _item(item)) for item in rows]

    async def count(self, uow: UnitOfWork) -> int:
        """Count them."""
        return await uow.quarantine.count(repairers=None, connectors=None, unresolved_only=True)


def _mail_unavailable(trouble: str) -> Json:
    return {
        "kind": "mail_unavailable",
        "repairer": None,
        "connector": None,
        "subject": {"type": "mail", "id": "server"},
        "text": f"{trouble} Mails wait.",
        "action": "Have the operator look at [mail] in the configuration and at the server.",
        "since": None,
    }


def _quarantined_connector(installed: Installed) -> Json:
    return {
        "kind": "connector_quarantined",
        "repairer": None,
        "connector": installed.name,
        "subject": {"type": "connector", "id": installed.name},
        "text": f"The connector was set aside: {installed.reason}",
        "action": "Have the operator update or mend the connector and restart.",
        "since": None,
    }


def _link(link: Link) -> Json:
    text, action = _OF_STATE[link.state]
    ended_at = link.last_pass.ended_at if link.last_pass else None
    return {
        "kind": "link_unavailable" if link.state is LinkState.UNAVAILABLE else link.state.value,
        "repairer": link.key.repairer,
        "connector": link.key.connector,
        "subject": {"type": "link", "id": "/".join(link.key)},
        "text": f"{text} ({link.reason})" if link.reason else text,
        "action": action,
        "since": to_text(ended_at) if ended_at else None,
    }


def _item(item: QuarantinedItem) -> Json:
    return {
        "kind": "item_quarantined",
        "repairer": item.link.repairer,
        "connector": item.link.connector,
        "subject": {"type": "quarantine", "id": item.id},
        "text": f"An item of the partner could not be read: {item.reason}",
        "action": "Retry it once the partner or the connector is mended.",
        "since": to_text(item.at),
    }
