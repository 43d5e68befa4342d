"""The bytes of format 1, which no release may change: one vector for each format, for ever."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime

import pytest

from syncer.domain.links import LinkKey
from syncer.domain.stored import SealedCredential
from syncer.vault import KeyRingVault
from syncer.vault.encoding import bound_to, open_blob
from syncer.vault.held import HeldKeys
from syncer.vault.ring import KeyRing
from syncer.vault.roots import RootKey, cipher_of, derived

ROOT = bytes(range(32))
INSTALL_ID = b"\x11" * 16
DATA_KEY = bytes(range(0x20, 0x40))
HEADER = b"\x01\x01"
WRAPPED = HEADER + bytes.fromhex(
    "000000000000000000000000050821221e7feafc8424c2dc0bdb8328d95ab66a5a4c32ce8e2e619f2989829595e3"
    "9c70e6117d8415f573c9ac64bbcd"
)
PAYLOAD = HEADER + bytes.fromhex(
    "0101010101010101010101017be392aae13e6a8c08b6f4e4990ac9d77f71a1ef8bfb0531503a434e4fbfa48dea90"
    "2b27fa6f70e93a145374a81e34183451a06a0f050b7ad3c2c3e024"
)
SEALED = SealedCredential(
    id=b"\x22" * 16,
    link=LinkKey("rep-0001", "demo"),
    generation=1,
    schema="demo@1",
    fields=("password", "username"),
    payload=PAYLOAD,
    kid=bytes.fromhex("3bdb8b3d3cdb4034"),
    wrapped_key=WRAPPED,
    created_at=datetime(2026, 3, 2, tzinfo=UTC),
)


@pytest.fixture
def vault() -> KeyRingVault:
    root = RootKey(ROOT, INSTALL_ID)
    held = HeldKeys.draw().with_chain(1)
    ring = KeyRing(install_id=INSTALL_ID, active=root, roots={root.kid: root}, held=held)
    return KeyRingVault(ring)


def test_the_key_encryption_key_is_that_of_the_vector() -> None:
    expected = "1cbf854cb4dfeef1bb1c5b5aad90405f1bfd9c1d2038689770b2efe74df7cef2"

    assert derived(ROOT, INSTALL_ID, b"kek").hex() == expected


def test_the_kid_is_that_of_the_vector() -> None:
    assert RootKey(ROOT, INSTALL_ID).kid == SEALED.kid


def test_the_associated_data_of_the_payload_is_that_of_the_vector() -> None:
    digest = hashlib.sha256(bound_to(b"payload", INSTALL_ID, SEALED)).hexdigest()

    assert digest == "531fca2d040b62692485db48ab1fcf132c5490253c9064faee12be5536b117a9"


def test_the_wrapped_key_of_the_vector_opens_to_its_data_key() -> None:
    assert RootKey(ROOT, INSTALL_ID).unwrap(SEALED) == DATA_KEY


def test_the_payload_of_the_vector_holds_sorted_json_without_spaces() -> None:
    plain = open_blob(cipher_of(DATA_KEY), PAYLOAD, bound_to(b"payload", INSTALL_ID, SEALED))

    assert plain.decode() == '{"password":"s3crét","username":"garage-42"}'


def test_the_vector_opens_through_the_vault(vault: KeyRingVault) -> None:
    assert vault.open(SEALED) == {"password": "s3crét", "username": "garage-42"}
