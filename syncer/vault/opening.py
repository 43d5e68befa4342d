"""Opening the vault at the start: key files against what the store knows of its keys."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from syncer.observability import Event, get_logger
from syncer.observability.crash_points import crash_point
from syncer.ports.ambient import Clock
from syncer.ports.store import Store, UnitOfWork
from syncer.ports.vault import HELD_KEYS_NOTE, INSTALL_ID_NOTE, KEY_GIVEN_UP_NOTE
from syncer.services.audit import SERVICE, AuditAction, record
from syncer.vault.encoding import ID_BYTES, KID_BYTES, UnreadableError
from syncer.vault.held import HeldKeys
from syncer.vault.keyfile import read_key_file
from syncer.vault.ring import KeyRing, KeyRingVault
from syncer.vault.roots import RootKey

_log = get_logger(__name__)


class _SealedError(Exception):
    """Why the vault stays sealed, in words that the operator reads."""


async def open_vault(
    store: Store, key_file: Path | None, retired_key_files: Sequence[Path] = (), *, clock: Clock
) -> KeyRingVault:
    """Open the vault of a store with its key files; sealed, with the reason, where they do not fit.

    A store that no key was used with yet takes the active one. The load of a new key and the
    opening itself are audited.

    Raises:
        ConfigurationError: a key file has the wrong size or permissions.
    """
    try:
        keys = _read_keys(key_file, retired_key_files)
        crash_point("vault-before-opening")
        opened = await store.write(lambda uow: _open(uow, keys, clock))
        crash_point("vault-opened")
    except _SealedError as error:
        reason = str(error)
        _log.error(Event.VAULT_SEALED, reason=reason)
        return KeyRingVault(None, sealed_reason=reason)
    _report(opened)
    return KeyRingVault(opened.ring)


def _read_keys(key_file: Path | None, retired_key_files: Sequence[Path]) -> list[bytes]:
    if key_file is None:
        raise _SealedError("no key file is configured")
    keys = []
    for path in (key_file, *retired_key_files):
        key = read_key_file(path)
        if key is None:
            raise _SealedError(f"the key file {path} does not exist")
        keys.append(key)
    return keys


@dataclass(frozen=True, slots=True, kw_only=True)
class _Opened:
    ring: KeyRing
    is_key_new: bool
    is_chain_new: bool


def _report(opened: _Opened) -> None:
    ring = opened.ring
    kid = ring.active.kid.hex()
    _log.info(Event.VAULT_UNSEALED, kid=kid, roots=len(ring.roots))
    if opened.is_key_new:
        _log.info(Event.KEY_LOADED, kid=kid)
    if opened.is_chain_new:
        _log.warning(Event.AUDIT_CHAIN_OPENED, chain=ring.held.chain)


async def _open(uow: UnitOfWork, keys: Sequence[bytes], clock: Clock) -> _Opened:
    install_id = await _install_id(uow)
    roots = [RootKey(key, install_id) for key in keys]
    active, by_kid = roots[0], {root.kid: root for root in roots}
    keeper, known = await _known(uow, by_kid)
    last = await uow.audit.last()
    held = _continued(known or HeldKeys.draw(), last.chain if last else None)
    is_key_new = active.kid not in held.seen
    held = held.having_seen(active.kid)
    if held != known:
        await uow.notes.put(KEY_GIVEN_UP_NOTE, b"")
        await uow.notes.put(HELD_KEYS_NOTE, (keeper or active).seal_held(held.to_bytes()))
    ring = KeyRing(install_id=install_id, active=active, roots=by_kid, held=held)
    detail = {"kid": active.kid.hex()}
    for action in (AuditAction.KEY_LOAD, AuditAction.UNSEAL)[not is_key_new :]:
        await record(uow, KeyRingVault(ring), clock, action, actor=SERVICE, detail=detail)
    is_chain_new = last is not None and last.chain != held.chain
    return _Opened(ring=ring, is_key_new=is_key_new, is_chain_new=is_chain_new)


async def _install_id(uow: UnitOfWork) -> bytes:
    known = await uow.notes.get(INSTALL_ID_NOTE)
    if known is None:
        known = os.urandom(ID_BYTES)
        await uow.notes.put(INSTALL_ID_NOTE, known)
    return known


async def _known(
    uow: UnitOfWork, by_kid: Mapping[bytes, RootKey]
) -> tuple[RootKey | None, HeldKeys | None]:
    note = await uow.notes.get(HELD_KEYS_NOTE)
    if not note:
        if await uow.credentials.exist():
            raise _SealedError("the store holds credentials, but what tells their key is gone")
        return None, None
    keeper = by_kid.get(note[:KID_BYTES])
    if keeper is None and await _is_given_up(uow):
        return None, None
    if keeper is None:
        raise _SealedError("the key file is not the one that this store was made with")
    try:
        return keeper, HeldKeys.from_bytes(keeper.open_held(note))
    except UnreadableError:
        raise _SealedError("what the store knows of its keys is damaged") from None


async def _is_given_up(uow: UnitOfWork) -> bool:
    return bool(await uow.notes.get(KEY_GIVEN_UP_NOTE)) and not await uow.credentials.exist()


def _continued(held: HeldKeys, chain: int | None) -> HeldKeys:
    if chain is None:
        return held if held.audit else held.with_chain(1)
    return held if chain in held.audit else held.with_chain(chain + 1)
