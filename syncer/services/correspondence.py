"""Whom a claim file's mails go to, in which language, and what they are signed with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from syncer.domain.claim_files import ClaimFile
from syncer.domain.errors import InvalidError
from syncer.domain.links import LinkKey
from syncer.domain.mail import Language, is_address, language_of, one_line
from syncer.ports.mail import Addressee
from syncer.ports.plugins import ConnectorRegistry
from syncer.ports.store import UnitOfWork
from syncer.sdk import Settings
from syncer.services.settings import SettingsInForce


@dataclass(frozen=True, slots=True, kw_only=True)
class Correspondent:
    """A claim file's client as its mails see them; ``address`` None where none is known."""

    addressee: Addressee
    address: str | None
    language: Language
    settings: Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Correspondence:
    """Finds out how to write to the client of a claim file."""

    registry: ConnectorRegistry
    settings: SettingsInForce

    async def with_client(self, uow: UnitOfWork, claim_file: ClaimFile) -> Correspondent:
        """Gather it from the claim file, its link and its repairer."""
        settings = await self.settings_of(uow, claim_file.link)
        repairer = await uow.repairers.get(claim_file.link.repairer)
        client = _part(claim_file, "client")
        address = str(client.get("email") or "").strip()
        return Correspondent(
            addressee=Addressee(
                name=one_line(str(client.get("name") or "")) or None,
                reference=claim_file.reference or claim_file.partner_ref or claim_file.id,
                vehicle=_part(claim_file, "vehicle").get("plate"),
                repairer=repairer.name if repairer else claim_file.link.repairer,
            ),
            address=address if is_address(address) else None,
            language=language_of(str(client.get("language") or ""))
            or Language(settings.mail_language),
            settings=settings,
        )

    async def settings_of(self, uow: UnitOfWork, key: LinkKey) -> Settings:
        """Give the settings in force for a link, the usual ones where they cannot be told."""
        link = await uow.links.get(key)
        return self.settings_with(key, link.settings if link else {})

    def settings_with(self, key: LinkKey, own: Mapping[str, Any]) -> Settings:
        """Give the same for a link whose own settings are at hand."""
        try:
            return self.settings.of(self.registry.get(key.connector), own).model
        except InvalidError:
            return Settings()

    def words_for(self, connector: str, state: str | None) -> Sequence[str]:
        """Give the partner's own words for a state; settings may name it by any of them."""
        installed = self.registry.get(connector).connector
        if installed is None or installed.lifecycle is None:
            return ()
        return [word for word, means in installed.lifecycle.words.items() if means == state]


def _part(claim_file: ClaimFile, name: str) -> dict[str, Any]:
    part = claim_file.data.get(name)
    return part if isinstance(part, dict) else {}
