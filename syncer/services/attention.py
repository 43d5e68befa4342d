"""Everything that needs a person now; an entry goes when its cause goes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from syncer.domain.errors import FieldError, InvalidError
from syncer.domain.instants import to_text
from syncer.domain.links import Link, LinkKey, LinkState
from syncer.domain.stored import LinkFilter, QuarantinedItem
from syncer.ports.mail import MailRoom
from syncer.ports.plugins import ConnectorRegistry, ConnectorState, Installed
from syncer.ports.store import Store, UnitOfWork
from syncer.ports.vault import Vault
from syncer.services.record_json import Json

Place = tuple[str, str]
_Entry = tuple[Place, Json]
_HOST, _LINKS, _ITEMS = "host", "links", "items"
_SECTIONS = (_HOST, _LINKS, _ITEMS)

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
class AttentionFound:
    """A stretch of the list; ``last`` is where the next one starts, None at the end."""

    items: list[Json]
    last: Place | None
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Attention:
    """Gathers what needs a person: the host's own troubles first, then links, then items.

    ``started_at`` is since when a sealed vault is sealed.
    """

    store: Store
    registry: ConnectorRegistry
    vault: Vault
    started_at: datetime
    mail: MailRoom | None = None

    async def find(self, *, after: Place | None = None, limit: int = 50) -> AttentionFound:
        """List what needs a person.

        Raises:
            InvalidError: ``after`` is no place of this list.
        """
        if after is not None and after[0] not in _SECTIONS:
            fault = FieldError(pointer="/after", message="is not a cursor of this list")
            raise InvalidError("The cursor is not one of this list.", [fault])
        host = self._host()
        async with self.store.read() as uow:
            entries = await self._entries(uow, host, after, limit + 1)
            total = len(host)
            total += await uow.links.count(self._wanted())
            total += await uow.quarantine.count(
                repairers=None, connectors=None, unresolved_only=True
            )
        page = entries[:limit]
        last = page[-1][0] if len(entries) > limit else None
        return AttentionFound(items=[entry for _, entry in page], last=last, total=total)

    async def _entries(
        self, uow: UnitOfWork, host: Sequence[_Entry], after: Place | None, limit: int
    ) -> list[_Entry]:
        entries: list[_Entry] = []
        section, key = after or (_HOST, None)
        for name in _SECTIONS[_SECTIONS.index(section) :]:
            start = key if name == section else None
            room = limit - len(entries)
            if room <= 0:
                break
            if name == _HOST:
                entries += [entry for entry in host if start is None or entry[0][1] > start][:room]
            elif name == _LINKS:
                entries += await self._links(uow, start, room)
            else:
                entries += await self._items(uow, start, room)
        return entries

    def _host(self) -> list[_Entry]:
        entries = []
        if self.vault.sealed_reason is not None:
            entries.append(((_HOST, ""), self._sealed(self.vault.sealed_reason)))
        if self.mail is not None and self.mail.trouble is not None:
            entries.append(((_HOST, " mail"), _mail_unavailable(self.mail.trouble)))
        entries += [
            ((_HOST, installed.name), _quarantined_connector(installed))
            for installed in self.registry.all()
            if installed.state is ConnectorState.QUARANTINED
        ]
        return entries

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

    def _wanted(self) -> LinkFilter:
        enabled = [installed.name for installed in self.registry.all() if installed.enabled]
        return LinkFilter(enabled=enabled, states=tuple(_OF_STATE))

    async def _links(self, uow: UnitOfWork, start: str | None, limit: int) -> list[_Entry]:
        repairer, _, connector = (start or "").partition("/")
        after = LinkKey(repairer, connector) if start else None
        rows = await uow.links.find(self._wanted(), after=after, limit=limit)
        return [((_LINKS, "/".join(link.key)), _link(link)) for link in rows]

    async def _items(self, uow: UnitOfWork, start: str | None, limit: int) -> list[_Entry]:
        rows = await uow.quarantine.find(
            repairers=None, connectors=None, unresolved_only=True, after=start, limit=limit
        )
        return [((_ITEMS, item.id), _item(item)) for item in rows]


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
