"""The operator's reset: a link's credentials are destroyed, so that new ones can be registered."""

from __future__ import annotations

from dataclasses import dataclass

from syncer.domain.errors import FieldError, InvalidError, NotFoundError
from syncer.domain.links import LinkKey
from syncer.domain.stored import AuditEntry
from syncer.observability import Event, get_logger
from syncer.observability.crash_points import crash_point
from syncer.ports.ambient import Clock
from syncer.ports.store import Store, UnitOfWork
from syncer.ports.vault import KEY_GIVEN_UP_NOTE, Vault
from syncer.services.audit import AuditAction, record, record_in_sealed_vault
from syncer.services.register import state_changed

_log = get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class ResetDone:
    """What a reset did.

    ``keyless_chain`` is the audit chain that the entry went to because the vault was sealed; such a
    chain has no key. ``key_given_up`` says that no credentials are left under the lost root key,
    so that the next start takes another key file.
    """

    link: LinkKey
    generation: int
    keyless_chain: int | None
    key_given_up: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialReset:
    """Resets credentials; only the host's command line gets here, never HTTP."""

    store: Store
    vault: Vault
    clock: Clock

    async def reset(self, key: LinkKey, *, ticket: str, reason: str, actor: str) -> ResetDone:
        """Destroy a link's credentials in one transaction; data, cursor and generation stay.

        The sealed bytes go out of the database's files too; backups made before still hold them.

        Works in a sealed vault too, also when its root key is lost. A pass that is under way holds
        the old generation and leaves nothing on the link.

        Raises:
            InvalidError: ticket or reason is empty.
            NotFoundError: there is no such link, or it has no credentials.
        """
        _require(ticket=ticket, reason=reason)
        done = await self.store.write(
            lambda uow: self._reset(uow, key, {"ticket": ticket, "reason": reason}, actor)
        )
        crash_point("credentials-reset")
        await self.store.checkpoint()
        _log.warning(
            Event.CREDENTIALS_RESET,
            repairer=key.repairer,
            connector=key.connector,
            generation=done.generation,
            ticket=ticket,
        )
        if done.keyless_chain is not None:
            _log.warning(Event.AUDIT_CHAIN_OPENED, chain=done.keyless_chain, has_key=False)
        return done

    async def _reset(
        self, uow: UnitOfWork, key: LinkKey, detail: dict[str, str], actor: str
    ) -> ResetDone:
        link = await uow.links.get(key)
        if link is None:
            raise NotFoundError("There is no such link.")
        entry = await self._audit(uow, key, {**detail, "generation": link.generation}, actor)
        ticket = detail["ticket"]
        if not await uow.credentials.reset(key, ticket=ticket, actor=actor, at=entry.at):
            raise NotFoundError("The link has no credentials.")
        await uow.links.reset(key)
        after = await uow.links.get(key) or link
        uow.feed.append([state_changed(after)], at=entry.at)
        is_sealed = self.vault.sealed_reason is not None
        key_given_up = is_sealed and not await uow.credentials.exist()
        if key_given_up:
            await uow.notes.put(KEY_GIVEN_UP_NOTE, b"yes")
        return ResetDone(
            link=key,
            generation=link.generation,
            keyless_chain=entry.chain if is_sealed else None,
            key_given_up=key_given_up,
        )

    async def _audit(
        self, uow: UnitOfWork, key: LinkKey, detail: dict[str, str | int], actor: str
    ) -> AuditEntry:
        add = record if self.vault.sealed_reason is None else record_in_sealed_vault
        return await add(
            uow, self.vault, self.clock, AuditAction.RESET, actor=actor, link=key, detail=detail
        )


def _require(**texts: str) -> None:
    faults = [
        FieldError(pointer=f"/{name}", message="must not be empty")
        for name, text in texts.items()
        if not text.strip()
    ]
    if faults:
        raise InvalidError("A reset needs a ticket and a reason.", faults)
