"""Rotation of the root key: what it wraps moves to the active one, credentials never change.

A new root key is added in the configuration: ``key_file`` names the new file, the old one moves to
``retired_key_files``, and the next start wraps under the new one while both open. Then ``rewrap``,
then ``retire`` says whether the old file may go.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from syncer.domain.errors import (
    ConflictError,
    CredentialUnreadableError,
    NotFoundError,
    VaultSealedError,
)
from syncer.domain.stored import SealedCredential
from syncer.observability import Event, get_logger
from syncer.observability.crash_points import crash_point
from syncer.ports.ambient import Clock
from syncer.ports.store import Store, UnitOfWork
from syncer.ports.vault import HELD_KEYS_NOTE, KEY_GIVEN_UP_NOTE, Vault
from syncer.services.audit import AuditAction, record, record_in_sealed_vault

BATCH = 100
"""Keys that are wrapped anew in one transaction; short, so that others may write in between."""

_log = get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class RootKeyUse:
    """A root key, by its kid in hex, and what depends on it."""

    kid: str
    active: bool
    loaded: bool
    credentials: int
    seals_held_keys: bool

    @property
    def in_use(self) -> bool:
        """Whether something could no longer be opened without it."""
        return self.active or self.credentials > 0 or self.seals_held_keys


@dataclass(frozen=True, slots=True, kw_only=True)
class Rewrapped:
    """What a rewrap did; ``left`` could not be opened with the root keys that are loaded."""

    moved: int
    left: int


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRotation:
    """The operator's work on root keys; the host's command line only."""

    store: Store
    vault: Vault
    clock: Clock

    async def uses(self) -> list[RootKeyUse]:
        """List the root keys that are loaded or needed, the active one first.

        Raises:
            VaultSealedError: there is no usable root key.
        """
        self._require_unsealed()
        async with self.store.read() as uow:
            return await self._uses(uow)

    async def rewrap(
        self, *, actor: str, progress: Callable[[int], None] | None = None
    ) -> Rewrapped:
        """Wrap everything under the active root key, batch by batch.

        May be broken off and run again at any time; ``progress`` is told how many were moved.

        Raises:
            VaultSealedError: there is no usable root key.
        """
        moved = 0
        for old in await self.uses():
            if old.active or not old.loaded:
                continue
            after: bytes | None = b""
            while after is not None:
                done, after = await self._move_batch(bytes.fromhex(old.kid), after)
                moved += done
                crash_point("keys-batch-moved")
                if progress:
                    progress(moved)
        await self.store.write(lambda uow: self._finish(uow, moved, actor))
        crash_point("keys-rewrapped")
        left = sum(use.credentials for use in await self.uses() if not use.active)
        _log.info(Event.KEYS_REWRAPPED, moved=moved, left=left)
        return Rewrapped(moved=moved, left=left)

    async def retire(self, *, kid: str | None = None, actor: str) -> list[str]:
        """Confirm that root keys are no longer needed; all loaded ones but the active by default.

        Gives their kids; after that their files may go out of ``retired_key_files``.

        Raises:
            VaultSealedError: there is no usable root key.
            NotFoundError: the kid names no root key that is loaded, or none is to be retired.
            ConflictError: ``key_in_use``; run ``rewrap`` first.
        """
        self._require_unsealed()
        retired = await self.store.write(lambda uow: self._retire(uow, kid, actor))
        for each in retired:
            _log.info(Event.KEY_RETIRED, kid=each)
        return retired

    async def give_up(self, *, actor: str) -> None:
        """Let the next start take another root key, because the one of this store is lost.

        Audited in a chain without a key.

        Raises:
            ConflictError: ``key_in_use``, the key is not lost; ``credentials_exist``, they have to
                be reset first.
        """
        if self.vault.sealed_reason is None:
            raise ConflictError("key_in_use", "The root key opens this store; it is not lost.")
        await self.store.write(lambda uow: self._give_up(uow, actor))

    async def _give_up(self, uow: UnitOfWork, actor: str) -> None:
        if await uow.credentials.exist():
            text = "Credentials are sealed under the lost root key; reset them first."
            raise ConflictError("credentials_exist", text)
        await uow.notes.put(KEY_GIVEN_UP_NOTE, b"yes")
        detail = {"step": "give_up"}
        await record_in_sealed_vault(
            uow, self.vault, self.clock, AuditAction.ROTATE, actor=actor, detail=detail
        )

    def _require_unsealed(self) -> None:
        if (reason := self.vault.sealed_reason) is not None:
            raise VaultSealedError(f"The vault is sealed: {reason}.")

    async def _uses(self, uow: UnitOfWork) -> list[RootKeyUse]:
        counts = await uow.credentials.kids()
        held = await uow.notes.get(HELD_KEYS_NOTE) or b""
        holder = self.vault.held_under(held)
        loaded = self.vault.kids
        kids = dict.fromkeys((*loaded, *sorted(counts)))
        return [
            RootKeyUse(
                kid=kid.hex(),
                active=kid == loaded[0],
                loaded=kid in loaded,
                credentials=counts.get(kid, 0),
                seals_held_keys=kid == holder,
            )
            for kid in kids
        ]

    async def _move_batch(self, old: bytes, after: bytes) -> tuple[int, bytes | None]:
        async def work(uow: UnitOfWork) -> tuple[int, bytes | None]:
            batch = await uow.credentials.with_kid(old, after=after, limit=BATCH)
            moved = [await self._move(uow, old, sealed) for sealed in batch]
            return sum(moved), batch[-1].id if len(batch) == BATCH else None

        return await self.store.write(work)

    async def _move(self, uow: UnitOfWork, old: bytes, sealed: SealedCredential) -> bool:
        try:
            new = self.vault.rewrapped(sealed)
        except CredentialUnreadableError as error:
            link = sealed.link
            _log.warning(
                Event.CREDENTIALS_UNREADABLE,
                repairer=link.repairer,
                connector=link.connector,
                code=error.code,
            )
            return False
        return await uow.credentials.rewrap(
            sealed.id, old_kid=old, new_kid=new.kid, wrapped=new.wrapped_key
        )

    async def _finish(self, uow: UnitOfWork, moved: int, actor: str) -> None:
        await uow.notes.put(HELD_KEYS_NOTE, self.vault.held_keys())
        detail = {"step": "rewrap", "kid": self.vault.kids[0].hex(), "moved": moved}
        await record(uow, self.vault, self.clock, AuditAction.ROTATE, actor=actor, detail=detail)

    async def _retire(self, uow: UnitOfWork, kid: str | None, actor: str) -> list[str]:
        uses = await self._uses(uow)
        wanted = [use for use in uses if (use.kid == kid if kid else use.loaded and not use.active)]
        if not wanted:
            raise NotFoundError("There is no such root key to retire.")
        _refuse_used(wanted)
        for use in wanted:
            detail = {"step": "retire", "kid": use.kid}
            await record(
                uow, self.vault, self.clock, AuditAction.ROTATE, actor=actor, detail=detail
            )
        return [use.kid for use in wanted]


def _refuse_used(wanted: Sequence[RootKeyUse]) -> None:
    for use in wanted:
        if use.active:
            raise ConflictError("key_in_use", f"Root key {use.kid} is the active one.")
        if use.in_use:
            text = f"Root key {use.kid} still wraps {use.credentials} credentials or the audit key."
            raise ConflictError("key_in_use", f"{text} Run `syncer key rewrap` first.")
