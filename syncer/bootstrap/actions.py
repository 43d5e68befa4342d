"""What an operator may do on this machine only, by the names that the command line uses."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from syncer.api.control import Action, Actions, Asked
from syncer.domain.links import LinkKey
from syncer.ports.ambient import Clock
from syncer.ports.store import Store
from syncer.ports.vault import Vault
from syncer.services.audit import AuditTrail
from syncer.services.keys import KeyRotation
from syncer.services.reset import CredentialReset
from syncer.store import Backup

Json = dict[str, Any]

BACKUP = "backup.take"


def operator_actions(store: Store, vault: Vault, backup: Backup, clock: Clock) -> Actions:
    """Give the actions over a store and its vault."""
    work = _Work(
        store=store,
        resetting=CredentialReset(store=store, vault=vault, clock=clock),
        rotation=KeyRotation(store=store, vault=vault, clock=clock),
        trail=AuditTrail(store=store, vault=vault),
    )
    return {
        "credentials.reset": work.reset,
        "key.state": work.key_state,
        "key.rewrap": work.rewrap,
        "key.retire": work.retire,
        "key.give_up": work.give_up,
        "audit.verify": work.verify,
        BACKUP: backup_action(backup, clock),
    }


def backup_action(backup: Backup, clock: Clock) -> Action:
    """Give the action that takes a backup into a new folder inside of the one that is named."""

    async def take(asked: Asked) -> Json:
        made = await backup.take(Path(asked.text("to")), at=clock.now())
        return {"folder": str(made.folder), **asdict(made.manifest)}

    return take


@dataclass(frozen=True, slots=True, kw_only=True)
class _Work:
    store: Store
    resetting: CredentialReset
    rotation: KeyRotation
    trail: AuditTrail

    async def reset(self, asked: Asked) -> Json:
        key = LinkKey(asked.text("repairer"), asked.text("connector"))
        done = await self.resetting.reset(
            key, ticket=asked.text("ticket"), reason=asked.text("reason"), actor=asked.actor
        )
        return {
            "repairer": key.repairer,
            "connector": key.connector,
            "generation": done.generation,
            "vault_sealed": done.keyless_chain is not None,
            "key_given_up": done.key_given_up,
        }

    async def key_state(self, _asked: Asked) -> Json:
        async with self.store.read() as uow:
            return {"credentials": await uow.credentials.exist()}

    async def rewrap(self, asked: Asked) -> Json:
        done = await self.rotation.rewrap(
            actor=asked.actor, progress=lambda moved: asked.progress({"moved": moved})
        )
        return asdict(done)

    async def retire(self, asked: Asked) -> Json:
        kid = asked.arguments.get("kid")
        return {"retired": await self.rotation.retire(kid=kid, actor=asked.actor)}

    async def give_up(self, asked: Asked) -> Json:
        await self.rotation.give_up(actor=asked.actor)
        return {"given_up": True}

    async def verify(self, asked: Asked) -> Json:
        verdict = await self.trail.verify(head=asked.arguments.get("head"))
        return {**asdict(verdict), "intact": verdict.intact}
