from __future__ import annotations

import pickle
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from syncer.domain.errors import CredentialUnreadableError
from syncer.domain.links import LinkKey
from syncer.domain.stored import SealedCredential
from syncer.testing import FakeClock
from syncer.vault import KeyRingVault
from tests.vault.conftest import FIELDS, LINKS, OpenVault


@pytest.fixture
async def vault(opened: OpenVault, key_file: Callable[..., Path]) -> KeyRingVault:
    return await opened(key_file())


@pytest.fixture
def sealed(vault: KeyRingVault, clock: FakeClock) -> SealedCredential:
    return vault.seal(LINKS[0], FIELDS, generation=1, schema="demo@1", at=clock.now())


def flips(blob: bytes) -> list[bytes]:
    number = int.from_bytes(blob)
    return [(number ^ (1 << bit)).to_bytes(len(blob)) for bit in range(len(blob) * 8)]


def with_part(sealed: SealedCredential, part: str, blob: bytes) -> SealedCredential:
    changed: dict[str, Any] = {part: blob}
    return replace(sealed, **changed)


def test_a_sealed_field_set_opens_to_what_was_sealed(
    vault: KeyRingVault, sealed: SealedCredential
) -> None:
    assert vault.open(sealed) == FIELDS


@pytest.mark.parametrize("part", ["payload", "wrapped_key", "kid"])
def test_every_flipped_bit_is_refused(
    vault: KeyRingVault, sealed: SealedCredential, part: str
) -> None:
    for changed in flips(getattr(sealed, part)):
        with pytest.raises(CredentialUnreadableError):
            vault.open(with_part(sealed, part, changed))


@pytest.mark.parametrize(
    "change",
    [
        {"link": LINKS[1]},
        {"link": LinkKey(LINKS[0].repairer, "other")},
        {"link": LinkKey("garage-0d", "emo")},
        {"generation": 2},
        {"schema": "demo@2"},
        {"id": bytes(16)},
    ],
    ids=["repairer", "connector", "moved-border", "generation", "schema", "id"],
)
def test_a_changed_context_is_refused(
    vault: KeyRingVault, sealed: SealedCredential, change: dict[str, Any]
) -> None:
    with pytest.raises(CredentialUnreadableError):
        vault.open(replace(sealed, **change))


@pytest.mark.parametrize("part", ["payload", "wrapped_key"])
@pytest.mark.parametrize("length", [0, 1, 2, 29])
def test_a_cut_blob_is_refused(
    vault: KeyRingVault, sealed: SealedCredential, part: str, length: int
) -> None:
    with pytest.raises(CredentialUnreadableError):
        vault.open(with_part(sealed, part, getattr(sealed, part)[:length]))


@pytest.mark.parametrize("part", ["payload", "wrapped_key"])
def test_a_part_of_another_credential_is_refused(
    vault: KeyRingVault, sealed: SealedCredential, clock: FakeClock, part: str
) -> None:
    other = vault.seal(LINKS[1], FIELDS, generation=1, schema="demo@1", at=clock.now())

    with pytest.raises(CredentialUnreadableError):
        vault.open(with_part(sealed, part, getattr(other, part)))


def test_sealing_twice_shares_no_bytes_that_tell_of_equality(
    vault: KeyRingVault, sealed: SealedCredential, clock: FakeClock
) -> None:
    again = vault.seal(LINKS[0], FIELDS, generation=1, schema="demo@1", at=clock.now())

    assert again.payload[2:] != sealed.payload[2:]
    assert again.wrapped_key[2:] != sealed.wrapped_key[2:]


def test_a_sealed_credential_shows_field_names_and_no_value(sealed: SealedCredential) -> None:
    assert sealed.fields == ("password", "username")
    assert "s3cr" not in repr(sealed)


def test_a_vault_cannot_be_pickled(vault: KeyRingVault) -> None:
    with pytest.raises(TypeError):
        pickle.dumps(vault)


async def test_a_fingerprint_is_the_same_for_the_same_data_only(vault: KeyRingVault) -> None:
    assert vault.fingerprint(b"a") == vault.fingerprint(b"a")
    assert vault.fingerprint(b"a") != vault.fingerprint(b"b")


async def test_two_vaults_with_one_key_file_name_it_differently(
    vault: KeyRingVault, key_file: Callable[..., Path], tmp_path: Path, clock: FakeClock
) -> None:
    from syncer.dispatch.ambient import UuidIds
    from syncer.store import open_store, sqlite_url
    from syncer.vault import open_vault

    path = key_file("shared.key", fill=7)
    kids = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        url = sqlite_url(tmp_path / name / "syncer.db")
        async with open_store(url, clock=clock, ids=UuidIds()) as store:
            kids.append((await open_vault(store, path, clock=clock)).kids)

    assert kids[0] != kids[1]
