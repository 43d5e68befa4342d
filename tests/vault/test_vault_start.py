from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from syncer.domain.errors import ConfigurationError, VaultSealedError
from syncer.ports.store import Store
from syncer.ports.vault import HELD_KEYS_NOTE
from syncer.testing import FakeClock
from tests.vault.conftest import FIELDS, LINKS, OpenVault, SealInStore

KeyFile = Callable[..., Path]


async def actions(store: Store) -> list[str]:
    async with store.read() as uow:
        return [entry.action for entry in await uow.audit.walk(after=0, limit=100)]


async def test_an_empty_store_takes_a_handmade_key_file(
    opened: OpenVault, key_file: KeyFile
) -> None:
    assert (await opened(key_file())).sealed_reason is None


async def test_the_same_key_file_opens_the_store_again(
    opened: OpenVault, key_file: KeyFile, seal_in_store: SealInStore
) -> None:
    path = key_file()
    sealed = await seal_in_store(await opened(path))

    again = await opened(path)

    assert again.open(sealed) == FIELDS


@pytest.mark.parametrize("configured", [False, True], ids=["not-configured", "missing-file"])
async def test_the_vault_is_sealed_without_a_key_file(
    opened: OpenVault, tmp_path: Path, configured: bool
) -> None:
    vault = await opened(tmp_path / "missing.key" if configured else None)

    assert vault.sealed_reason is not None
    assert "key file" in vault.sealed_reason


async def test_a_missing_retired_key_file_seals_the_vault_and_is_named(
    opened: OpenVault, key_file: KeyFile, tmp_path: Path
) -> None:
    vault = await opened(key_file(), tmp_path / "old.key")

    assert "old.key" in (vault.sealed_reason or "")


async def test_a_malformed_key_file_is_a_configuration_fault_and_not_a_sealed_start(
    opened: OpenVault, key_file: KeyFile
) -> None:
    with pytest.raises(ConfigurationError):
        await opened(key_file(mode=0o644))


@pytest.mark.parametrize("with_credentials", [True, False])
async def test_another_key_file_seals_the_vault(
    opened: OpenVault, key_file: KeyFile, seal_in_store: SealInStore, with_credentials: bool
) -> None:
    vault = await opened(key_file("right.key"))
    if with_credentials:
        await seal_in_store(vault)

    wrong = await opened(key_file("wrong.key"))

    assert wrong.sealed_reason == "the key file is not the one that this store was made with"


async def test_a_wrong_key_leaves_the_store_as_it_is_for_the_right_one(
    opened: OpenVault, key_file: KeyFile, seal_in_store: SealInStore, store: Store
) -> None:
    right = key_file("right.key")
    sealed = await seal_in_store(await opened(right))
    before = await actions(store)

    await opened(key_file("wrong.key"))

    assert await actions(store) == before
    assert (await opened(right)).open(sealed) == FIELDS


async def test_a_sealed_vault_refuses_all_work_with_the_reason(
    opened: OpenVault, key_file: KeyFile, seal_in_store: SealInStore, clock: FakeClock
) -> None:
    sealed = await seal_in_store(await opened(key_file()))
    vault = await opened(None)

    with pytest.raises(VaultSealedError, match="no key file is configured"):
        vault.open(sealed)
    with pytest.raises(VaultSealedError):
        vault.seal(LINKS[0], FIELDS, generation=1, schema="demo@1", at=clock.now())
    with pytest.raises(VaultSealedError):
        vault.fingerprint(b"")
    with pytest.raises(VaultSealedError):
        vault.audit_entry(None, at=clock.now(), action="set", actor="api")
    assert vault.kids == ()


@pytest.mark.parametrize("how", ["damaged", "removed"])
async def test_a_store_whose_held_keys_were_tampered_with_stays_sealed(
    opened: OpenVault, key_file: KeyFile, seal_in_store: SealInStore, store: Store, how: str
) -> None:
    path = key_file()
    await seal_in_store(await opened(path))

    async with store.read() as uow:
        note = await uow.notes.get(HELD_KEYS_NOTE)
    assert note is not None
    changed = note[:-1] + bytes([note[-1] ^ 1]) if how == "damaged" else b""
    await store.write(lambda uow: uow.notes.put(HELD_KEYS_NOTE, changed))

    assert (await opened(path)).sealed_reason is not None


async def test_a_start_is_audited_and_the_load_of_a_key_only_once(
    opened: OpenVault, key_file: KeyFile, store: Store
) -> None:
    path = key_file()

    await opened(path)
    await opened(path)

    assert await actions(store) == ["key_load", "unseal", "unseal"]


async def test_a_fingerprint_survives_a_restart(opened: OpenVault, key_file: KeyFile) -> None:
    path = key_file()

    assert (await opened(path)).fingerprint(b"x") == (await opened(path)).fingerprint(b"x")
